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
// One that was given out again and not written to looks like the end of a fastbin. Before 2.32,
// none is found. Pure.

#include <vector>

#include "drain/glibc_heap.h"

namespace seep {

/// By itself: whether it may be in a list, or end one.
bool may_be_put_aside(const HeapBlock& block);
/// Of those that may be, in any order, those that are: whose list ends, or goes on with another of
/// them of their size. Ascending.
std::vector<HeapBlock> put_aside_among(std::vector<HeapBlock> blocks);

}  // namespace seep
