// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/observed_parts.h"

#include <algorithm>
#include <cmath>

namespace seep {

namespace {

/// Of fewer blocks, nobody knows when they came.
constexpr double least_blocks = 10;
/// What a snapshot cuts off from a time with probes in place says nothing of how long that was.
constexpr double least_of_one = 0.35;

double seconds_of(const std::vector<SnapshotRecord>& snapshots, std::size_t from, std::size_t to) {
    return static_cast<double>(snapshots[to].time_ns - snapshots[from].time_ns) / 1e9;
}

double observed_of(const std::vector<SnapshotRecord>& snapshots, std::size_t from, std::size_t to) {
    return seconds_of(snapshots, from, to) * observed_share(snapshots[from], snapshots[to]);
}

}  // namespace

std::vector<ObservedPart> observed_parts(const std::vector<SnapshotRecord>& snapshots,
                                         const Window& window) {
    const double pauses = grown(snapshots[window.last].pauses, snapshots[window.first].pauses);
    return observed_parts(
        snapshots, window,
        least_of_one * observed_of(snapshots, window.first, window.last) / std::max(1.0, pauses));
}

std::vector<ObservedPart> observed_parts(const std::vector<SnapshotRecord>& snapshots,
                                         const Window& window, double least_seconds) {
    std::vector<ObservedPart> parts;
    std::size_t from = window.first;
    for (std::size_t to = from + 1; to <= window.last; ++to) {
        const double observed = observed_of(snapshots, from, to);
        if (observed > 0 && observed >= least_seconds) {
            parts.push_back({from, to, seconds_of(snapshots, from, to), observed});
            from = to;
        } else if (to == window.last && !parts.empty()) {
            ObservedPart& part = parts.back();
            part = {part.from, to, seconds_of(snapshots, part.from, to),
                    observed_of(snapshots, part.from, to)};
        }
    }
    return parts;
}

Growth weighted(const Growth& growth, const LiveSeries& live,
                const std::vector<ObservedPart>& parts) {
    if (parts.empty()) return growth;
    LivePoint before = point_at(live, parts.front().from);
    auto next = std::ranges::upper_bound(live, before.snapshot, {}, &LivePoint::snapshot);
    double seconds = 0;
    double observed = 0;
    double bytes = 0;
    double weighted_bytes = 0;
    double blocks = 0;
    double weighted_blocks = 0;
    double squares = 0;
    for (const ObservedPart& part : parts) {
        LivePoint after = before;
        for (; next != live.end() && next->snapshot <= part.to; ++next) after = *next;
        const double more = static_cast<double>(after.live) - static_cast<double>(before.live);
        const double more_blocks = std::abs(static_cast<double>(after.live_count) -
                                            static_cast<double>(before.live_count));
        seconds += part.seconds;
        observed += part.observed_seconds;
        bytes += more;
        weighted_bytes += more * part.weight();
        blocks += more_blocks;
        weighted_blocks += more_blocks * part.weight();
        squares += more_blocks * part.weight() * part.weight();
        before = after;
    }
    if (blocks < least_blocks || bytes <= 0 || weighted_bytes <= 0) return growth;
    Growth result = times(growth, weighted_bytes / seconds / (bytes / observed));
    const double mean = weighted_blocks / blocks;
    const double deviation = std::sqrt(std::max(0.0, squares / blocks - mean * mean));
    if (result.low > 0) widen_by_share(deviation / mean / std::sqrt(blocks), result);
    return result;
}

}  // namespace seep
