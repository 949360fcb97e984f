// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What the processes of a recording have, together, and how it grew over the window: the memory
// that the heap is held against (reconciliation.h). Pure functions.

#include <cstddef>
#include <optional>

#include "analysis/contents.h"
#include "analysis/report.h"

namespace seep {

/// The processes that live at a snapshot, together, in bytes.
struct ProcessSum {
    bool any = false;
    double anonymous = 0;
    double swap = 0;
    double file = 0;
    double allocated = 0;
    double unmatched_frees = 0;
    std::optional<double> allocators;  ///< Mapped by them, if mappings were traced.
};
ProcessSum sum_of(const SnapshotRecord& snapshot);

/// The part of the window in which there is memory to compare: a launched command has none at its
/// first instruction, and one that has ended has none at the last snapshot.
Window living_part(const RecordingContents& contents);

/// The snapshot at which most was live, the last one of several.
std::size_t peak_of(const LiveSeries& heap, const Window& window);

/// All but its verdict, kappa and what the allocator has in use. `heap`: of all heap stacks
/// together. Without growth where no two snapshots have memory.
ProcessMemory process_memory(const RecordingContents& contents, const LiveSeries& heap);

}  // namespace seep
