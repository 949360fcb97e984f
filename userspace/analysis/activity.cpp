// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/activity.h"

#include <algorithm>

namespace seep {
namespace {

/// The counters of a process as they were; all 0 if it was not traced yet.
ProcessSample sample_of(ProcessId process, const SnapshotRecord& snapshot) {
    const auto found = std::ranges::find(snapshot.processes, process, &ProcessSample::process);
    return found == snapshot.processes.end() ? ProcessSample{} : *found;
}

}  // namespace

std::optional<Activity> activity(const RecordingContents& contents) {
    if (contents.window.snapshots() < 2) return std::nullopt;
    const SnapshotRecord& before = contents.snapshots[contents.window.last - 1];
    const SnapshotRecord& now = contents.snapshots[contents.window.last];
    const double seconds =
        observed_share(before, now) * static_cast<double>(now.time_ns - before.time_ns) / 1e9;
    constexpr double least_seconds = 1e-3;
    if (seconds < least_seconds) return std::nullopt;
    Activity sum;
    for (const ProcessSample& sample : now.processes) {
        const ProcessSample earlier = sample_of(sample.process, before);
        sum.allocations += grown(sample.allocated_count, earlier.allocated_count) / seconds;
        sum.allocated_bytes += grown(sample.allocated_bytes, earlier.allocated_bytes) / seconds;
        sum.frees += grown(sample.freed_count, earlier.freed_count) / seconds;
    }
    return sum;
}

}  // namespace seep
