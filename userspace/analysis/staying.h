// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What becomes of the blocks that windows lose sight of. Some of them were looked at again, at
// twice the age each time (drain/revisits.h). The share that was there at the greatest age is that
// of what has lapsed that stays, so far:
//
//     a leak                    1     1     1     1
//     a cache, replaced         1     1     0.9   0.1     dying
//     requests, and one leak    0.6   0.2   0.1   0.1
//
// What a stack claims to grow by is multiplied by that; what is not dying stays for good, as far as
// is known. Pure.

#include <optional>

#include "analysis/report.h"

namespace seep {

/// Empty if too few blocks were looked at.
std::optional<Staying> staying(const StackRevisits& revisits);

/// Tells of which stacks' blocks hardly any stays for certain, by what cannot be taken for another,
/// of their own or, if nothing of their cluster stays, of that. Needs the clusters.
void tell_replaced(Report& report);

/// Takes off what stacks of the heap seem to grow by but lose unseen. A stack of whose blocks too
/// few were looked at, as they have nothing to be recognized by, is taken to be as those from the
/// same place in the code are, or those of its cluster, or else of its function, if as many of
/// their blocks are seen to be freed. Needs the clusters, what is replaced, and names.
void leave_out_gone(Report& report);

/// Whether they were all there but for chance, as far as they were not taken for others.
bool is_nearly_all(const Staying& seen);

/// Whether less than a quarter can be there.
bool is_hardly_any(const Staying& seen);

/// Whether its blocks were looked at again late in the window, and were all there but for chance.
bool is_seen_to_stay(const ReportStack& stack, double window_seconds);

}  // namespace seep
