// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/staying.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "analysis/claims.h"
#include "analysis/culprit.h"
#include "analysis/findings.h"
#include "analysis/merging.h"
#include "analysis/survival.h"
#include "analysis/wilson.h"
#include "base/text.h"

namespace seep {

namespace {

/// Of fewer blocks at an age, the share says nothing.
constexpr double least_looked = 5;
/// An age to compare with: a quarter of the greatest, as ages are doubled.
constexpr std::size_t earlier_ages = 2;
/// Of what was there then, what is there now in a leak; and by chance (standard deviations).
constexpr double most_late_gone = 0.05;
constexpr double certainly = 1.645;
/// Of its blocks, what stays at most of a stack that does not grow.
constexpr double hardly_any = 0.25;
/// Where less is there, those that may be taken for others may be most of it.
constexpr double mostly = 0.5;
/// Blocks that must be left of many for these to stay for good.
constexpr double least_left = 5;
/// Of a leak's blocks that were looked at: so many, most of which are there, after this share of
/// the window.
constexpr double enough_blocks = 10;
constexpr double nearly_all = 0.75;
constexpr double late = 0.125;

/// Of the memory's pace over the window, that of the later half of what does not slow down.
constexpr double least_late_pace = 0.85;

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

Survival with_interval(const Look& look) {
    const Share share = wilson(look.there, look.looked);
    return {.age_seconds = look.age, .share = share.value, .low = share.low, .high = share.high};
}

/// Whether fewer are there than at an earlier age, by more than chance: the test of two shares by
/// their pooled variance.
bool are_fewer(const Look& then, const Look& now) {
    if (now.share() >= (1 - most_late_gone) * then.share()) return false;
    const double pooled = (now.there + then.there) / (now.looked + then.looked);
    const double deviation = std::sqrt(pooled * (1 - pooled) * (1 / now.looked + 1 / then.looked));
    return then.share() - now.share() > certainly * deviation;
}

/// Than at a quarter of that age; of the few that are left of many, than at half of it.
bool is_dying(const std::vector<Look>& looks) {
    const Look& now = looks.back();
    if (now.there <= 0) return true;
    const auto before = [&](std::size_t ages) {
        return looks.size() > ages ? looks[looks.size() - 1 - ages]
                                   : Look{.age = 0, .looked = now.looked, .there = now.looked};
    };
    const std::size_t earlier = std::min(earlier_ages, std::max<std::size_t>(looks.size() - 1, 1));
    return are_fewer(before(earlier), now) && (now.share() >= mostly || are_fewer(before(1), now));
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

std::string function_of(const ReportStack& stack) {
    return function_key(stack.frames[stack.culprit]);
}

/// Of its blocks, those that were freed, in tenths.
int freed_tenths(const ReportStack& stack) {
    const auto all = static_cast<double>(std::max<std::uint64_t>(stack.totals.allocated_count, 1));
    return static_cast<int>(std::lround(10 * static_cast<double>(stack.totals.freed_count) / all));
}

/// Of what a stack was seen to have more, the part of that share. Those that were seen to be free
/// later are among the gone, and not among what it has.
Growth part_of(const ReportStack& stack, const Survival& share) {
    const auto has = static_cast<double>(stack.totals.lapsed_count);
    const auto had = has + static_cast<double>(stack.returned_count);
    const auto part = [&](double of_all) {
        return has > 0 ? std::min(1.0, of_all * had / has) : 1;
    };
    Growth growth = stack.held_growth;
    growth.bytes_per_second *= part(share.share);
    growth.bytes = std::llround(static_cast<double>(growth.bytes) * part(share.share));
    if (growth.low > 0) growth.low *= part(share.low);
    growth.high *= part(share.high);
    return growth;
}

void leave_out_gone(const Staying& staying, ReportStack& stack) {
    const Survival& survival = staying.survival;
    const bool is_open =
        stack.verdict == Verdict::growing || stack.verdict == Verdict::undetermined;
    stack.reason += "; " + staying_text(staying);
    if (stack.held_growth.bytes_per_second <= 0) return;
    const Growth part = part_of(stack, survival);
    if (part.bytes_per_second < stack.growth.bytes_per_second) stack.growth = part;
    if (staying.dying) {
        stack.seen_to_leak = false;
        stack.growth.low = std::min(stack.growth.low, 0.0);
        if (is_open) stack.verdict = Verdict::undetermined;
        if (!is_open || !is_hardly_any(staying)) return;
        stack.verdict = Verdict::steady;
        stack.growth.bytes_per_second = 0;
        stack.growth.bytes = 0;
    } else if (survival.share < mostly &&
               (!staying.sure || survival.share * staying.blocks < least_left)) {
        // As many may be taken for others, or live for longer than most.
        stack.seen_to_leak = false;
        stack.growth.low = std::min(stack.growth.low, 0.0);
        if (is_open) stack.verdict = Verdict::undetermined;
    }
}

bool is_left_by_counted_calls(const ReportStack& stack) {
    return stack.counted && stack.totals.freed_count == 0 &&
           static_cast<double>(stack.totals.held_count()) >= enough_blocks;
}

/// In windows a pace is not known well. What none was ever freed of, and all are there or the calls
/// that leave it were counted, grows as long as the memory does.
void keep_growing(const Report& report, ReportStack& stack) {
    const ProcessMemory& memory = report.memory;
    const bool stays = is_seen_to_stay(stack, seconds_of(report));
    const bool counted = is_left_by_counted_calls(stack);
    if (stack.verdict != Verdict::undetermined || stack.growth.low <= 0 ||
        stack.totals.freed_count > 0 || !(stays || counted) || memory.anonymous_lately.low <= 0 ||
        memory.anonymous_paused_seconds > 0)
        return;
    stack.verdict = Verdict::growing;
    if (!stays) stack.reason += "; the calls that leave its blocks go on, as they were counted";
    // Without a trend of its own, that of the memory must do.
    stack.seen_to_leak = memory.anonymous_lately.bytes_per_second >=
                         least_late_pace * memory.anonymous.bytes_per_second;
    stack.reason += ", as does the anonymous memory";
}

bool is_mostly_there(const std::optional<Staying>& seen) {
    return seen && seen->survival.low >= mostly;
}

/// Of what always has a block in flight, as a document that is being worked on, each window loses
/// sight of one, so that they seem to become more.
void leave_open_one_a_window(const Report& report, ReportStack& stack) {
    if (stack.verdict != Verdict::growing || stack.seen_to_leak || stack.in_heap ||
        is_left_by_counted_calls(stack) || is_mostly_there(stack.evidence.staying) ||
        stack.totals.held_count() > report.sampling.pauses)
        return;
    stack.verdict = Verdict::undetermined;
    stack.growth.low = std::min(stack.growth.low, 0.0);
    stack.reason +=
        "; it has no more blocks than there were windows, of each of which one may have "
        "been in flight when the probes went";
}

std::optional<Staying> staying(const std::vector<Look>& looks) {
    if (looks.empty()) return std::nullopt;
    Staying result{.survival = with_interval(looks.back()),
                   .blocks = looks.back().looked,
                   .dying = is_dying(looks)};
    if (result.dying) return result;
    // Nothing has gone for a while: of that, the age at which most were looked at tells it best.
    Look most = looks.back();
    for (auto look = looks.rbegin(); look != looks.rend() && !are_fewer(*look, looks.back());
         ++look)
        if (look->looked > most.looked) most = *look;
    const Survival then = with_interval(most);
    result.blocks = most.looked;
    result.survival.share = then.share;
    result.survival.low = std::min(result.survival.low, then.low);
    result.survival.high = then.high;
    return result;
}

}  // namespace

std::optional<Staying> staying(const StackRevisits& revisits) {
    Looks all = revisits.sure;
    accumulate(all, revisits.vague);
    auto sure = staying(looks_at_ages(revisits.sure));
    auto any = staying(looks_at_ages(all));
    const bool enough = sure && sure->blocks >= enough_blocks &&
                        sure->survival.age_seconds >= any->survival.age_seconds;
    if (!enough) return any;
    // Of the few that are left of many, most may be taken for others.
    if (!any->dying && any->survival.share < mostly) any = sure;
    any->sure = true;
    return any;
}

void tell_replaced(Report& report) {
    const auto mark = [](ReportStack& stack, const std::optional<Staying>& seen) {
        stack.is_replaced = seen && seen->sure && seen->dying && is_hardly_any(*seen);
        if (stack.is_replaced) stack.evidence.staying = seen;
    };
    struct Fates {
        StackRevisits replaced;
        bool any_stays = false;
    };
    std::map<std::uint32_t, Fates> of_cluster;
    for (ReportStack& stack : report.stacks) {
        const auto seen = staying(stack.revisits);
        if (stack.kind != StackKind::heap || !seen || !seen->sure) continue;
        mark(stack, seen);
        Fates& fates = of_cluster[stack.evidence.cluster];
        if (stack.is_replaced)
            accumulate(fates.replaced.sure, stack.revisits.sure);
        else
            fates.any_stays = true;
    }
    of_cluster.erase(0);
    std::map<std::uint32_t, std::optional<Staying>> fate_of;
    for (const auto& [cluster, fates] : of_cluster)
        if (!fates.any_stays) fate_of[cluster] = staying(fates.replaced);
    for (ReportStack& stack : report.stacks)
        if (const auto kin = fate_of.find(stack.evidence.cluster);
            kin != fate_of.end() && stack.kind == StackKind::heap && !stack.is_replaced)
            mark(stack, kin->second);
}

void leave_out_gone(Report& report) {
    std::map<std::uint32_t, StackRevisits> of_cluster;
    std::map<std::pair<Place, int>, StackRevisits> of_place;
    std::map<std::pair<std::string, int>, StackRevisits> of_function;
    const auto counts = [](const ReportStack& stack) {
        return stack.kind == StackKind::heap && !stack.revisits.empty();
    };
    for (const ReportStack& stack : report.stacks) {
        if (!counts(stack)) continue;
        if (stack.evidence.cluster != 0)
            accumulate(of_cluster[stack.evidence.cluster], stack.revisits);
        if (stack.frames.empty()) continue;
        accumulate(of_place[{place_of(stack), freed_tenths(stack)}], stack.revisits);
        accumulate(of_function[{function_of(stack), freed_tenths(stack)}], stack.revisits);
    }
    for (ReportStack& stack : report.stacks) {
        if (stack.kind != StackKind::heap || stack.growth.high <= 0) continue;
        std::optional<Staying>& seen = stack.evidence.staying;
        const auto take_later = [&](const StackRevisits& revisits) {
            const auto other = staying(revisits);
            if (other && (!seen || other->survival.age_seconds > seen->survival.age_seconds))
                seen = other;
        };
        // Of one cause there is one fate, and some of its blocks tell it surely.
        const auto take_surer = [&](const StackRevisits& revisits) {
            const auto other = staying(revisits);
            if (other && other->sure && is_nearly_all(*other) && !(seen && seen->dying) &&
                (!seen || other->survival.age_seconds >= seen->survival.age_seconds))
                seen = other;
        };
        const auto take_of = [&](const auto& groups, const auto& key) {
            if (const auto kin = groups.find(key); kin != groups.end()) take_later(kin->second);
        };
        if (!stack.is_replaced) {
            take_later(stack.revisits);
            if (!stack.frames.empty())
                take_of(of_place, std::pair(place_of(stack), freed_tenths(stack)));
            if (const auto kin = of_cluster.find(stack.evidence.cluster); kin != of_cluster.end()) {
                take_later(kin->second);
                take_surer(kin->second);
            }
            if (!seen && !stack.frames.empty())
                take_of(of_function, std::pair(function_of(stack), freed_tenths(stack)));
        }
        // The heap has as many more, whatever became of those that were looked at.
        if (seen && !stack.surely_in_heap) leave_out_gone(*seen, stack);
        keep_growing(report, stack);
        leave_open_one_a_window(report, stack);
        // As part of a sum it grew for certain, but not by itself.
        if (stack.verdict == Verdict::growing && stack.growth.low < 0)
            stack.verdict = Verdict::undetermined;
    }
}

bool is_hardly_any(const Staying& seen) {
    return seen.survival.high < hardly_any;
}

bool is_nearly_all(const Staying& seen) {
    return !seen.dying && seen.survival.low >= nearly_all;
}

bool is_seen_to_stay(const ReportStack& stack, double window_seconds) {
    const auto& seen = stack.evidence.staying;
    return seen && seen->sure && is_nearly_all(*seen) &&
           seen->survival.age_seconds >= late * window_seconds;
}

}  // namespace seep
