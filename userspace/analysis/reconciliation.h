// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The live bytes of the traced heap held against the memory that the processes have: where the two
// part, no code leaks, and another remedy is called for. Pure functions.
//
//     anonymous memory     ____----====     the heap explains it: judge the stacks
//     live in the heap     ____----====
//
//     anonymous memory     __/----------    fragmentation, or retention if too few blocks are live:
//     live in the heap     __/\_________    given back to the allocator, not to the kernel
//
//     anonymous memory     ____----====     outside the heap: mappings, thread stacks, an
//     live in the heap     ____________     allocator of its own
//
// Anonymous memory is RssAnon and swap together, so that swapping changes nothing. A block needs
// more than was asked for: the heap is taken to explain up to block_overhead (block_size.h) for
// each.

#include <cstdint>
#include <string>

#include "analysis/contents.h"
#include "analysis/report.h"

namespace seep {

/// `heap`: of all heap stacks together. `mapping_growth`: bytes by which mappings that are not the
/// allocator's grew, if those were traced.
ProcessMemory reconcile(const RecordingContents& contents, const LiveSeries& heap,
                        double mapping_growth, const std::optional<HeapInUseGrowth>& in_use = {});

/// What to try against memory that an allocator keeps, for the allocators named as a recording
/// names them ("glibc (libc.so.6), jemalloc (redis-server)"). Empty for unknown ones.
std::string retention_advice(const std::string& allocators);

}  // namespace seep
