// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/growth.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "analysis/normal.h"

namespace seep {

namespace {

/// Between the mean rate of n blocks at random times and the median slope of eight troughs, as a
/// share of either, over 1/sqrt(n): a standard deviation, by simulation for n from 20 to 5,000.
constexpr double median_deviation = 0.45;
constexpr double most_deviations = 3;

/// t(t-1)(2t+5) summed over groups of t equal values: what ties take off the variance of S.
template <typename Projection>
double tie_term(std::span<const Point> points, Projection value) {
    std::vector<double> sorted;
    sorted.reserve(points.size());
    for (const Point& point : points) sorted.push_back(value(point));
    std::ranges::sort(sorted);
    double sum = 0;
    for (auto group = sorted.begin(); group != sorted.end();) {
        const auto end = std::upper_bound(group, sorted.end(), *group);
        const auto t = static_cast<double>(end - group);
        sum += t * (t - 1) * (2 * t + 5);
        group = end;
    }
    return sum;
}

double median_of_sorted(const std::vector<double>& sorted) {
    const std::size_t middle = sorted.size() / 2;
    return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/// The snapshots of each equal part of the window's time, [begin, end) with end = next begin.
std::array<std::size_t, trough_spans + 1> span_bounds(const std::vector<SnapshotRecord>& snapshots,
                                                      const Window& window) {
    const std::int64_t start = snapshots[window.first].time_ns;
    const double length = static_cast<double>(snapshots[window.last].time_ns - start);
    std::array<std::size_t, trough_spans + 1> bounds{};
    for (std::size_t span = 0; span <= trough_spans; ++span) {
        const double offset = length * static_cast<double>(span) / trough_spans;
        const auto begin = snapshots.begin();
        const auto bound = std::partition_point(
            begin + static_cast<std::ptrdiff_t>(window.first),
            begin + static_cast<std::ptrdiff_t>(window.last), [&](const SnapshotRecord& snapshot) {
                return static_cast<double>(snapshot.time_ns - start) < offset;
            });
        bounds[span] = static_cast<std::size_t>(bound - begin);
    }
    bounds.back() = window.last + 1;
    return bounds;
}

}  // namespace

std::optional<Slope> theil_sen(std::span<const Point> points) {
    std::vector<double> slopes;
    for (std::size_t i = 0; i < points.size(); ++i)
        for (std::size_t j = i + 1; j < points.size(); ++j)
            if (points[i].x != points[j].x)
                slopes.push_back((points[j].y - points[i].y) / (points[j].x - points[i].x));
    if (slopes.empty()) return std::nullopt;
    std::ranges::sort(slopes);

    const auto n = static_cast<double>(points.size());
    const double variance =
        std::max(0.0, (n * (n - 1) * (2 * n + 5) - tie_term(points, [](Point p) { return p.x; }) -
                       tie_term(points, [](Point p) { return p.y; })) /
                          18);
    const auto count = static_cast<double>(slopes.size());
    const double half_width = z_95 * std::sqrt(variance);
    const auto at = [&](double rank) {
        return slopes[static_cast<std::size_t>(std::clamp(rank, 0.0, count - 1))];
    };
    return Slope{.median = median_of_sorted(slopes),
                 .low = at(std::nearbyint((count - half_width) / 2) - 1),
                 .high = at(std::nearbyint((count + half_width) / 2))};
}

void widen_by_turnover(std::optional<double> z, GrowthEstimate& estimate) {
    Growth& growth = estimate.growth;
    if (estimate.estimated || !z || *z == 0) return;
    const double half_width = z_95 * std::abs(growth.bytes_per_second / *z);
    growth.low = growth.bytes_per_second - half_width;
    growth.high = growth.bytes_per_second + half_width;
}

void widen_by_sampling(double error, GrowthEstimate& estimate) {
    Growth& growth = estimate.growth;
    if (!estimate.estimated || error <= 0) return;
    const double middle = growth.bytes_per_second;
    growth.low = middle - std::hypot(middle - growth.low, z_95 * error);
    growth.high = middle + std::hypot(growth.high - middle, z_95 * error);
}

void widen_by_share(double error, Growth& growth) {
    const double middle = growth.bytes_per_second;
    growth.low = middle * std::exp(-std::hypot(std::log(middle / growth.low), z_95 * error));
    growth.high = middle * std::exp(std::hypot(std::log(growth.high / middle), z_95 * error));
}

void take_mean_within_chance(double mean, double events, Growth& growth) {
    const double chance = most_deviations * median_deviation / std::sqrt(events);
    if (!(std::abs(mean / growth.bytes_per_second - 1) <= chance)) return;
    growth.bytes_per_second = mean;
    growth.low = std::min(growth.low, mean);
    growth.high = std::max(growth.high, mean);
}

double interval_width(const Growth& growth, double slack) {
    return (growth.high - growth.low + 2 * slack) / growth.bytes_per_second;
}

void accumulate(Growth& sum, const Growth& part) {
    sum.bytes_per_second += part.bytes_per_second;
    sum.low += part.low;
    sum.high += part.high;
    sum.bytes += part.bytes;
}

Growth times(const Growth& growth, double factor) {
    return {.bytes_per_second = factor * growth.bytes_per_second,
            .low = factor * growth.low,
            .high = factor * growth.high,
            .bytes = std::llround(factor * static_cast<double>(growth.bytes))};
}

double rise_standard_error(std::span<const Point> troughs) {
    if (troughs.size() < 3) return 0;
    const double time = troughs.back().x - troughs.front().x;
    if (time <= 0) return 0;
    const double rate = (troughs.back().y - troughs.front().y) / time;
    double squares = 0;
    for (std::size_t i = 1; i < troughs.size(); ++i)
        squares +=
            std::pow(troughs[i].y - troughs[i - 1].y - rate * (troughs[i].x - troughs[i - 1].x), 2);
    const auto steps = static_cast<double>(troughs.size() - 1);
    return std::sqrt(squares * steps / (steps - 1)) / time;
}

double window_seconds(const std::vector<SnapshotRecord>& snapshots, const Window& window) {
    return static_cast<double>(snapshots[window.last].time_ns - snapshots[window.first].time_ns) /
           1e9;
}

std::uint64_t live_at(const LiveSeries& series, std::size_t snapshot) {
    return point_at(series, snapshot).live;
}

std::vector<Point> troughs(const LiveSeries& series, const std::vector<SnapshotRecord>& snapshots,
                           const Window& window) {
    if (window_seconds(snapshots, window) <= 0) return {};
    const auto bounds = span_bounds(snapshots, window);
    std::vector<Point> result;
    for (std::size_t span = 0; span < trough_spans; ++span) {
        const std::size_t begin = bounds[span];
        const std::size_t end = bounds[span + 1];
        if (begin == end) continue;
        auto point = std::ranges::lower_bound(series, begin, {}, &LivePoint::snapshot);
        const bool changed_at_begin = point != series.end() && point->snapshot == begin;
        // What was merged into the window's first snapshot lies before the window.
        std::uint64_t least = changed_at_begin && span > 0 ? point->least : live_at(series, begin);
        std::size_t when = begin;
        for (; point != series.end() && point->snapshot < end; ++point) {
            if (point->snapshot == begin || point->least >= least) continue;
            least = point->least;
            when = point->snapshot;
        }
        result.push_back(
            {static_cast<double>(snapshots[when].time_ns - snapshots[window.first].time_ns) / 1e9,
             static_cast<double>(least)});
    }
    return result;
}

GrowthEstimate estimate_growth(const LiveSeries& series,
                               const std::vector<SnapshotRecord>& snapshots, const Window& window) {
    GrowthEstimate estimate;
    Growth& growth = estimate.growth;
    growth.bytes =
        static_cast<std::int64_t>(live_at(series, window.last) - live_at(series, window.first));
    if (const double seconds = window_seconds(snapshots, window); seconds > 0)
        growth.bytes_per_second = static_cast<double>(growth.bytes) / seconds;
    growth.low = growth.high = growth.bytes_per_second;
    if (window.snapshots() < least_snapshots) return estimate;
    estimate.troughs = troughs(series, snapshots, window);
    const std::optional<Slope> slope = theil_sen(estimate.troughs);
    if (estimate.troughs.size() < least_troughs || !slope) return estimate;
    growth.bytes_per_second = slope->median;
    growth.low = slope->low;
    growth.high = slope->high;
    estimate.estimated = true;
    return estimate;
}

}  // namespace seep
