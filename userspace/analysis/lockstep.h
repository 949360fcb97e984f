// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// One cause, many stacks: a function that leaks an object of three blocks grows three stacks, by
// the same number of blocks in the same time, and one that leaks a document of a hundred nodes one
// of them a hundred times as fast as another. Stacks whose counts of live blocks rise in proportion
// in each part of the window, and that have a caller in common, are one cluster. Pure, thread-safe.

#include <cstddef>
#include <span>
#include <vector>

#include "base/ids.h"

namespace seep {

struct LockstepStack {
    std::vector<double> steps;        ///< Growth of the count bit by bit, equally many for all.
    std::vector<LocationId> callers;  ///< From the allocator's function outwards.
    double weight = 1;                ///< Allocations that a followed one stands for.
    std::size_t roots = 2;            ///< Outermost callers that all of its thread's stacks have.
    double allocated = 0;             ///< Blocks in the window, of which so many were freed.
    double freed = 0;
    /// Blocks that were allocated, step by step, if frees may be seen long after they were made.
    std::vector<double> made = {};
};

/// Whether they rise by equal counts in each eighth of the steps, as far as sampling and torn
/// objects let that be told.
bool in_equal_numbers(const LockstepStack& a, const LockstepStack& b);

struct Lockstep {
    std::vector<std::size_t> stacks;  ///< Indices; two at least.
    std::size_t common = 0;           ///< Number of outermost frames that all of them share.
};

/// Those that rise by equal counts first; then clusters and what is in none, if they rise in other
/// proportions and the same share of their blocks is freed. Quadratic in the number of stacks.
std::vector<Lockstep> lockstep_clusters(std::span<const LockstepStack> stacks);

}  // namespace seep
