// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/surroundings.h"

#include <algorithm>
#include <unordered_map>

#include "analysis/growth.h"
#include "analysis/shape.h"
#include "analysis/warnings.h"

namespace seep {

namespace {

/// A figure of all processes together at each snapshot; one that has ended keeps its last.
template <typename Figure>
std::vector<double> summed(const RecordingContents& contents, Figure figure) {
    std::unordered_map<ProcessId, double> latest;
    std::vector<double> sums;
    sums.reserve(contents.snapshots.size());
    double sum = 0;
    for (const SnapshotRecord& snapshot : contents.snapshots) {
        for (const ProcessSample& sample : snapshot.processes) {
            double& value = latest[sample.process];
            // What has ended reports 0 of what /proc alone knows.
            const double now = std::max(value, static_cast<double>(figure(sample)));
            sum += now - value;
            value = now;
        }
        sums.push_back(sum);
    }
    return sums;
}

}  // namespace

std::size_t middle_of(const std::vector<SnapshotRecord>& snapshots, const Window& window) {
    const std::int64_t start = snapshots[window.first].time_ns;
    const std::int64_t middle = start + (snapshots[window.last].time_ns - start) / 2;
    const auto after = std::ranges::upper_bound(snapshots, middle, {}, &SnapshotRecord::time_ns);
    return std::max(window.first, static_cast<std::size_t>(after - snapshots.begin()) - 1);
}

Surroundings survey(const RecordingContents& contents, const LiveSeries& all) {
    const std::vector<SnapshotRecord>& snapshots = contents.snapshots;
    const Window& window = contents.window;
    const Losses losses = sum_losses(contents);
    Surroundings result{
        .snapshots = window.snapshots(),
        .seconds = window_seconds(snapshots, window),
        .elapsed_seconds = window_seconds(snapshots, window),
        .start_ns = snapshots[window.first].time_ns,
        .end_ns = snapshots[window.last].time_ns,
        .interval_ns = contents.info.interval_ns,
        .sampling_bytes = contents.info.sampling_bytes,
        .missed_frees = losses[SEEP_LOSS_MISSED_FREES] + losses[SEEP_LOSS_NO_THREAD_STATE],
        .lost_share = 0,
        .late_old_frees = 0,
        .halt = {},
        .cpu = summed(contents, [](const ProcessSample& sample) {
            return static_cast<double>(sample.cpu_ns) / 1e9;
        })};

    if (const auto halt = find_halt(all, snapshots, window)) result.halt = halt->snapshot;
    const LivePoint end = point_at(all, window.last);
    const auto lost = static_cast<double>(
        losses[SEEP_LOSS_LOST_ALLOCATIONS] + losses[SEEP_LOSS_LOST_STACKS] +
        losses[SEEP_LOSS_STACK_COLLISIONS] + losses[SEEP_LOSS_UNREADABLE_RESULTS]);
    if (lost > 0) result.lost_share = lost / (lost + static_cast<double>(end.allocated_count));

    const std::vector<double> frees = summed(contents, [](const ProcessSample& sample) {
        return static_cast<double>(sample.freed_count);
    });
    const std::size_t middle = middle_of(snapshots, window);
    const auto followed = [](const LivePoint& point) {
        return static_cast<double>(point.allocated_count) - static_cast<double>(point.live_count);
    };
    result.late_old_frees = std::max(0.0, frees[window.last] - frees[middle] -
                                              (followed(end) - followed(point_at(all, middle))));
    return result;
}

double cpu_rate(const Surroundings& surroundings, const RecordingContents& contents,
                std::size_t from, std::size_t to) {
    const double seconds =
        static_cast<double>(contents.snapshots[to].time_ns - contents.snapshots[from].time_ns) /
        1e9;
    return seconds > 0 ? (surroundings.cpu[to] - surroundings.cpu[from]) / seconds : 0;
}

}  // namespace seep
