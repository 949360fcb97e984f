// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/shape.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace seep {

namespace {

constexpr std::size_t least_rises = 5;
constexpr double rise_share = 0.01;
/// Of the median one.
constexpr double small_step = 0.1;
constexpr double chance_of_pause = 0.01;
constexpr double longer_than_before = 1.5;
constexpr double much_longer = 3;
/// Of the growth before, what the low points go on with if it has not ended.
constexpr double still_rising = 0.5;

struct Halves {
    double earlier = 0;
    double later = 0;
};

std::optional<Halves> half_slopes(std::span<const Point> troughs) {
    if (troughs.size() < least_troughs) return std::nullopt;
    const std::size_t half = troughs.size() / 2 + 1;
    const auto earlier = theil_sen(troughs.first(half));
    const auto later = theil_sen(troughs.last(half));
    if (!earlier || !later) return std::nullopt;
    return Halves{earlier->median, later->median};
}

/// The least live bytes from one snapshot to a later one.
double least_within(const LiveSeries& series, std::size_t from, std::size_t to) {
    std::uint64_t least = live_at(series, from);
    const auto begin = std::ranges::upper_bound(series, from, {}, &LivePoint::snapshot);
    for (auto point = begin; point != series.end() && point->snapshot <= to; ++point)
        least = std::min(least, point->least);
    return static_cast<double>(least);
}

}  // namespace

std::optional<double> pace_of(std::span<const Point> troughs) {
    const auto slopes = half_slopes(troughs);
    if (!slopes || slopes->earlier <= 0) return std::nullopt;
    return slopes->later / slopes->earlier;
}

double slowing(std::span<const Point> troughs) {
    const auto slopes = half_slopes(troughs);
    if (!slopes) return 0;
    return (slopes->earlier - slopes->later) * (troughs.back().x - troughs.front().x) / 2;
}

double unevenness(std::span<const Point> troughs) {
    if (troughs.size() < 2 || troughs.back().y <= troughs.front().y) return 0;
    const Point& first = troughs.front();
    const Point& last = troughs.back();
    double most = 0;
    for (const Point& point : troughs)
        most = std::max(most, std::abs((point.y - first.y) / (last.y - first.y) -
                                       (point.x - first.x) / (last.x - first.x)));
    return most;
}

std::size_t deep_falls(std::span<const Point> troughs, double share) {
    if (troughs.empty()) return 0;
    const auto [least, most] = std::ranges::minmax_element(troughs, {}, &Point::y);
    const double depth = share * (most->y - least->y);
    if (depth <= 0) return 0;
    std::size_t falls = 0;
    double high = troughs.front().y;
    double low = high;
    bool falling = false;
    for (const Point& point : troughs) {
        high = std::max(high, point.y);
        low = std::min(low, point.y);
        if (!falling && high - point.y >= depth) {
            ++falls;
            falling = true;
            low = point.y;
        } else if (falling && point.y - low >= depth) {
            falling = false;
            high = point.y;
        }
    }
    return falls;
}

std::optional<Halt> find_halt(const LiveSeries& series,
                              const std::vector<SnapshotRecord>& snapshots, const Window& window) {
    const auto seconds = [&](std::size_t snapshot) {
        return static_cast<double>(snapshots[snapshot].time_ns - snapshots[window.first].time_ns) /
               1e9;
    };
    const auto begin = std::ranges::upper_bound(series, window.first, {}, &LivePoint::snapshot);
    if (begin == series.end() || window.first == window.last) return std::nullopt;
    const auto live = [](const LivePoint& point) { return static_cast<double>(point.live); };
    const double start = live(point_at(series, window.first));
    const double top =
        live(*std::max_element(begin, series.end(), [](const LivePoint& a, const LivePoint& b) {
            return a.live < b.live;
        }));
    const double step = rise_share * (top - start);
    if (step <= 0) return std::nullopt;

    std::size_t rises = 0;
    std::size_t last = window.first;
    double level = start;
    double longest_pause = 0;
    for (auto point = begin; point != series.end(); ++point) {
        if (live(*point) < level + step) continue;
        // The time before the first rise is that before the work began.
        if (rises > 0)
            longest_pause = std::max(longest_pause, seconds(point->snapshot) - seconds(last));
        ++rises;
        last = point->snapshot;
        level = live(*point);
    }
    const double length = seconds(window.last);
    const double pause = length - seconds(last);
    if (rises < least_rises || pause < longer_than_before * longest_pause) return std::nullopt;
    const double share = seconds(last) / length;
    if (std::pow(share, static_cast<double>(rises)) > chance_of_pause) return std::nullopt;
    // Below the last peak of a sawtooth the low points may still rise.
    const auto risen = [&](std::size_t from, std::size_t to) {
        const std::size_t middle = from + (to - from) / 2;
        return least_within(series, middle, to) - least_within(series, from, middle);
    };
    const double before = risen(window.first, last) / seconds(last);
    if (before > 0 && risen(last, window.last) / pause > still_rising * before) return std::nullopt;
    return Halt{
        .snapshot = last, .risen_share = share, .sure = pause >= much_longer * longest_pause};
}

double effective_size(std::span<const double> parts) {
    double sum = 0;
    double squares = 0;
    for (const double part : parts) {
        sum += part;
        squares += part * part;
    }
    return squares > 0 ? sum * sum / squares : 0;
}

std::size_t small_steps_at_end(std::span<const double> steps) {
    if (steps.empty()) return 0;
    std::vector<double> sorted(steps.begin(), steps.end());
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
    std::ranges::nth_element(sorted, middle);
    const auto is_small = [most = small_step * *middle](double step) { return step <= most; };
    const auto small = static_cast<double>(std::ranges::count_if(steps, is_small));
    const auto all = static_cast<double>(steps.size());
    std::size_t last = 0;
    double chance = 1;
    for (auto step = steps.rbegin(); step != steps.rend() && is_small(*step); ++step, ++last)
        chance *= (small - static_cast<double>(last)) / (all - static_cast<double>(last));
    return last > 1 && chance < chance_of_pause ? last : 0;
}

double independent_rises(const LiveSeries& series, const std::vector<SnapshotRecord>& snapshots,
                         const Window& window) {
    const auto count = [&](std::size_t snapshot) {
        return static_cast<double>(point_at(series, snapshot).live_count);
    };
    const double all = count(window.last) - count(window.first);
    const double length = window_seconds(snapshots, window);
    if (all <= 0 || length <= 0) return 0;
    double squares = 0;
    double before = count(window.first);
    for (std::size_t i = window.first + 1; i <= window.last; ++i) {
        const double expected = all * window_seconds(snapshots, {i - 1, i}) / length;
        const double now = count(i);
        squares += std::pow(now - std::exchange(before, now) - expected, 2);
    }
    return all / std::max(1.0, squares / all);
}

}  // namespace seep
