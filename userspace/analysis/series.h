// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What is live over the snapshots of a window, as a step function: a point where it changed, and
// the last point's value from there on. Pure, thread-safe.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace seep {

/// A stack at a snapshot (index in the recording). One for each row of a recording is in memory:
/// up to two million.
struct LivePoint {
    std::size_t snapshot = 0;
    std::uint64_t live = 0;  ///< Bytes.
    std::uint64_t least =
        0;  ///< The minimum of that within the snapshots that were merged into it.
    std::uint64_t live_count = 0;
    std::uint64_t allocated_count = 0;  ///< Since attach.
    std::uint64_t live_squares = 0;     ///< Sum of bytes^2 / 256, modulo 2^64.
    bool operator==(const LivePoint&) const = default;
};

/// Ascending by snapshot; 0 before the first point.
using LiveSeries = std::vector<LivePoint>;

/// The state at a snapshot; all 0 before the first point.
LivePoint point_at(const LiveSeries& series, std::size_t snapshot);

/// The sum of several series. The sum's `least` is the sum of theirs, which is a lower bound.
LiveSeries sum_series(const std::vector<const LiveSeries*>& parts);

}  // namespace seep
