// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/work_clock.h"

#include <algorithm>
#include <cmath>

namespace seep {
namespace {

constexpr double ns_a_second = 1e9;
/// Beyond it a count is not one that somebody counted.
constexpr double most_work = 9e18;

}  // namespace

std::optional<double> work_within(const std::vector<SnapshotRecord>& snapshots,
                                  const Window& window) {
    const auto& before = snapshots[window.first].work;
    const auto& now = snapshots[window.last].work;
    if (!before || !now) return std::nullopt;
    return std::max(0.0, static_cast<double>(*now) - static_cast<double>(*before));
}

std::optional<std::vector<SnapshotRecord>> on_work_clock(const RecordingContents& contents,
                                                         bool only_observed) {
    if (work_within(contents.snapshots, contents.window).value_or(0) <= 0) return std::nullopt;
    std::vector<SnapshotRecord> result(contents.snapshots.size());
    double units = 0;
    for (std::size_t i = 1; i < result.size(); ++i) {
        const SnapshotRecord& before = contents.snapshots[i - 1];
        const SnapshotRecord& now = contents.snapshots[i];
        const double share = only_observed ? observed_share(before, now) : 1;
        units += share * work_within(contents.snapshots, {i - 1, i}).value_or(0);
        result[i].time_ns = std::llround(std::min(units, most_work));
    }
    if (window_seconds(result, contents.window) <= 0) return std::nullopt;
    return result;
}

std::optional<GrowthPerWork> growth_per_work(const LiveSeries& series,
                                             const std::vector<SnapshotRecord>& on_work_clock,
                                             const Window& window,
                                             std::optional<double> turnover_z) {
    if (window_seconds(on_work_clock, window) <= 0) return std::nullopt;
    GrowthEstimate estimate = estimate_growth(series, on_work_clock, window);
    widen_by_turnover(turnover_z, estimate);
    const Growth& growth = estimate.growth;
    const double thousands = ns_a_second / 1000;
    return GrowthPerWork{.bytes = growth.bytes_per_second / thousands,
                         .low = growth.low / thousands,
                         .high = growth.high / thousands};
}

}  // namespace seep
