// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// How a growth went: at one pace, slowing down, up and down, or until a moment and no further. Pure
// functions over series and troughs, thread-safe.

#include <optional>
#include <span>
#include <vector>

#include "analysis/growth.h"
#include "analysis/series.h"
#include "analysis/window.h"
#include "store/model.h"

namespace seep {

/// Of a growth's later half and its earlier one: below, it is ending.
inline constexpr double ending_pace = 0.5;

/// The slope of the later half of the points as a share of that of the earlier half (both with the
/// middle), by Theil and Sen. Empty with fewer than least_troughs points, or where the earlier half
/// does not grow.
std::optional<double> pace_of(std::span<const Point> troughs);

/// By how much the earlier half grew more than the later one, in units of y.
double slowing(std::span<const Point> troughs);

/// How far the growth is from an even one: the greatest distance of the points, as shares of their
/// rise from the first to the last, from a straight line between those (the statistic of
/// Kolmogorov and Smirnov). 0 where they do not rise.
double unevenness(std::span<const Point> troughs);

/// Falls of the troughs by at least `share` of their range, each from a high to the low that
/// follows: cycles that are longer than the spans that the troughs are of.
std::size_t deep_falls(std::span<const Point> troughs, double share);

/// As many equal parts as would be as uneven as these, none of which is below 0 (the effective
/// sample size of L. Kish, Survey Sampling, 1965). 0 if all are 0.
double effective_size(std::span<const double> parts);

/// How many of the last steps are small ones (a tenth of the median step or less), if so many would
/// be in any order of the steps with a chance of under 1 % only; else 0. A single one is not.
std::size_t small_steps_at_end(std::span<const double> steps);

/// As many blocks as would come as unevenly if each came by itself, of those that the series has
/// more at the window's end than at its start: those over the index of dispersion of what came from
/// snapshot to snapshot (D. R. Cox and P. A. W. Lewis, The Statistical Analysis of Series of
/// Events, 1966), if that is above 1. Says nothing of a series that goes up and down.
double independent_rises(const LiveSeries& series, const std::vector<SnapshotRecord>& snapshots,
                         const Window& window);

/// When a series came to its height and stayed there. Found if a series of at least 5 rises, at a
/// constant rate, would go on for so long without another with a chance of under 1 %, and if the
/// pause is half as long again as the longest before, for sure if it is three times that, unless
/// the low points within the pause still rise at half of the pace from before. A rise is one by a
/// hundredth of the range.
struct Halt {
    std::size_t snapshot = 0;  ///< Of the last rise.
    double risen_share = 0;    ///< Of the window's time, until then.
    bool sure = true;
};
std::optional<Halt> find_halt(const LiveSeries& series,
                              const std::vector<SnapshotRecord>& snapshots, const Window& window);

}  // namespace seep
