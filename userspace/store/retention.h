// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Keeps of a recording that is being written only the time that its user wants to look back on, so
// that one that never ends stays within a size. Part of the writer's transactions.
//
//     snapshot      1   2   3   4   5   6           4   5   6
//     stack A       10  20  30  40  50  60   ->     40  50  60
//     stack B       7   9   .   .   8   .           9   8   .    (what it last was, at 4)
//     stack C       3   .   .   .   .   .           (gone, if its process ended before 4)
//
// What is left reads like a recording whose first snapshot is the oldest one kept: the state of
// every stack at every kept snapshot is exact, counts are since attach as before, and no memory is
// left of what was least held before. With the snapshots go the events and periods that ended
// before, and processes that ended before with all that was theirs. Locations and their symbols
// stay: they are bounded by the code that there is.
//
// The oldest snapshots go in one batch whenever an eighth more than what is to be kept has
// gathered, because each batch costs a row for every stack.
//
// Not thread-safe.

#include <chrono>
#include <cstdint>
#include <map>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "drain/snapshot.h"
#include "store/sql.h"
#include "store/thinning.h"

namespace seep {

class Retention {
 public:
    /// `keep`: how far back from the last snapshot the recording reaches at least; 0: to its start.
    static Result<Retention> create(sqlite3* db, std::chrono::nanoseconds keep);

    /// Tells of a snapshot just written, the last of `history`, and its processes; removes what is
    /// too old from the file and from `history`.
    Result<void> add(const std::vector<ProcessSample>& processes, Thinning& history);

 private:
    Retention(sqlite3* db, std::int64_t keep_ns) : db_(db), keep_ns_(keep_ns) {}
    Result<void> forget_before(std::size_t first, Thinning& history);
    Result<void> name_ended(std::uint32_t snapshot);

    sqlite3* db_;
    std::int64_t keep_ns_;
    /// The snapshots that saw processes for the last time: no row of theirs comes after.
    std::map<ProcessId, std::uint32_t> ended_;
    Statement carry_;   ///< The state as of an older snapshot to the first one that is kept.
    Statement settle_;  ///< What is least held at the first is what is held.
    Statement name_;
    std::vector<Statement> of_snapshot_;  ///< Each takes the first snapshot that is kept.
    std::vector<Statement> of_time_;      ///< Each takes its time.
    std::vector<Statement> of_ended_;     ///< Of the processes that name_ended() named.
};

}  // namespace seep
