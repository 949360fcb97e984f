// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// How fast live bytes grow: the slope of their troughs. What a busy or warming program holds for a
// while moves the peaks of a stack; a leak raises what is left when it is least. Pure functions.
//
// Sources: H. Theil, "A rank-invariant method of linear and polynomial regression analysis",
// Proc. Kon. Ned. Akad. v. Wetensch. A 53 (1950); P. K. Sen, "Estimates of the regression
// coefficient based on Kendall's tau", J. Am. Stat. Assoc. 63 (1968), whose section 4 gives the
// interval.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "analysis/report.h"
#include "analysis/series.h"
#include "analysis/window.h"
#include "store/model.h"

namespace seep {

/// Snapshots in a window below which no slope is estimated.
inline constexpr std::size_t least_snapshots = 8;
/// Spans that a window is cut into, one trough each.
inline constexpr std::size_t trough_spans = 8;
/// With fewer points Kendall's test has no outcome as rare as 5 %: 2/4! = 8 %, 2/5! = 1.7 %.
inline constexpr std::size_t least_troughs = 5;

struct Point {
    double x = 0;
    double y = 0;
};

/// In units of y per unit of x.
struct Slope {
    double median = 0;
    double low = 0;  ///< Ends of the 95 % interval.
    double high = 0;
};

/// The median of the slopes of all pairs of points with different x, and Sen's interval, with the
/// variance of Kendall's S corrected for ties. Empty if no two points differ in x.
std::optional<Slope> theil_sen(std::span<const Point> points);

/// The least live bytes in each of trough_spans equal parts of the window's time; x is when that
/// was (the first time, if several), in seconds after the window's start. A part without a snapshot
/// gives no trough.
std::vector<Point> troughs(const LiveSeries& series, const std::vector<SnapshotRecord>& snapshots,
                           const Window& window);

/// A stack's growth: the slope of its troughs, if there are enough snapshots to estimate it; else
/// the plain rate from the window's start to its end, with low = high.
struct GrowthEstimate {
    Growth growth;
    bool estimated = false;
    std::vector<Point> troughs;
};

GrowthEstimate estimate_growth(const LiveSeries& series,
                               const std::vector<SnapshotRecord>& snapshots, const Window& window);

/// With too few snapshots for a trend: the interval that the turnover alone gives (z as in
/// turnover.h), so that a large but churning stack does not outrank a small one that surely grows.
void widen_by_turnover(std::optional<double> z, GrowthEstimate& estimate);

/// Adds what sampling leaves open to a trend's interval, which shows no more of it than chance had
/// spread over time: `error` is the standard error of the rate (growth_standard_error() over the
/// window's seconds).
void widen_by_sampling(double error, GrowthEstimate& estimate);

/// Adds a standard error that is a share of the rate to an interval above 0, in logarithms: it
/// stays above 0.
void widen_by_share(double error, Growth& growth);

/// Standard error of the rate at which the troughs rise, as a sample of all times like theirs, by
/// how unevenly they do (a ratio of sums; W. G. Cochran, Sampling Techniques, 3rd ed., 2.11). 0 for
/// fewer than three.
double rise_standard_error(std::span<const Point> troughs);

/// What comes now and then, at random, so many times, moves a median of slopes by chance: `mean`,
/// from the window's start to its end, is what there was, and becomes the rate, unless chance does
/// not move the median as far, as where it came in a burst.
void take_mean_within_chance(double mean, double events, Growth& growth);

/// Of its interval, as a share of the rate, which must be above 0. `slack`: what each end may be
/// off by, in bytes a second.
double interval_width(const Growth& growth, double slack = 0);

/// Adds a growth to a sum: what moves together is wrong together, so that intervals add up, too.
void accumulate(Growth& sum, const Growth& part);

/// So many times a growth, all of it.
Growth times(const Growth& growth, double factor);

/// Live bytes at a snapshot.
std::uint64_t live_at(const LiveSeries& series, std::size_t snapshot);

/// The length of the window in seconds.
double window_seconds(const std::vector<SnapshotRecord>& snapshots, const Window& window);

}  // namespace seep
