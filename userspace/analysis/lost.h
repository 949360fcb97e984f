// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What a stack's blocks being lost says of its growth (drain/lost_blocks.h). No trend tells a leak
// from a cache that is far from its bound; pointers do: what nothing points to is never freed, and
// what is still pointed to may be, when the cache is full. So what is lost leaks, whatever the
// curve looks like, and whatever lives beside it:
//
//     curve      blocks     of a stack
//     grows      lost       a leak, though it may have paused or come in bursts
//     steady     some lost  a leak beside a cache, of those that are lost
//     leaks      pointed to growing: a collection that only grows, or a cache that fills
//
// Nothing is made of it where blocks that were lost have been freed: the program keeps pointers
// where they cannot be seen. Pure.

#include <optional>

#include "analysis/report.h"

namespace seep {

/// Of what is lost, what may look reached: measured, 0 to 40 %, by pointers in memory that is free.
inline constexpr double most_overlooked = 1.0 / 3;

/// With Wilson's interval; empty if too few were looked for, or lost ones were freed.
std::optional<Unreachable> unreachable(const StackReachability& seen);

/// Calls a leak what is lost, and says in the reasons of growth what is lost and what is not. Needs
/// the names; after all that judges by other evidence.
void judge_by_pointers(Report& report);

/// Calls leaks `growing` all of whose cause's blocks are still pointed to, as far as they were
/// looked for: no trend tells them from a cache that fills. After all that judges by other
/// evidence.
void leave_open_what_is_pointed_to(Report& report);

/// Whether nearly all that were looked for are lost.
bool are_lost(const StackReachability& seen);

/// Whether none is lost, of many that were looked for through all of the heap.
bool is_surely_pointed_to(const StackReachability& seen);

/// Of a finding's stacks together: ", lost: nothing points to them any more", ", all still pointed
/// to", ", 40 of the 300 that were looked for lost", or nothing.
std::string pointers_text(const StackReachability& seen);

}  // namespace seep
