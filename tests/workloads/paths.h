// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// As many distinct call stacks as are wanted: each bit of `path` chooses which of two functions
// makes the next call, so 2^levels paths are 2^levels stacks of levels + 1 frames.

#include <cstdint>
#include <cstdlib>

[[gnu::noinline]] void* step_left(unsigned levels, std::uint64_t path, std::size_t size);
[[gnu::noinline]] void* step_right(unsigned levels, std::uint64_t path, std::size_t size);

inline void* allocate_at(unsigned levels, std::uint64_t path, std::size_t size) {
    if (levels == 0) return std::malloc(size);
    return path & 1 ? step_right(levels - 1, path >> 1, size)
                    : step_left(levels - 1, path >> 1, size);
}

// The empty statements after the calls keep them from becoming jumps, which leave no frame.
void* step_left(unsigned levels, std::uint64_t path, std::size_t size) {
    void* block = allocate_at(levels, path, size);
    asm volatile("");
    return block;
}

void* step_right(unsigned levels, std::uint64_t path, std::size_t size) {
    void* block = allocate_at(levels, path, size);
    asm volatile("");
    return block;
}
