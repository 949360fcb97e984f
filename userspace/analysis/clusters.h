// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Finds the clusters among a report's stacks that grow: those in lockstep (lockstep.h), where those
// that take over from one another (succession.h) count as one. Pure.

#include <cstddef>
#include <vector>

#include "analysis/contents.h"
#include "analysis/lockstep.h"
#include "analysis/merging.h"
#include "analysis/report.h"

namespace seep {

/// Of a report's stacks, which are in rank order and must not change places meanwhile.
class LockstepClusters {
 public:
    /// Stacks that count as one.
    struct Unit {
        std::vector<std::size_t> ranks;      ///< Ascending.
        const MergedStack* first = nullptr;  ///< The stack of the first of them.
        LockstepStack together;
    };

    /// Sets Evidence::cluster of the stacks. Only the first 1000 of them that grow are looked at.
    /// `merged`: the same stacks, ascending by id. That and `contents` must outlive it.
    LockstepClusters(Report& report, const std::vector<MergedStack>& merged,
                     const RecordingContents& contents);

    /// Makes of each cluster one cause: what is in step with a leak is a part of it, and grows as
    /// often as what is known best of it does. Returns the clusters in the order of their first
    /// stacks.
    std::vector<ReportCluster> join(Report& report) const;

 private:
    struct Cluster {
        std::vector<Unit> units;
        std::size_t common = 0;  ///< Of their outermost locations, those that all share.
    };

    const std::vector<MergedStack>* merged_;
    const RecordingContents* contents_;
    std::vector<Cluster> clusters_;  ///< In the order of their first stacks.
};

/// What grows from a place in the code from which other stacks leak is a part of that, if none of
/// the blocks of either was ever freed: one thread's, or one caller's. Needs the stacks' names
/// (name_stacks()) and their last verdicts, what pointers tell included.
void join_places(Report& report);

/// How many of a stack's outermost locations are what the C library has above a program's main() or
/// a thread's function: two or three.
std::size_t root_frames(const StackRecord& stack, const RecordingContents& contents);

}  // namespace seep
