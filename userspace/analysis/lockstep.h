// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// One cause, many stacks: a function that leaks an object of three blocks grows three stacks, by
// the same number of blocks in the same time. Stacks whose counts of live blocks rise alike in each
// part of the window, and that have a caller in common, are one cluster. Pure, thread-safe.

#include <cstddef>
#include <span>
#include <vector>

#include "base/ids.h"

namespace seep {

struct LockstepStack {
    std::vector<double> steps;        ///< Growth of the count in each part, equally many for all.
    std::vector<LocationId> callers;  ///< From the allocator's function outwards.
    double weight = 1;                ///< Allocations that a followed one stands for.
    std::size_t roots = 2;            ///< Outermost callers that all of its thread's stacks have.
};

struct Lockstep {
    std::vector<std::size_t> stacks;  ///< Indices; two at least.
    std::size_t common = 0;           ///< Number of outermost frames that all of them share.
};

/// n log n in the number of stacks, for clusters of bounded size.
std::vector<Lockstep> lockstep_clusters(std::span<const LockstepStack> stacks);

}  // namespace seep
