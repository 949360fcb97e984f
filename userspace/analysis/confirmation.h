// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Where the probes came and went, what a stack holds is an upper bound of what it has live: frees
// went by unseen, so that a stack whose blocks live long, and die, looks like a leak for a while.
// The kernel counts a process's anonymous memory all the time, though, and what is allocated is in
// there. A stack that was seen to leak, and without which the memory would not have grown as it
// did, does leak; one whose growth the memory shows nothing of may not. Pure.
//
//     claimed     the growth of all heap stacks that certainly grow, with what the allocator adds
//                 to each block
//     shown       the growth of the anonymous memory, the least of that in the whole window and
//                 in its later half
//     missing     claimed - shown, a tenth of claimed at least: as much of the claims may be false
//
// Of a cause that claims c, at least c - missing is true. It is a leak if that is half of c.
//
// Of the blocks that have lapsed, some are seen to be free later, by chance: of those that die,
// that is, and not of those that leak. Where none of a cause's comes back, and too many for chance
// would have if they lived as long as those that do, the claims of the latter are left out of the
// sums.
//
// Where a cause has far more blocks than may have been replaced within windows (lapses.h), it is no
// cache that is full: nothing is missing then but what the memory lacks of what such blocks usually
// take.
//
// Where nearly all claims are confirmed, and the memory grows otherwise than they say, or tells it
// in a narrower interval, it tells the rates better than they do: it is counted all the time, and
// while no probe slows the target down. Each is then its part of the memory's growth. Of a small
// growth, a count of pages says little.
//
// Where windows slow the target down, all claims were multiplied by what its page faults tell of
// its pace, and may all have to be by another number in the interval of that; by any above 1 where
// they tell nothing (RateScale::known).

#include "analysis/report.h"

namespace seep {

/// Calls those stacks a leak that were seen to leak in windows (ReportStack::seen_to_leak), if the
/// memory confirms it, and sets their growth; `reason` says either. Bounds what else was seen to
/// grow in windows, or beside many frees of what was there before (bounds.h). Needs the clusters
/// and `memory` of the report.
void confirm_by_memory(Report& report);

}  // namespace seep
