// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Reads the heaps that glibc's malloc has in a process that goes on (glibc_heap.h). Stateless,
// thread-safe.

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <vector>

#include "drain/glibc_heap.h"
#include "drain/reachability.h"

namespace seep {

/// None if it has no such heaps, or they are not what they seem to be. What is put aside
/// (put_aside.h) counts as free.
std::optional<HeapCensus> read_glibc_heaps(pid_t pid);

/// All blocks of a process's heaps that are in use, likewise.
struct HeapBlocks {
    /// Ascending and apart.
    std::vector<BlockRange> blocks;
    /// The memory that they are in, ascending and apart. What is between them is free.
    std::vector<BlockRange> heaps;
};
/// None as above, or if there are more than `most`.
std::optional<HeapBlocks> read_heap_blocks(pid_t pid, std::size_t most);

}  // namespace seep
