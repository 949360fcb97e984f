// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What is lost of all that the heap has in use (drain/lost_blocks.h), by the sizes of its blocks,
// held against what stacks grow by: whose blocks those are is not known, but all that grows and is
// not lost may be others'.
//
//     chunks of 80 bytes     50 more a second in use, 45 to 60 more a second lost
//     stack a                grows by 48 of them a second: 43 of those at least are lost
//
// Pure.

#include <cstdint>
#include <vector>

#include "analysis/report.h"

namespace seep {

/// Of what grows, for a leak: some of what is lost looks reached (lost.h).
inline constexpr double mostly_lost = 0.5;

/// Of what there is more of some sizes, the share that is lost, 0 to 1; 0 if it is not known.
double lost_share(const HeapInUseGrowth& heap, const std::vector<std::uint64_t>& chunks);

/// Calls leaks what grows, cause by cause, if half of that at least is lost, and tells it with what
/// is lost if that is more for certain. Needs the rates that the heap's counts bound, and the
/// clusters.
void judge_by_lost_of_heap(Report& report);

}  // namespace seep
