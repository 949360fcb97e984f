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
constexpr std::uint64_t least_looked = 5;
/// The greatest ages: each is twice the one before.
constexpr std::size_t last_ages = 2;
/// Gone at these: of a leak, hardly any.
constexpr double most_late_gone = 0.05;
constexpr double least_late_gone = 2;
/// Of its blocks, what stays at most of a stack that does not grow.
constexpr double hardly_any = 0.25;
/// Of a leak's blocks that were looked at: so many, most of which are there, after this share of
/// the window.
constexpr double enough_blocks = 10;
constexpr double nearly_all = 0.75;
constexpr double late = 0.125;

std::vector<RiskSet> risk_sets_of(const Looks& looks) {
    std::vector<RiskSet> sets;
    for (std::size_t bin = 0; bin < looks.looked.size(); ++bin)
        if (looks.looked[bin] >= least_looked)
            sets.push_back({bin_start(bin), static_cast<double>(looks.looked[bin]),
                            static_cast<double>(looks.gone[bin])});
    return sets;
}

double most_at_risk(const std::vector<RiskSet>& sets) {
    double most = 0;
    for (const RiskSet& set : sets) most = std::max(most, set.at_risk);
    return most;
}

Survival survival_at_last(const std::vector<RiskSet>& sets) {
    return survival_interval(product_limit(sets).back(), most_at_risk(sets));
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
    const std::vector<RiskSet> sets = risk_sets_of(all);
    if (sets.empty()) return std::nullopt;
    Staying result;
    result.blocks = most_at_risk(sets);
    result.survival = survival_at_last(sets);
    double looked = 0;
    double gone = 0;
    for (std::size_t i = sets.size() - std::min(last_ages, sets.size()); i < sets.size(); ++i) {
        looked += sets[i].at_risk;
        gone += sets[i].deaths;
    }
    result.dying = gone >= least_late_gone && gone > most_late_gone * looked;
    const std::vector<RiskSet> sure = risk_sets_of(revisits.sure);
    if (most_at_risk(sure) < enough_blocks) return result;
    const Survival certain = survival_at_last(sure);
    result.sure_low = certain.low;
    result.sure_age = certain.age_seconds;
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
