// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Blocks of glibc's heaps that look in use, and are free: put aside for the next to ask for their
// size, in a list of a thread (tcache, seven of each size up to 1,032 bytes) or of a heap
// (fastbins, any number of up to 128 bytes). Of those, the first word is where the list goes on,
// mangled by where it is itself since glibc 2.32 (malloc/malloc.c, PROTECT_PTR):
//
//     tcache     [ next block ^ own address / 4096 | key, never 0 | ...
//     fastbin    [ next chunk ^ own address / 4096 | ...
//
// One that was given out again and not written to looks like those of fastbins. Before 2.32, none
// is found. Pure.

#include <span>

#include "drain/glibc_heap.h"
#include "drain/reachability.h"

namespace seep {

/// By itself; of blocks that are in use, hardly one in a million.
bool may_be_put_aside(const HeapBlock& block);
/// Whether the list goes on with another block of its size. `blocks`: all of the heap, ascending.
bool is_put_aside(const HeapBlock& block, std::span<const BlockRange> blocks);

}  // namespace seep
