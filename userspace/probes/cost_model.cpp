// SPDX-License-Identifier: GPL-2.0-only
#include "probes/cost_model.h"

#include <algorithm>
#include <cmath>

namespace seep {
namespace {

/// Frames whose walk is in the cost of a followed call.
constexpr double frames_in_call = 2;

/// How much other work displaces what hits need by 1 - 1/e.
constexpr double displacing_ns = 1000;

double ratio(double a, double b) {
    return b > 0 ? a / b : 0;
}

/// Means over the allocating functions' probes, each with its share of their hits.
struct Following {
    double more_ns = 0;       ///< Of the call, and of the free of its block.
    double more_hits_ns = 0;  ///< Of it what its further hits are taken for when hits are summed.
};

Following following(const ProbeWork& work, const ProbeCosts& costs) {
    constexpr SiteKind usual = SiteKind::emulated;
    const double free_ns =
        costs.of(usual, ExitProbe::none).call_ns - costs.passed(usual, ExitProbe::none).call_ns;
    Following mean;
    double weights = 0;
    for (const ProbeHits& probe : work.hits) {
        if (probe.exit == ExitProbe::none) continue;
        const ProbeCost& followed = costs.of(probe.kind, probe.exit);
        const ProbeCost& passed = costs.passed(probe.kind, probe.exit);
        const double more_hits =
            ratio(followed.call_ns, followed.hit_ns) - ratio(passed.call_ns, passed.hit_ns);
        const auto weight = static_cast<double>(probe.hits);
        mean.more_ns += weight * (followed.call_ns - passed.call_ns + free_ns);
        mean.more_hits_ns += weight * more_hits * passed.hit_ns;
        weights += weight;
    }
    return {ratio(mean.more_ns, weights), ratio(mean.more_hits_ns, weights)};
}

/// `known_ns`: what the work cost otherwise. Hits are taken to come evenly.
double coming_back_ns(const ProbeWork& work, const ProbeCosts& costs, double known_ns) {
    double hits = 0;
    for (const ProbeHits& probe : work.hits) hits += static_cast<double>(probe.hits);
    const double between_ns = ratio(std::max(0.0, work.cpu_ns - known_ns), hits);
    return hits * costs.cold_ns() * -std::expm1(-between_ns / displacing_ns);
}

}  // namespace

WorkCost cost_of(const ProbeWork& work, const ProbeCosts& costs, double usual_frames) {
    double hits_ns = 0;
    for (const ProbeHits& probe : work.hits)
        hits_ns += static_cast<double>(probe.hits) * costs.passed(probe.kind, probe.exit).hit_ns;
    const Following followed = following(work, costs);
    const auto count = static_cast<double>(work.followed);
    const double frames = count > 0 ? static_cast<double>(work.frames) / count : usual_frames;
    const double walk_ns = std::max(0.0, frames - frames_in_call) * costs.frame_ns();
    WorkCost cost;
    cost.following_ns = std::max(0.0, followed.more_ns + walk_ns);
    cost.passing_ns = std::max(0.0, hits_ns - count * followed.more_hits_ns);
    cost.passing_ns += coming_back_ns(work, costs, cost.passing_ns + count * cost.following_ns);
    cost.total_ns = cost.passing_ns + count * cost.following_ns;
    return cost;
}

}  // namespace seep
