// SPDX-License-Identifier: GPL-2.0-only
#include "drain/put_aside.h"

#include <algorithm>
#include <iterator>
#include <span>

namespace seep {
namespace {

constexpr unsigned page_bits = 12;
constexpr std::uint64_t chunk_alignment = 16;
constexpr std::uint64_t header_bytes = 16;
/// Of a block, with the last word of its chunk.
constexpr std::uint64_t most_of_tcache = 1032;
/// What mallopt(3) allows: 128 bytes and a header by default.
constexpr std::uint64_t most_of_fastbin = 152;
/// Lists are hardly of several heaps that are farther apart.
constexpr unsigned near_bits = 32;

/// Where the list goes on, if the block is in one; 0 at its end.
std::uint64_t next_of(const HeapBlock& block) {
    return block.words[0] ^ (block.address >> page_bits);
}

bool has_key(const HeapBlock& block) {
    return block.words[1] != 0;
}

/// Whether its list goes on with another of its size, or it is the last of a thread's.
bool is_in_list(const HeapBlock& block, std::span<const HeapBlock> blocks) {
    const std::uint64_t next = next_of(block);
    if (next == 0) return has_key(block);
    const auto is_of_its_size = [&](std::uint64_t address) {
        const auto other = std::ranges::lower_bound(blocks, address, {}, &HeapBlock::address);
        return other != blocks.end() && other->address == address && other->bytes == block.bytes;
    };
    return (has_key(block) && is_of_its_size(next)) ||
           (block.bytes <= most_of_fastbin && is_of_its_size(next + header_bytes));
}

}  // namespace

bool may_be_put_aside(const HeapBlock& block) {
    if (block.bytes > most_of_tcache) return false;
    const std::uint64_t next = next_of(block);
    if (next == 0) return has_key(block) || block.bytes <= most_of_fastbin;
    return next % chunk_alignment == 0 && next >> near_bits == block.address >> near_bits;
}

std::vector<HeapBlock> put_aside_among(std::vector<HeapBlock> blocks) {
    std::ranges::sort(blocks, {}, &HeapBlock::address);
    std::vector<HeapBlock> aside;
    std::ranges::copy_if(blocks, std::back_inserter(aside),
                         [&](const HeapBlock& block) { return is_in_list(block, blocks); });
    return aside;
}

}  // namespace seep
