// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/lockstep.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace seep {

namespace {

/// A snapshot may fall between two blocks of one object.
constexpr double torn_objects = 2;
/// Of what a step may differ by without being another: as much as drains are apart.
constexpr double torn_share = 0.01;
constexpr double sampling_deviations = 3;

double total(const LockstepStack& stack) {
    return std::accumulate(stack.steps.begin(), stack.steps.end(), 0.0);
}

bool alike(double a, double b, double weight) {
    const double sampling =
        weight > 1 ? sampling_deviations * std::sqrt(weight * (std::abs(a) + std::abs(b))) : 0;
    return std::abs(a - b) <=
           torn_objects + torn_share * std::max(std::abs(a), std::abs(b)) + sampling;
}

bool alike(const LockstepStack& a, const LockstepStack& b) {
    const double weight = std::max(a.weight, b.weight);
    if (!alike(total(a), total(b), weight)) return false;
    for (std::size_t i = 0; i < a.steps.size(); ++i)
        if (!alike(a.steps[i], b.steps[i], weight)) return false;
    return true;
}

std::size_t common_callers(const LockstepStack& a, const LockstepStack& b) {
    const auto [left, right] = std::ranges::mismatch(a.callers.rbegin(), a.callers.rend(),
                                                     b.callers.rbegin(), b.callers.rend());
    return static_cast<std::size_t>(left - a.callers.rbegin());
}

}  // namespace

std::vector<Lockstep> lockstep_clusters(std::span<const LockstepStack> stacks) {
    std::vector<std::size_t> order(stacks.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(total(stacks[i]), i); });
    std::vector<Lockstep> clusters;
    std::vector<bool> taken(stacks.size());
    for (std::size_t first = 0; first < order.size(); ++first) {
        const std::size_t seed = order[first];
        if (taken[seed]) continue;
        Lockstep cluster{{seed}, stacks[seed].callers.size()};
        // All are compared with the first: a chain of small differences does not make one cause.
        for (std::size_t next = first + 1; next < order.size(); ++next) {
            const std::size_t other = order[next];
            const double weight = std::max(stacks[seed].weight, stacks[other].weight);
            if (!alike(total(stacks[seed]), total(stacks[other]), weight)) break;
            if (taken[other] || !alike(stacks[seed], stacks[other])) continue;
            const std::size_t common =
                std::min(cluster.common, common_callers(stacks[seed], stacks[other]));
            if (common <= std::max(stacks[seed].roots, stacks[other].roots)) continue;
            cluster.common = common;
            cluster.stacks.push_back(other);
        }
        if (cluster.stacks.size() < 2) continue;
        for (const std::size_t stack : cluster.stacks) taken[stack] = true;
        clusters.push_back(std::move(cluster));
    }
    return clusters;
}

}  // namespace seep
