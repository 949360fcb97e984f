// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What a block takes of memory, besides what was asked for: a header, and what its size is rounded
// up by. Bytes; pure, thread-safe.

#include <cstdint>
#include <vector>

#include "analysis/report.h"

namespace seep {

/// On top of a small block at most: header and rounding to 16 (glibc malloc.c, chunk layout).
inline constexpr double block_overhead = 24;
/// The least that any allocator gives for a block: what a freed block of unknown size had at least.
inline constexpr double least_block = 16;

/// The least that a live block keeps from being given back, and that the memory has of one in use.
inline constexpr double page_bytes = 4096;

/// Of the allocator that a heap stack's innermost frame is of. `processes`: with what they
/// allocate; the C library's names are the same whosever it is.
BlockLayout layout_of(const ReportFrame& allocator, const std::vector<ProcessRecord>& processes);

/// What a block of so many bytes, above 0, takes (malloc.c, request2size; jemalloc(3), "SIZE
/// CLASSES", from which the others differ little; musl's src/malloc/mallocng/malloc.c, of 1.2.1 and
/// later).
double block_takes(double bytes, BlockLayout layout);

/// size_class() of the chunk that glibc takes for a block of so many bytes (drain/glibc_heap.h).
std::uint64_t glibc_chunk(double bytes);

/// Standard deviation of the sizes of a stack's blocks, of which there are some, in bytes; 16 or
/// less is none, as squares are rounded up.
double size_deviation(const Totals& totals);

/// Whether all blocks of a stack have one size, as far as their mean and their squares tell.
bool is_uniform(const Totals& totals);

/// The smallest and the largest blocks that a stack allocates, nearly: within a standard deviation
/// of their mean.
struct SizeRange {
    double least = 0;
    double mean = 0;
    double most = 0;
};
/// Of a stack that has allocated some.
SizeRange size_range(const Totals& totals);
/// The size_class() of each chunk that glibc takes for such blocks, ascending.
std::vector<std::uint64_t> chunks_of(const SizeRange& blocks);
/// Whether it has allocated blocks that glibc's heaps account for.
bool is_in_glibc_heap(const ReportStack& stack);

/// What a heap stack's blocks take of memory, over what was asked for; 1 if it has none. Only where
/// all have one size, as far as their mean tells, least and most are the same.
struct BlockShares {
    double least = 1;
    double usual = 1;
    double most = 1;
};
BlockShares block_shares(const ReportStack& stack);

}  // namespace seep
