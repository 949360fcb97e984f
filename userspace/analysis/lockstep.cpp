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
constexpr std::size_t most_parts = 8;
/// Fewer may rise by equal counts in each part by chance.
constexpr double least_in_parts = 10;
/// Of fewer blocks, what may be torn hides in a part whether others rise in proportion: they must
/// never be apart by more than a third of what chance makes of so many (Kolmogorov and Smirnov: 1
/// in 30,000 of those that come by themselves is not), at this many moments or more.
constexpr double least_in_proportion = 64;
constexpr double never_apart_deviations = 1.0 / 3;
constexpr std::size_t least_moments = 16;
/// From when on a stack's allocations tell what makes it, and not its growth.
constexpr double mostly_freed = 0.5;
/// By which the shares of their blocks that are freed may differ for all that.
constexpr double other_fate = 0.02;
/// Of those that stay, what may be in flight of one and not of the other.
constexpr double torn_fate = 0.05;

double total(const LockstepStack& stack) {
    return std::accumulate(stack.steps.begin(), stack.steps.end(), 0.0);
}

bool alike(double a, double b, double weight) {
    const double sampling =
        weight > 1 ? sampling_deviations * std::sqrt(weight * (std::abs(a) + std::abs(b))) : 0;
    return std::abs(a - b) <=
           torn_objects + torn_share * std::max(std::abs(a), std::abs(b)) + sampling;
}

double freed_share(const LockstepStack& stack) {
    return stack.freed / std::max(1.0, stack.allocated);
}

/// Growth in each of eight parts at most.
std::vector<double> in_parts(const std::vector<double>& steps) {
    const std::size_t parts = std::min(most_parts, steps.size());
    std::vector<double> sums;
    const auto at = [&](std::size_t part) {
        return steps.begin() + static_cast<std::ptrdiff_t>(steps.size() * part / parts);
    };
    for (std::size_t part = 0; part < parts; ++part)
        sums.push_back(std::accumulate(at(part), at(part + 1), 0.0));
    return sums;
}

/// Whether they are allocated as often, far more so than they grow: by the same calls.
bool are_made_together(const LockstepStack& a, const LockstepStack& b) {
    return freed_share(a) > mostly_freed && freed_share(b) > mostly_freed &&
           alike(a.allocated, b.allocated, 1);
}

bool never_apart(const LockstepStack& few, const LockstepStack& many, double blocks) {
    // Of what is made together, an object may be torn at either end.
    const double least = are_made_together(few, many) ? torn_objects : 1;
    const double most = std::max(least, never_apart_deviations * std::sqrt(blocks));
    double apart = 0;
    return std::ranges::equal(few.steps, many.steps, [&](double a, double b) {
        apart += a - b;
        return std::abs(apart) <= most;
    });
}

/// Whether of as many as are allocated as many stay, as far as chance lets that be told.
bool of_one_fate(const LockstepStack& few, const LockstepStack& many) {
    if (std::abs(freed_share(few) - freed_share(many)) > other_fate) return false;
    const double staying = total(few);
    const double expected = total(many) * few.allocated / std::max(1.0, many.allocated);
    const double weight = std::max({1.0, few.weight, many.weight});
    return std::abs(staying - expected) <=
           torn_objects * (1 + std::sqrt(weight * staying)) + torn_fate * staying;
}

bool grow_alike(const LockstepStack& a, const LockstepStack& b) {
    return std::min(total(a), total(b)) >= least_in_parts &&
           alike(total(a), total(b), std::max(a.weight, b.weight));
}

bool alike_in_parts(const std::vector<double>& a, const std::vector<double>& b, double weight) {
    return std::ranges::equal(in_parts(a), in_parts(b), [&](double left, double right) {
        return alike(left, right, weight);
    });
}

bool rise_in_step(const LockstepStack& a, const LockstepStack& b) {
    return alike_in_parts(a.steps, b.steps, std::max(a.weight, b.weight));
}

/// Where of blocks of one object, of one fate, some are seen to be free before others.
bool are_made_in_step(const LockstepStack& a, const LockstepStack& b) {
    return !a.made.empty() && std::max(freed_share(a), freed_share(b)) <= mostly_freed &&
           alike_in_parts(a.made, b.made, std::max(a.weight, b.weight));
}

/// `few` is the one that rises by fewer blocks.
bool in_proportion(const LockstepStack& few, const LockstepStack& many) {
    const double blocks = total(few);
    if (blocks <= 0 || !of_one_fate(few, many)) return false;
    // As if the blocks of each object were one, so that an object that is torn is no more than one.
    const double ratio = total(many) / blocks;
    LockstepStack objects{.steps = many.steps,
                          .callers = {},
                          .weight = std::max(1.0, many.weight / ratio),
                          .allocated = many.allocated,
                          .freed = many.freed,
                          .made = many.made};
    for (double& step : objects.steps) step /= ratio;
    for (double& step : objects.made) step /= ratio;
    if (blocks < least_in_proportion)
        return std::max(few.weight, many.weight) <= 1 && few.steps.size() >= least_moments &&
               never_apart(few, objects, blocks);
    return grow_alike(few, objects) &&
           (rise_in_step(few, objects) || are_made_in_step(few, objects));
}

std::size_t common_callers(const LockstepStack& a, const LockstepStack& b) {
    const auto [left, right] = std::ranges::mismatch(a.callers.rbegin(), a.callers.rend(),
                                                     b.callers.rbegin(), b.callers.rend());
    return static_cast<std::size_t>(left - a.callers.rbegin());
}

using AreAlike = bool (&)(const LockstepStack&, const LockstepStack&);

/// The stacks of a group as one, in as many blocks as its first one has: what is torn of one is
/// not of all, and what of one is freed beside those that stay says nothing of the others.
LockstepStack middle_of(const Lockstep& group, std::span<const LockstepStack> stacks) {
    LockstepStack middle = stacks[group.stacks.front()];
    const double blocks = total(middle);
    if (blocks <= 0) return middle;
    for (const std::size_t member : std::span(group.stacks).subspan(1)) {
        const LockstepStack& stack = stacks[member];
        const double scale = blocks / total(stack);
        for (std::size_t i = 0; i < middle.steps.size(); ++i)
            middle.steps[i] += stack.steps[i] * scale;
        for (std::size_t i = 0; i < middle.made.size(); ++i)
            middle.made[i] += stack.made[i] * scale;
        middle.weight = std::max(middle.weight, stack.weight);
        middle.roots = std::max(middle.roots, stack.roots);
        if (freed_share(stack) >= freed_share(middle)) continue;
        middle.allocated = stack.allocated * scale;
        middle.freed = stack.freed * scale;
    }
    const auto count = static_cast<double>(group.stacks.size());
    for (double& step : middle.steps) step /= count;
    for (double& step : middle.made) step /= count;
    return middle;
}

/// All are compared with the first of the groups that are joined: a chain of small differences does
/// not make one cause.
std::vector<Lockstep> joined(std::vector<Lockstep> groups, std::span<const LockstepStack> stacks,
                             AreAlike are_alike) {
    std::vector<LockstepStack> middles;
    middles.reserve(groups.size());
    for (const Lockstep& group : groups) middles.push_back(middle_of(group, stacks));
    std::vector<Lockstep> result;
    std::vector<bool> taken(groups.size());
    for (std::size_t first = 0; first < groups.size(); ++first) {
        if (taken[first]) continue;
        Lockstep group = std::move(groups[first]);
        const LockstepStack& seed = middles[first];
        for (std::size_t next = first + 1; next < groups.size(); ++next) {
            const LockstepStack& other = middles[next];
            if (taken[next]) continue;
            const std::size_t common =
                std::min({group.common, groups[next].common, common_callers(seed, other)});
            if (common <= std::max(seed.roots, other.roots) || !are_alike(seed, other)) continue;
            group.common = common;
            group.stacks.insert(group.stacks.end(), groups[next].stacks.begin(),
                                groups[next].stacks.end());
            taken[next] = true;
        }
        result.push_back(std::move(group));
    }
    return result;
}

}  // namespace

bool in_equal_numbers(const LockstepStack& a, const LockstepStack& b) {
    return grow_alike(a, b) &&
           (rise_in_step(a, b) || (are_made_in_step(a, b) && of_one_fate(a, b)));
}

std::vector<Lockstep> lockstep_clusters(std::span<const LockstepStack> stacks) {
    std::vector<Lockstep> groups;
    for (std::size_t i = 0; i < stacks.size(); ++i)
        groups.push_back({{i}, stacks[i].callers.size()});
    const auto blocks = [&](const Lockstep& group) {
        return std::pair(total(stacks[group.stacks.front()]), group.stacks.front());
    };
    std::ranges::sort(groups, {}, blocks);
    groups = joined(std::move(groups), stacks, in_equal_numbers);
    groups = joined(std::move(groups), stacks, in_proportion);
    groups = joined(std::move(groups), stacks, in_proportion);  // as groups
    std::erase_if(groups, [](const Lockstep& group) { return group.stacks.size() < 2; });
    return groups;
}

}  // namespace seep
