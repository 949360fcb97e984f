// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Live bytes over the snapshots of a window, as a step function: a point where they changed, and
// the last point's value from there on. Pure, thread-safe.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace seep {

/// Live bytes at a snapshot (index in the recording), and their minimum within the snapshots that
/// were merged into it.
struct LivePoint {
    std::size_t snapshot = 0;
    std::uint64_t live = 0;
    std::uint64_t least = 0;
    bool operator==(const LivePoint&) const = default;
};

/// Ascending by snapshot; 0 before the first point.
using LiveSeries = std::vector<LivePoint>;

/// The sum of several series. The sum's `least` is the sum of theirs, which is a lower bound.
LiveSeries sum_series(const std::vector<const LiveSeries*>& parts);

}  // namespace seep
