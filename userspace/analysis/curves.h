// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What a chart of a stack or of the processes shows: their values over the window, thinned to what
// a chart can show, and the line of the growth. Pure functions, thread-safe.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "analysis/contents.h"
#include "analysis/merging.h"
#include "analysis/report.h"
#include "analysis/weighing.h"

namespace seep {

/// Of the points of all stacks together, so many for one of `stacks`.
std::size_t points_a_stack(std::size_t stacks);

/// Live bytes from the window's start to its end: a line between snapshots at which they changed,
/// level elsewhere. At most about `most` points: of each equal part of them the least and the
/// greatest are kept, and the first and the last of all.
std::vector<CurvePoint> live_curve(const LiveSeries& series,
                                   const std::vector<SnapshotRecord>& snapshots,
                                   const Window& window, std::size_t most);

/// The line goes through the medians of the troughs' times and of their bytes (W. J. Conover,
/// "Practical Nonparametric Statistics", 1971). No trend if the growth was not estimated.
/// `sampling_bytes`: 0 if exact.
StackCurves stack_curves(const MergedStack& stack, const Facts& facts,
                         const RecordingContents& contents, std::uint64_t sampling_bytes,
                         std::size_t most);

/// `heap`: of all stacks together. Of each equal part of the window's snapshots the moments with
/// the least and the most resident memory are kept.
std::vector<MemoryMoment> memory_over_time(const RecordingContents& contents,
                                           const LiveSeries& heap);

}  // namespace seep
