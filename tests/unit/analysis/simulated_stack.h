// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// A stack of a process that allocates by chance, as the ledger would record it: totals, squares,
// births and lifetimes of what happens after attach, the process's count of frees of everything.
// The same seed gives the same stack.

#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "analysis/contents.h"
#include "analysis/merging.h"
#include "analysis/report.h"

namespace seep {

using Random = std::mt19937_64;

struct SimulatedBlock {
    double born = 0;  ///< Seconds since attach; below 0, it is not followed.
    double died = 0;  ///< At the window's end or later: it lives.
    std::uint64_t bytes = 64;
};

/// One that outlives every window.
inline constexpr double for_ever = 1e12;

struct SimulatedWindow {
    double seconds = 60;
    std::size_t snapshots = 61;
};

/// Blocks born at `rate(t)` a second (at most `most`) from `from` to `to`, that live for
/// `life(t, random)`.
struct Source {
    double from = 0;
    double to = 0;
    double most = 0;
    std::function<double(double)> rate;
    std::function<double(double, Random&)> life;
};
void add_blocks(std::vector<SimulatedBlock>& blocks, const Source& source, Random& random);

/// The contents of a recording of one process, which uses half a core: a stack for each group of
/// blocks.
RecordingContents simulated_contents(const std::vector<std::vector<SimulatedBlock>>& groups,
                                     const SimulatedWindow& window);
RecordingContents simulated_contents(std::vector<SimulatedBlock> blocks,
                                     const SimulatedWindow& window);

/// The same blocks, from another stack after each of the `changes`, in seconds since attach: the
/// stacks differ in one frame between the call to allocate and its callers (succession.h).
RecordingContents simulated_succession(const std::vector<SimulatedBlock>& blocks,
                                       const std::vector<double>& changes,
                                       const SimulatedWindow& window);

}  // namespace seep
