// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What holds for all stacks of a window and weighs on their verdicts: time, losses, how busy the
// processes were. Computed once a report. Pure functions, thread-safe.

#include <cstdint>
#include <optional>
#include <vector>

#include "analysis/contents.h"
#include "analysis/series.h"

namespace seep {

struct Surroundings {
    std::size_t snapshots = 0;   ///< Within the window.
    double seconds = 0;          ///< Length of the window.
    double elapsed_seconds = 0;  ///< The same, and what of it went by unobserved.
    std::int64_t start_ns = 0;
    std::int64_t end_ns = 0;
    std::uint64_t interval_ns = 0;
    std::uint64_t sampling_bytes = 0;  ///< Mean bytes between samples; 0 if exact.
    std::uint64_t missed_frees = 0;    ///< Since attach: each looks like a block that stays.
    double lost_share = 0;             ///< Of the allocations since attach, 0 to 1.
    /// In the window's later half, frees of blocks that are not followed. Before attach there may
    /// have been as many of any stack's.
    double late_old_frees = 0;
    /// The last snapshot at which all stacks together grew, if they have halted (find_halt()).
    std::optional<std::size_t> halt;
    /// CPU time in seconds that the processes had used by each snapshot of the recording.
    std::vector<double> cpu;
};

/// `all`: the sum of all stacks.
Surroundings survey(const RecordingContents& contents, const LiveSeries& all);

/// CPU time used from one snapshot to a later one, a second.
double cpu_rate(const Surroundings& surroundings, const RecordingContents& contents,
                std::size_t from, std::size_t to);

/// The snapshot nearest to the middle of the window's time, from before.
std::size_t middle_of(const std::vector<SnapshotRecord>& snapshots, const Window& window);

}  // namespace seep
