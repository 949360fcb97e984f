// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/series.h"

#include <algorithm>

namespace seep {

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
    std::vector<std::uint64_t> current(parts.size());
    std::uint64_t live = 0;
    for (auto step = steps.begin(); step != steps.end();) {
        const std::size_t snapshot = step->point->snapshot;
        std::uint64_t least = live;
        for (; step != steps.end() && step->point->snapshot == snapshot; ++step) {
            least += step->point->least - current[step->part];
            live += step->point->live - current[step->part];
            current[step->part] = step->point->live;
        }
        sum.push_back({snapshot, live, least});
    }
    return sum;
}

}  // namespace seep
