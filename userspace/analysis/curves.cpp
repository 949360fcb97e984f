// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/curves.h"

#include <algorithm>

#include "analysis/sampling.h"
#include "analysis/survival.h"

namespace seep {

namespace {

constexpr std::size_t points_of_all_stacks = 300'000;
constexpr std::size_t least_points = 24;
constexpr std::size_t most_points = 240;

/// At most about `most` points, by `value` of them.
template <typename Point, typename Value>
std::vector<Point> thinned(const std::vector<Point>& points, std::size_t most, Value value) {
    if (points.size() <= most) return points;
    const std::size_t parts = std::max<std::size_t>(most / 2, 1);
    std::vector<Point> kept{points.front()};
    // The first and the last point are kept on their own.
    const std::size_t inner = points.size() - 2;
    for (std::size_t part = 0; part < parts; ++part) {
        const auto begin = points.begin() + 1 + static_cast<std::ptrdiff_t>(inner * part / parts);
        const auto end =
            points.begin() + 1 + static_cast<std::ptrdiff_t>(inner * (part + 1) / parts);
        if (begin == end) continue;
        auto [first, second] = std::ranges::minmax_element(begin, end, {}, value);
        if (second < first) std::swap(first, second);
        kept.push_back(*first);
        if (first != second) kept.push_back(*second);
    }
    kept.push_back(points.back());
    return kept;
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double seconds_from(std::int64_t start_ns, const SnapshotRecord& snapshot) {
    return static_cast<double>(snapshot.time_ns - start_ns) / 1e9;
}

/// Steps down only: an age at which nothing died says nothing, but the last says how far it is
/// known.
std::vector<Survival> without_level_parts(const std::vector<Survival>& curve) {
    std::vector<Survival> steps;
    for (std::size_t i = 0; i < curve.size(); ++i)
        if (i + 1 == curve.size() || curve[i].share != (steps.empty() ? 1 : steps.back().share))
            steps.push_back(curve[i]);
    return steps;
}

}  // namespace

std::size_t points_a_stack(std::size_t stacks) {
    return std::clamp(points_of_all_stacks / std::max<std::size_t>(stacks, 1), least_points,
                      most_points);
}

std::vector<CurvePoint> live_curve(const LiveSeries& series,
                                   const std::vector<SnapshotRecord>& snapshots,
                                   const Window& window, std::size_t most) {
    std::vector<CurvePoint> points;
    const std::int64_t start_ns = snapshots[window.first].time_ns;
    const auto add = [&](std::size_t snapshot, std::uint64_t live) {
        points.push_back({seconds_from(start_ns, snapshots[snapshot]), static_cast<double>(live)});
    };
    std::uint64_t before = live_at(series, window.first);
    std::size_t last = window.first;
    add(window.first, before);
    for (const LivePoint& point : series) {
        if (point.snapshot <= window.first || point.snapshot > window.last) continue;
        if (point.snapshot > last + 1) add(point.snapshot - 1, before);
        add(point.snapshot, point.live);
        before = point.live;
        last = point.snapshot;
    }
    if (last < window.last) add(window.last, before);
    return thinned(points, most, &CurvePoint::bytes);
}

StackCurves stack_curves(const MergedStack& stack, const Facts& facts,
                         const RecordingContents& contents, std::uint64_t sampling_bytes,
                         std::size_t most) {
    const std::vector<SnapshotRecord>& snapshots = contents.snapshots;
    const std::int64_t start_ns = snapshots[contents.window.first].time_ns;
    StackCurves curves;
    curves.live = live_curve(stack.live, snapshots, contents.window, most);
    if (facts.estimate.estimated) {
        // Troughs are counted from the start of the settled window.
        const double settled = seconds_from(start_ns, snapshots[facts.settled.first]);
        std::vector<double> seconds;
        std::vector<double> bytes;
        for (const Point& trough : facts.estimate.troughs) {
            curves.troughs.push_back({settled + trough.x, trough.y});
            seconds.push_back(settled + trough.x);
            bytes.push_back(trough.y);
        }
        curves.trend = {.from_seconds = settled,
                        .to_seconds = seconds_from(start_ns, snapshots[facts.settled.last]),
                        .through = {median(std::move(seconds)), median(std::move(bytes))}};
    }
    if (contents.window.last + 1 == snapshots.size()) {  // they are those of the whole recording
        curves.lifetimes = stack.lifetimes;
        curves.survival =
            without_level_parts(survival_curve(stack.lifetimes, births_of(stack, contents),
                                               mean_weight(stack.totals, sampling_bytes)));
    }
    return curves;
}

std::vector<MemoryMoment> memory_over_time(const RecordingContents& contents,
                                           const LiveSeries& heap) {
    std::vector<MemoryMoment> moments;
    const std::int64_t start_ns = contents.snapshots[contents.window.first].time_ns;
    for (std::size_t i = contents.window.first; i <= contents.window.last; ++i) {
        const SnapshotRecord& snapshot = contents.snapshots[i];
        MemoryMoment moment{.seconds = seconds_from(start_ns, snapshot)};
        bool alive = false;
        for (const ProcessSample& process : snapshot.processes) {
            if (!process.alive) continue;
            alive = true;
            moment.rss_bytes += process.rss_bytes;
            moment.anonymous_bytes += process.anonymous_bytes;
        }
        // Nothing is known of the moment at which the last of them had just ended.
        if (!alive) continue;
        moment.heap_bytes = live_at(heap, i);
        moments.push_back(moment);
    }
    return thinned(moments, 2 * most_points, &MemoryMoment::rss_bytes);
}

}  // namespace seep
