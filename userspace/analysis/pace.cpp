// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/pace.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

#include "analysis/shape.h"

namespace seep {
namespace {

constexpr double certain = 3;         ///< Standard errors.
constexpr double in_interval = 1.96;  ///< Standard errors on each side, for 95 %.
/// With probes in place: fewer tell nothing of how many there are on average, but may be fewer for
/// certain than at the usual pace. Of none seen, three may be expected (a Poisson count's 95 %).
constexpr double least_faults = 5;
constexpr double chance_faults = 3;
constexpr double surely_more = 2;
/// Times between snapshots that the faults must come from, as many as equal ones would be that tell
/// as much (the effective sample size of L. Kish, Survey Sampling, 1965): one has no deviation.
constexpr double least_parts = 4;

/// What probes cost may be so many times what is told, with the caches they displace, and the
/// target may have so much less than all of the time to itself: 1.1 to 1.9 times with a program
/// that only allocates, servers under load, and short jobs.
constexpr double most_cost = 2;
/// Of the time: a target that runs, or waits for a processor, for less of it is not slowed down for
/// want of one.
constexpr double saturated = 0.25;

/// A part that was observed for longer says little of what is usual.
constexpr double most_observed = 0.5;

/// Times between snapshots, with faults of all targets; nothing of a target before its first.
struct Part {
    double observed = 0;  ///< Share of its time with probes in place.
    double faults = 0;
    double observed_faults = 0;
    /// With probes in place, at the pace of this time as a whole, were it observed for `share` of
    /// it: a pause is faster than the whole, of which windows are a part.
    [[nodiscard]] double expected(double share) const {
        if (observed <= 0) return 0;
        const double pause = (faults - observed_faults) / (1 - observed);
        return observed * ((1 - share) * pause + share * observed_faults / observed);
    }
};

/// Times of which more than `most_observed` were observed are put together with what comes next.
std::vector<Part> parts_of(const std::vector<SnapshotRecord>& snapshots, const Window& window) {
    std::vector<Part> result;
    std::map<ProcessId, const ProcessSample*> before;
    Part part;
    std::size_t begin = window.first;
    for (std::size_t i = window.first; i <= window.last; ++i) {
        for (const ProcessSample& sample : snapshots[i].processes) {
            const ProcessSample* const earlier =
                std::exchange(before.try_emplace(sample.process, &sample).first->second, &sample);
            const double all = grown(sample.page_faults, earlier->page_faults);
            const double unobserved =
                grown(sample.unobserved_page_faults, earlier->unobserved_page_faults);
            part.faults += all;
            part.observed_faults += all - std::min(all, unobserved);
        }
        if (i == begin) continue;
        part.observed = observed_share(snapshots[begin], snapshots[i]);
        if (part.observed > most_observed) continue;
        result.push_back(std::exchange(part, {}));
        begin = i;
    }
    return result;
}

/// How many times as fast the targets may be without probes, as these cost no more than that.
double most_slowing(const std::vector<SnapshotRecord>& snapshots, const Window& window) {
    const SnapshotRecord& begin = snapshots[window.first];
    const SnapshotRecord& end = snapshots[window.last];
    std::map<ProcessId, const ProcessSample*> before;
    for (const ProcessSample& sample : begin.processes) before[sample.process] = &sample;
    double cost_ns = 0;
    double busy_ns = 0;
    for (const ProcessSample& sample : end.processes) {
        const ProcessSample* const earlier = before[sample.process];
        cost_ns += grown(sample.overhead_ns, earlier == nullptr ? 0 : earlier->overhead_ns);
        if (earlier == nullptr) continue;
        busy_ns +=
            grown(sample.cpu_ns, earlier->cpu_ns) + grown(sample.waited_ns, earlier->waited_ns);
    }
    const auto elapsed_ns = static_cast<double>(end.time_ns - begin.time_ns);
    const double observed_ns = elapsed_ns - grown(end.unobserved_ns, begin.unobserved_ns);
    const double share =
        busy_ns < saturated * elapsed_ns ? most_cost * cost_ns / std::max(observed_ns, 1.0) : 1;
    return share < 1 ? 1 / (1 - share) : std::numeric_limits<double>::infinity();
}

/// Slowed down, nobody knows how much.
RateScale up_to(double most) {
    return std::isfinite(most) ? RateScale{.high = most} : RateScale{.known = false};
}

/// An end that is below 0 moves away from 0 as the other does.
void scale_interval(double& estimate, double& low, double& high, const RateScale& scale) {
    estimate *= scale.middle;
    low *= low > 0 ? scale.low : scale.high;
    high *= high > 0 ? scale.high : scale.low;
}

}  // namespace

RateScale rate_scale(const std::vector<SnapshotRecord>& snapshots, const Window& window) {
    if (window.snapshots() < least_snapshots) return {};
    const double observed = observed_share(snapshots[window.first], snapshots[window.last]);
    if (observed <= 0 || observed >= 1) return {};
    const std::vector<Part> parts = parts_of(snapshots, window);
    std::vector<double> expected;
    double seen = 0;
    for (const Part& part : parts) {
        expected.push_back(part.expected(observed));
        seen += part.observed_faults;
    }
    const double all_expected = std::accumulate(expected.begin(), expected.end(), 0.0);
    const double most = most_slowing(snapshots, window);
    if (seen < least_faults && all_expected > surely_more * (seen + chance_faults))
        return up_to(most);
    if (seen <= 0 || all_expected <= 0) return {};
    const double scale = all_expected / seen;
    if (effective_size(expected) < least_parts)
        return scale > surely_more ? up_to(most) : RateScale{};
    double squares = 0;
    for (std::size_t i = 0; i < parts.size(); ++i)
        squares += std::pow(parts[i].observed_faults - expected[i] / scale, 2);
    const double error = std::sqrt(squares) / seen;
    if (std::log(scale) <= certain * error) return {};
    return {.low = std::min(most, scale * std::exp(-in_interval * error)),
            .middle = std::min(most, scale),
            .high = std::min(most, scale * std::exp(in_interval * error))};
}

Growth scaled(Growth growth, const RateScale& scale) {
    scale_interval(growth.bytes_per_second, growth.low, growth.high, scale);
    return growth;
}

std::optional<GrowthPerWork> scaled(std::optional<GrowthPerWork> growth, const RateScale& scale) {
    if (growth) scale_interval(growth->bytes, growth->low, growth->high, scale);
    return growth;
}

}  // namespace seep
