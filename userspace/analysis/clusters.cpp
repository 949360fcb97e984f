// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/clusters.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <utility>

#include "analysis/collection.h"
#include "analysis/culprit.h"
#include "analysis/findings.h"
#include "analysis/growth.h"
#include "analysis/lockstep.h"
#include "analysis/normal.h"
#include "analysis/ratio.h"
#include "analysis/sampling.h"
#include "analysis/series.h"

namespace seep {

namespace {

/// Comparing is quadratic where all grow equally but have no caller in common.
constexpr std::size_t most_candidates = 1000;
constexpr std::size_t most_steps = 64;
/// Fewer blocks may agree by chance.
constexpr double least_blocks = 5;
constexpr std::size_t most_roots = 3;
constexpr double most_weight = 2;

const MergedStack& find(const std::vector<MergedStack>& merged, const std::string& id) {
    std::uint64_t value = 0;
    std::from_chars(id.data(), id.data() + id.size(), value, 16);
    return *std::ranges::lower_bound(merged, value, {}, &MergedStack::id);
}

LockstepStack lockstep_stack(const MergedStack& stack, const RecordingContents& contents) {
    const Window& window = contents.window;
    LockstepStack result;
    result.callers = stack.record.locations;
    result.roots = root_frames(stack.record, contents);
    LivePoint before = point_at(stack.live, window.first);
    const bool frees_lag = contents.snapshots[window.last].pauses > 0;
    const std::size_t steps = std::min(most_steps, window.last - window.first);
    for (std::size_t step = 1; step <= steps; ++step) {
        const std::size_t until = window.first + (window.last - window.first) * step / steps;
        const LivePoint now = point_at(stack.live, until);
        const auto more = [&](std::uint64_t LivePoint::*count) {
            return static_cast<double>(now.*count) - static_cast<double>(before.*count);
        };
        result.steps.push_back(more(&LivePoint::live_count));
        if (frees_lag) result.made.push_back(more(&LivePoint::allocated_count));
        before = now;
    }
    result.weight = mean_weight(stack.totals, contents.info.sampling_bytes);
    result.allocated =
        static_cast<double>(stack.totals.allocated_count - stack.at_start.allocated_count);
    result.freed = static_cast<double>(stack.totals.freed_count - stack.at_start.freed_count);
    return result;
}

using Unit = LockstepClusters::Unit;

void add(Unit& unit, std::size_t rank, const MergedStack& stack,
         const RecordingContents& contents) {
    LockstepStack added = lockstep_stack(stack, contents);
    unit.ranks.push_back(rank);
    if (unit.first == nullptr) {
        unit.first = &stack;
        unit.together = std::move(added);
        return;
    }
    LockstepStack& together = unit.together;
    for (std::size_t step = 0; step < together.steps.size(); ++step)
        together.steps[step] += added.steps[step];
    for (std::size_t step = 0; step < together.made.size(); ++step)
        together.made[step] += added.made[step];
    const auto inner = std::mismatch(together.callers.rbegin(), together.callers.rend(),
                                     added.callers.rbegin(), added.callers.rend())
                           .first;
    together.callers.erase(together.callers.begin(), inner.base());
    together.roots = std::max(together.roots, added.roots);
    together.weight = std::max(together.weight, added.weight);
    together.allocated += added.allocated;
    together.freed += added.freed;
}

double grown_blocks(const LockstepStack& stack) {
    double sum = 0;
    for (const double step : stack.steps) sum += step;
    return sum;
}

/// The innermost one of `common` outermost locations that all of them share, as it is shown; the
/// last before generated code if there are none.
ReportFrame shared_frame(const StackRecord& stack, std::size_t common,
                         const RecordingContents& contents,
                         const std::vector<ObjectRecord>& objects) {
    const std::size_t shared =
        common > 0 ? stack.locations.size() - common
                   : std::max<std::size_t>(before_generated_code(stack, contents).size(), 1) - 1;
    StackRecord outer = stack;
    outer.locations.erase(outer.locations.begin(),
                          outer.locations.begin() + static_cast<std::ptrdiff_t>(shared));
    // The first location of a whole stack is the allocator's, of which inlined frames are left out.
    const std::vector<ReportFrame> frames = report_frames(outer, contents, objects);
    return frames.empty() ? ReportFrame{} : frames.front();
}

/// A stack of a cluster, and how it grows with those that count as one with it.
struct Member {
    ReportStack* stack;
    const LockstepStack* steps;
};

/// Blocks that become more in step with blocks that leak are parts of what leaks, however few of
/// them there are. A pool grows by its own measure: large blocks are, if they do so one for one.
void join_leaks(const std::vector<Member>& group) {
    const auto is_leak = [](const ReportStack& stack) {
        return stack.verdict == Verdict::leak || stack.seen_to_leak;
    };
    for (const Member& member : group) {
        ReportStack& stack = *member.stack;
        const bool is_open = stack.verdict == Verdict::growing ||
                             (stack.verdict == Verdict::undetermined && stack.growth.low > 0);
        if (!is_open || is_leak(stack)) continue;
        const auto leak = std::ranges::find_if(group, [&](const Member& other) {
            return is_leak(*other.stack) &&
                   (!stack.may_be_pool || in_equal_numbers(*other.steps, *member.steps));
        });
        if (leak == group.end()) continue;
        stack.verdict = leak->stack->verdict;
        stack.seen_to_leak = leak->stack->seen_to_leak;
        stack.reason = fmt::format("its troughs rise by {}, in step with stack {}, which {}",
                                   hourly(stack.growth), leak->stack->id,
                                   stack.seen_to_leak ? "may leak" : "leaks");
        stack.evidence.decidable_at_ns.reset();
    }
}

/// Of what a stack has grown by for each block of another in step with it: by how much their sizes
/// differ from time to time, and for an object that a window may have torn.
double share_error(const MergedStack& stack, const MergedStack& known, const Window& window) {
    std::vector<RatioPart> parts;
    for (std::size_t snapshot = window.first; snapshot < window.last; ++snapshot) {
        const auto more = [&](const MergedStack& of, std::uint64_t LivePoint::*held) {
            return static_cast<double>(point_at(of.live, snapshot + 1).*held) -
                   static_cast<double>(point_at(of.live, snapshot).*held);
        };
        parts.push_back({more(known, &LivePoint::live_count), more(stack, &LivePoint::live)});
    }
    const auto blocks =
        static_cast<double>(std::min(stack.totals.held_count(), known.totals.held_count()));
    return std::hypot(1 / blocks / z_95, ratio_error(parts).value_or(1 / std::sqrt(blocks)));
}

/// Where the calls that leave blocks of one stack were counted, or its blocks in the heap, as many
/// were left of those in step with it.
void share_counts(const std::vector<std::size_t>& ranks, const std::vector<MergedStack>& merged,
                  const Window& window, std::vector<ReportStack>& ranked) {
    const ReportStack* known = nullptr;
    const auto is_left = [](const ReportStack& stack) {
        return stack.kind == StackKind::heap && stack.totals.freed_count == 0 &&
               stack.growth.low > 0;
    };
    for (const std::size_t rank : ranks) {
        const ReportStack& stack = ranked[rank];
        if (!(stack.counted || stack.in_heap) || !is_left(stack)) continue;
        if (known == nullptr || interval_width(stack.growth) < interval_width(known->growth))
            known = &stack;
    }
    if (known == nullptr) return;
    for (const std::size_t rank : ranks) {
        ReportStack& stack = ranked[rank];
        if (&stack == known || !is_left(stack)) continue;
        Growth growth = times(known->growth, static_cast<double>(stack.totals.held_bytes()) /
                                                 static_cast<double>(known->totals.held_bytes()));
        widen_by_share(share_error(find(merged, stack.id), find(merged, known->id), window),
                       growth);
        if (interval_width(growth) >= interval_width(stack.growth)) continue;
        stack.growth = stack.held_growth = growth;
        stack.counted = known->counted;
        stack.in_heap = known->in_heap;
        stack.surely_in_heap = known->surely_in_heap;
    }
}

}  // namespace

void join_places(Report& report) {
    const auto is_never_freed = [](const ReportStack& stack) {
        return stack.kind == StackKind::heap && stack.totals.freed_count == 0 &&
               !stack.frames.empty();
    };
    std::map<Place, std::string> leaks;
    for (const ReportStack& stack : report.stacks)
        if (stack.verdict == Verdict::leak && is_never_freed(stack))
            leaks.emplace(place_of(stack), stack.id);
    for (ReportStack& stack : report.stacks) {
        if (stack.verdict != Verdict::growing || !is_never_freed(stack) || stack.may_be_pool ||
            stack.is_pointed_to || stack.growth.low <= 0)
            continue;
        const auto leak = leaks.find(place_of(stack));
        if (leak == leaks.end()) continue;
        stack.verdict = Verdict::leak;
        stack.reason = fmt::format(
            "from the same place as stack {}, which leaks, and none of its blocks was ever freed, "
            "either; {}",
            leak->second, stack.reason);
    }
}

std::size_t root_frames(const StackRecord& stack, const RecordingContents& contents) {
    std::size_t roots = 2;
    for (std::size_t i = 0; i < std::min(most_roots, stack.locations.size()); ++i) {
        const std::vector<FrameRecord>& frames =
            contents.locations.at(stack.locations[stack.locations.size() - 1 - i]).frames;
        if (!frames.empty() && is_starter_name(frames.back().function))
            roots = std::max(roots, i + 1);
    }
    return roots;
}

LockstepClusters::LockstepClusters(Report& report, const std::vector<MergedStack>& merged,
                                   const RecordingContents& contents)
    : merged_(&merged), contents_(&contents) {
    std::vector<ReportStack>& ranked = report.stacks;
    std::vector<Unit> units;
    std::map<std::pair<StackKind, std::uint32_t>, std::size_t> successions;
    for (std::size_t rank = 0; rank < ranked.size(); ++rank) {
        const ReportStack& stack = ranked[rank];
        if (stack.growth.bytes <= 0 || stack.verdict == Verdict::steady) continue;
        std::size_t unit = units.size();
        if (stack.succession != 0)
            unit = successions.try_emplace({stack.kind, stack.succession}, unit).first->second;
        if (unit == most_candidates) continue;
        if (unit == units.size()) units.emplace_back();
        add(units[unit], rank, find(merged, stack.id), contents);
    }
    std::erase_if(units,
                  [](const Unit& unit) { return grown_blocks(unit.together) < least_blocks; });
    std::vector<LockstepStack> candidates;
    candidates.reserve(units.size());
    for (const Unit& unit : units) candidates.push_back(unit.together);
    std::vector<Lockstep> found = lockstep_clusters(candidates);
    std::vector<bool> in_lockstep(units.size());
    for (const Lockstep& group : found)
        for (const std::size_t unit : group.stacks) in_lockstep[unit] = true;
    for (std::size_t unit = 0; unit < units.size(); ++unit)
        if (!in_lockstep[unit] && units[unit].ranks.size() > 1)
            found.push_back({{unit}, candidates[unit].callers.size()});
    for (Lockstep& group : found) std::ranges::sort(group.stacks);
    std::ranges::sort(found, {}, [](const Lockstep& group) { return group.stacks.front(); });
    for (const Lockstep& group : found) {
        Cluster& added = clusters_.emplace_back();
        added.common = group.common;
        for (const std::size_t unit : group.stacks) added.units.push_back(std::move(units[unit]));
        for (const Unit& unit : added.units)
            for (const std::size_t rank : unit.ranks)
                ranked[rank].evidence.cluster = static_cast<std::uint32_t>(clusters_.size());
    }
}

std::vector<ReportCluster> LockstepClusters::join(Report& report) const {
    std::vector<ReportStack>& ranked = report.stacks;
    std::vector<ReportCluster> clusters;
    for (const Cluster& cluster : clusters_) {
        ReportCluster& added = clusters.emplace_back();
        std::vector<std::size_t> ranks;
        std::vector<Member> exact;
        added.frame = shared_frame(cluster.units.front().first->record, cluster.common, *contents_,
                                   report.objects);
        added.shares_callers = cluster.common > 0;
        for (const Unit& unit : cluster.units) {
            ranks.insert(ranks.end(), unit.ranks.begin(), unit.ranks.end());
            // Sampled counts are alike where the blocks themselves are not.
            if (unit.together.weight >= most_weight) continue;
            for (const std::size_t rank : unit.ranks)
                exact.push_back({&ranked[rank], &unit.together});
        }
        std::ranges::sort(ranks);
        for (const std::size_t rank : ranks) {
            added.stacks.push_back(ranked[rank].id);
            added.bytes_per_second += ranked[rank].growth.bytes_per_second;
        }
        join_leaks(exact);
        share_counts(ranks, *merged_, contents_->window, ranked);
    }
    return clusters;
}

}  // namespace seep
