// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/staying.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <vector>

#include "analysis/findings.h"
#include "analysis/merging.h"
#include "analysis/survival.h"
#include "base/text.h"

namespace seep {

namespace {

/// Of fewer blocks at an age, the share says nothing.
constexpr double least_looked = 5;
/// An age to compare with: a quarter of the greatest, as ages are doubled.
constexpr std::size_t earlier_ages = 2;
/// Of what was there then, what is there now in a leak; and by chance (standard deviations).
constexpr double most_late_gone = 0.05;
constexpr double sure = 1.645;
/// Of its blocks, what stays at most of a stack that does not grow.
constexpr double hardly_any = 0.25;
/// Of a leak's blocks that were looked at: so many, most of which are there, after this share of
/// the window.
constexpr double enough_blocks = 10;
constexpr double nearly_all = 0.75;
constexpr double late = 0.125;

/// At an age.
struct Look {
    double age = 0;  ///< In seconds.
    double looked = 0;
    double there = 0;

    [[nodiscard]] double share() const { return there / looked; }
};

/// Ascending by age, as far as enough were looked at.
std::vector<Look> looks_at_ages(const Looks& counts) {
    std::vector<Look> looks;
    for (std::size_t bin = 0; bin < counts.looked.size(); ++bin) {
        const auto looked = static_cast<double>(counts.looked[bin]);
        if (looked >= least_looked)
            looks.push_back(
                {bin_start(bin), looked, looked - static_cast<double>(counts.gone[bin])});
    }
    return looks;
}

/// By E. B. Wilson, "Probable inference, the law of succession, and statistical inference", J. Am.
/// Stat. Assoc. 22 (1927).
Survival with_interval(const Look& look) {
    constexpr double z = 1.959963984540054;
    const double n = look.looked;
    const double p = look.share();
    const double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
    const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    return {.age_seconds = look.age,
            .share = p,
            .low = look.there > 0 ? std::max(0.0, middle - half) : 0,
            .high = look.there < n ? std::min(1.0, middle + half) : 1};
}

/// Whether fewer are there than at a quarter of that age, by more than chance: the test of two
/// shares by their pooled variance.
bool is_dying(const std::vector<Look>& looks) {
    const Look& now = looks.back();
    const Look& then = looks[looks.size() - 1 - std::min(earlier_ages, looks.size() - 1)];
    const double before = looks.size() > 1 ? then.share() : 1;
    if (now.share() >= (1 - most_late_gone) * before) return false;
    const double earlier = looks.size() > 1 ? then.looked : now.looked;
    const double pooled = (now.there + before * earlier) / (now.looked + earlier);
    const double deviation = std::sqrt(pooled * (1 - pooled) * (1 / now.looked + 1 / earlier));
    return before - now.share() > sure * deviation;
}

std::string staying_text(const Staying& staying) {
    const Survival& survival = staying.survival;
    const std::string age =
        format_duration(std::chrono::nanoseconds(std::llround(survival.age_seconds * 1e9)));
    return fmt::format(
        "of {:.0f} of its blocks that were looked at again, {:.3g} % were still "
        "there after {} ({:.3g} to {:.3g} %, 95 %){}",
        staying.blocks, 100 * survival.share, age, 100 * survival.low, 100 * survival.high,
        staying.dying && survival.share > 0 ? ", fewer each time" : "");
}

void leave_out_gone(const Staying& staying, ReportStack& stack) {
    const Survival& survival = staying.survival;
    stack.reason += "; " + staying_text(staying);
    stack.seen_to_leak = stack.seen_to_leak && !staying.dying;
    // The less there is, the less of it was in flight, which did not stay, either.
    const auto left = [&](double share) {
        return std::min(1.0, share / (1 - stack.in_flight_share));
    };
    Growth& growth = stack.growth;
    if (growth.bytes_per_second <= 0) return;
    growth.bytes_per_second *= left(survival.share);
    growth.bytes = std::llround(static_cast<double>(growth.bytes) * left(survival.share));
    if (growth.low > 0) growth.low *= left(survival.low);
    growth.high *= left(survival.high);
    if (!staying.dying) return;
    growth.low = std::min(growth.low, 0.0);
    if (stack.verdict == Verdict::growing) stack.verdict = Verdict::undetermined;
    if (stack.verdict == Verdict::undetermined && survival.high < hardly_any)
        stack.verdict = Verdict::steady;
}

}  // namespace

std::optional<Staying> staying(const StackRevisits& revisits) {
    Looks all = revisits.sure;
    accumulate(all, revisits.vague);
    const std::vector<Look> looks = looks_at_ages(all);
    if (looks.empty()) return std::nullopt;
    Staying result{.survival = with_interval(looks.back()),
                   .blocks = looks.back().looked,
                   .dying = is_dying(looks)};
    const std::vector<Look> certain = looks_at_ages(revisits.sure);
    if (certain.empty() || certain.back().looked < enough_blocks) return result;
    result.sure_low = with_interval(certain.back()).low;
    result.sure_age = certain.back().age;
    return result;
}

void leave_out_gone(Report& report) {
    std::map<std::uint32_t, StackRevisits> of_cluster;
    std::map<Place, StackRevisits> of_place;
    for (const ReportStack& stack : report.stacks) {
        if (stack.kind != StackKind::heap) continue;
        if (stack.evidence.cluster != 0)
            accumulate(of_cluster[stack.evidence.cluster], stack.revisits);
        if (!stack.frames.empty()) accumulate(of_place[place_of(stack)], stack.revisits);
    }
    for (ReportStack& stack : report.stacks) {
        if (stack.kind != StackKind::heap || stack.growth.high <= 0) continue;
        std::optional<Staying>& seen = stack.evidence.staying;
        const auto take_later = [&](const StackRevisits& revisits) {
            const auto other = staying(revisits);
            if (other && (!seen || other->survival.age_seconds > seen->survival.age_seconds))
                seen = other;
        };
        take_later(stack.revisits);
        if (!stack.frames.empty()) take_later(of_place[place_of(stack)]);
        if (stack.evidence.cluster != 0) take_later(of_cluster[stack.evidence.cluster]);
        if (seen) leave_out_gone(*seen, stack);
    }
}

bool is_seen_to_stay(const ReportStack& stack, double window_seconds) {
    const auto& seen = stack.evidence.staying;
    return seen && !seen->dying && seen->sure_low >= nearly_all &&
           seen->sure_age >= late * window_seconds;
}

}  // namespace seep
