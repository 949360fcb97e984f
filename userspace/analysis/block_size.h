// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What a block takes of memory, besides what was asked for: a header, and what its size is rounded
// up by. Bytes; pure, thread-safe.

#include <algorithm>
#include <cmath>

namespace seep {

/// On top of a small block at most: header and rounding to 16 (glibc malloc.c, chunk layout).
inline constexpr double block_overhead = 24;
/// The least that any allocator gives for a block: what a freed block of unknown size had at least.
inline constexpr double least_block = 16;

/// What a block of so many bytes, above 0, usually takes: in glibc, with its header of 8 bytes, in
/// steps of 16, and 32 at least (malloc.c, request2size). Others round up by as much.
inline double usual_block(double bytes) {
    constexpr double header = 8;
    constexpr double step = 16;
    constexpr double least = 32;
    return std::max(least, step * std::ceil((bytes + header) / step));
}

/// What blocks of so many bytes together usually take, over what was asked for; 1 if there are
/// none.
inline double usual_share(double bytes, double blocks) {
    return bytes > 0 && blocks > 0 ? usual_block(bytes / blocks) * blocks / bytes : 1;
}

}  // namespace seep
