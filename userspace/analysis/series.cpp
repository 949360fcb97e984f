// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/series.h"

#include <algorithm>

namespace seep {

LivePoint point_at(const LiveSeries& series, std::size_t snapshot) {
    const auto after = std::ranges::upper_bound(series, snapshot, {}, &LivePoint::snapshot);
    return after == series.begin() ? LivePoint{} : *(after - 1);
}

LiveSeries sum_series(const std::vector<const LiveSeries*>& parts) {
    struct Step {
        std::size_t part;
        const LivePoint* point;
    };
    std::vector<Step> steps;
    for (std::size_t part = 0; part < parts.size(); ++part)
        for (const LivePoint& point : *parts[part]) steps.push_back({part, &point});
    std::ranges::stable_sort(steps, {}, [](const Step& step) { return step.point->snapshot; });

    LiveSeries sum;
    std::vector<LivePoint> current(parts.size());
    LivePoint now;
    for (auto step = steps.begin(); step != steps.end();) {
        now.snapshot = step->point->snapshot;
        now.least = now.live;
        for (; step != steps.end() && step->point->snapshot == now.snapshot; ++step) {
            LivePoint& before = current[step->part];
            now.least += step->point->least - before.live;
            now.live += step->point->live - before.live;
            now.live_count += step->point->live_count - before.live_count;
            now.allocated_count += step->point->allocated_count - before.allocated_count;
            now.live_squares += step->point->live_squares - before.live_squares;
            before = *step->point;
        }
        sum.push_back(now);
    }
    return sum;
}

}  // namespace seep
