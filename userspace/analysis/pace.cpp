// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/pace.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace seep {
namespace {

constexpr double certain = 3;         ///< Standard errors.
constexpr double in_interval = 1.96;  ///< Standard errors on each side, for 95 %.
constexpr double usual_pace = 1.5;    ///< And its inverse.
/// Times between snapshots that the faults must come from, as many as equal ones would be that tell
/// as much (the effective sample size of L. Kish, Survey Sampling, 1965): one has no deviation.
constexpr double least_parts = 4;

/// With probes in place.
struct Faults {
    double expected = 0;  ///< At the usual pace.
    double observed = 0;
};

/// Of all targets between two snapshots each; nothing of a target before its first.
std::vector<Faults> faults_within(const std::vector<SnapshotRecord>& snapshots,
                                  const Window& window) {
    std::vector<Faults> result;
    std::map<ProcessId, const ProcessSample*> before;
    for (std::size_t i = window.first; i <= window.last; ++i) {
        Faults& sum = result.emplace_back();
        const double share = i > window.first ? observed_share(snapshots[i - 1], snapshots[i]) : 0;
        for (const ProcessSample& sample : snapshots[i].processes) {
            const ProcessSample* const earlier =
                std::exchange(before.try_emplace(sample.process, &sample).first->second, &sample);
            const double all = grown(sample.page_faults, earlier->page_faults);
            const double unobserved =
                grown(sample.unobserved_page_faults, earlier->unobserved_page_faults);
            sum.expected += share * all;
            sum.observed += all - std::min(all, unobserved);
        }
    }
    return result;
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
    Faults sum;
    const std::vector<Faults> parts = faults_within(snapshots, window);
    for (const Faults& part : parts) {
        sum.expected += part.expected;
        sum.observed += part.observed;
    }
    if (sum.observed <= 0 || sum.expected <= 0) return {};
    const double scale = sum.expected / sum.observed;
    double squares = 0;
    double squares_expected = 0;
    for (const Faults& part : parts) {
        squares += std::pow(part.observed - part.expected / scale, 2);
        squares_expected += std::pow(part.expected, 2);
    }
    if (std::pow(sum.expected, 2) < least_parts * squares_expected) return {};
    const double error = std::sqrt(squares) / sum.observed;
    if (std::abs(std::log(scale)) - certain * error < std::log(usual_pace)) return {};
    return {.low = scale * std::exp(-in_interval * error),
            .middle = scale,
            .high = scale * std::exp(in_interval * error)};
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
