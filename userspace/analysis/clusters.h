// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Finds the clusters among a report's stacks that grow: those in lockstep (lockstep.h), where those
// that take over from one another (succession.h) count as one. Pure.

#include <vector>

#include "analysis/contents.h"
#include "analysis/merging.h"
#include "analysis/report.h"

namespace seep {

/// Sets Evidence::cluster in the report's stacks, which are in rank order, and returns the clusters
/// in the order of their first stacks. Only the first 1000 stacks that grow are looked at.
/// `merged`: the same stacks, ascending by id.
std::vector<ReportCluster> cluster(Report& report, const std::vector<MergedStack>& merged,
                                   const RecordingContents& contents);

/// What grows from a place in the code from which other stacks leak is a part of that, if none of
/// the blocks of either was ever freed: one thread's, or one caller's. Needs the stacks' names
/// (name_stacks()) and their last verdicts.
void join_places(Report& report);

/// How many of a stack's outermost locations are what the C library has above a program's main() or
/// a thread's function: two or three.
std::size_t root_frames(const StackRecord& stack, const RecordingContents& contents);

}  // namespace seep
