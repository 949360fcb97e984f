// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/clusters.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "analysis/culprit.h"
#include "analysis/findings.h"
#include "analysis/lockstep.h"
#include "analysis/sampling.h"
#include "analysis/series.h"

namespace seep {

namespace {

/// Comparing is quadratic where all grow equally but have no caller in common.
constexpr std::size_t most_candidates = 1000;
constexpr std::size_t parts = 8;
/// Fewer blocks may agree by chance.
constexpr double least_blocks = 10;
constexpr std::size_t most_roots = 3;
constexpr double most_weight = 2;

const MergedStack& find(const std::vector<MergedStack>& merged, const std::string& id) {
    std::uint64_t value = 0;
    std::from_chars(id.data(), id.data() + id.size(), value, 16);
    return *std::ranges::lower_bound(merged, value, {}, &MergedStack::id);
}

/// What the C library has above a program's main() or a thread's function: two frames or three.
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

LockstepStack lockstep_stack(const MergedStack& stack, const RecordingContents& contents) {
    const Window& window = contents.window;
    LockstepStack result;
    result.callers = stack.record.locations;
    result.roots = root_frames(stack.record, contents);
    double before = static_cast<double>(point_at(stack.live, window.first).live_count);
    for (std::size_t part = 1; part <= parts; ++part) {
        const std::size_t until = window.first + (window.last - window.first) * part / parts;
        const auto now = static_cast<double>(point_at(stack.live, until).live_count);
        result.steps.push_back(now - before);
        before = now;
    }
    result.weight = mean_weight(stack.totals, contents.info.sampling_bytes);
    return result;
}

double grown_blocks(const LockstepStack& stack) {
    double sum = 0;
    for (const double step : stack.steps) sum += step;
    return sum;
}

/// The innermost one of `common` outermost locations that all of them share, as it is shown.
ReportFrame shared_frame(const StackRecord& stack, std::size_t common,
                         const RecordingContents& contents,
                         const std::vector<ObjectRecord>& objects) {
    StackRecord outer = stack;
    outer.locations.erase(outer.locations.begin(),
                          outer.locations.end() - static_cast<std::ptrdiff_t>(common));
    // The first location of a whole stack is the allocator's, of which inlined frames are left out.
    const std::vector<ReportFrame> frames = report_frames(outer, contents, objects);
    return frames.empty() ? ReportFrame{} : frames.front();
}

/// A pool grows by its own measure. Large blocks that become more one for one with blocks that leak
/// are parts of what leaks.
void join_leaks(const std::vector<ReportStack*>& group) {
    const auto leak =
        std::ranges::find_if(group, [](auto* stack) { return stack->verdict == Verdict::leak; });
    if (leak == group.end()) return;
    for (ReportStack* stack : group) {
        if (!stack->may_be_pool || stack->verdict != Verdict::growing) continue;
        stack->verdict = Verdict::leak;
        stack->reason = fmt::format(
            "its troughs rise steadily by {}, as many blocks more as of stack {}, "
            "which leaks",
            hourly(stack->growth), (*leak)->id);
        stack->evidence.decidable_at_ns.reset();
    }
}

}  // namespace

std::vector<ReportCluster> cluster(Report& report, const std::vector<MergedStack>& merged,
                                   const RecordingContents& contents) {
    std::vector<ReportStack>& ranked = report.stacks;
    std::vector<std::size_t> ranks;
    std::vector<const MergedStack*> sources;
    std::vector<LockstepStack> candidates;
    for (std::size_t rank = 0; rank < ranked.size() && ranks.size() < most_candidates; ++rank) {
        const ReportStack& stack = ranked[rank];
        if (stack.growth.bytes <= 0 || stack.verdict == Verdict::steady) continue;
        const MergedStack& source = find(merged, stack.id);
        LockstepStack candidate = lockstep_stack(source, contents);
        if (grown_blocks(candidate) < least_blocks) continue;
        ranks.push_back(rank);
        sources.push_back(&source);
        candidates.push_back(std::move(candidate));
    }
    std::vector<Lockstep> found = lockstep_clusters(candidates);
    for (Lockstep& group : found) std::ranges::sort(group.stacks);
    std::ranges::sort(found, {}, [](const Lockstep& group) { return group.stacks.front(); });

    std::vector<ReportCluster> clusters;
    for (const Lockstep& group : found) {
        ReportCluster& added = clusters.emplace_back();
        std::vector<ReportStack*> exact;
        added.frame = shared_frame(sources[group.stacks.front()]->record, group.common, contents,
                                   report.objects);
        for (const std::size_t i : group.stacks) {
            ReportStack& stack = ranked[ranks[i]];
            stack.evidence.cluster = static_cast<std::uint32_t>(clusters.size());
            added.stacks.push_back(stack.id);
            added.bytes_per_second += stack.growth.bytes_per_second;
            // Sampled counts are alike where the blocks themselves are not.
            if (candidates[i].weight < most_weight) exact.push_back(&stack);
        }
        join_leaks(exact);
    }
    return clusters;
}

}  // namespace seep
