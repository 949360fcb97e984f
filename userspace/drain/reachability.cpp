// SPDX-License-Identifier: GPL-2.0-only
#include "drain/reachability.h"

#include <algorithm>

namespace seep {
namespace {

constexpr std::uint64_t address_mask = (std::uint64_t{1} << 48) - 1;
constexpr unsigned page_bits = 12;
constexpr unsigned filter_bits = 20;
/// More pointers between blocks are taken for ones from other memory: 64 MiB.
constexpr std::size_t most_pointers = std::size_t{8} << 20;

/// More words that may be links are taken for pointers: 16 MiB.
constexpr std::size_t most_links = std::size_t{1} << 20;
/// Chunks begin at multiples of it.
constexpr std::uint64_t chunk_alignment = 16;
constexpr std::uint64_t word_bytes = sizeof(std::uint64_t);

/// Whether it is where the header of the chunk behind would begin. `offset`: of the address.
bool is_next_header(const BlockRange& block, std::uint64_t offset) {
    return offset > 0 && (block.address + offset) % chunk_alignment == 0 &&
           offset + word_bytes >= block.bytes;
}

std::size_t filter_index(std::uint64_t page) {
    return page * 0x9e3779b97f4a7c15ULL >> (64 - filter_bits);
}

}  // namespace

// From a header on, the links of a free chunk: to the next and to the previous of its list, and of
// large ones to those of the next sizes.
bool is_link(const PossibleLink& link, WordsBehind behind) {
    constexpr std::size_t back[] = {1, 0, 3, 2};
    for (std::size_t i = 0; i < behind.size(); ++i)
        if (behind[back[i]] == link.at - behind_header - i * word_bytes) return true;
    return false;
}

Reachability::Reachability(std::vector<BlockRange> blocks)
    : blocks_(std::move(blocks)),
      page_has_block_(std::size_t{1} << filter_bits),
      is_root_(blocks_.size()) {
    for (const BlockRange& block : blocks_) {
        const std::uint64_t last = block.address + std::max<std::uint64_t>(block.bytes, 1) - 1;
        for (std::uint64_t page = block.address >> page_bits; page <= last >> page_bits; ++page)
            page_has_block_[filter_index(page)] = true;
    }
}

std::size_t Reachability::find(std::uint64_t address) const {
    if (!page_has_block_[filter_index(address >> page_bits)]) return none;
    const auto behind = std::ranges::upper_bound(blocks_, address, {}, &BlockRange::address);
    if (behind == blocks_.begin()) return none;
    const BlockRange& block = *std::prev(behind);
    // A block of no bytes has an address, too.
    if (address - block.address >= std::max<std::uint64_t>(block.bytes, 1)) return none;
    return static_cast<std::size_t>(behind - blocks_.begin()) - 1;
}

void Reachability::take_in(std::uint64_t word) {
    if (const std::size_t block = find(word & address_mask); block != none) is_root_[block] = true;
}

void Reachability::take_in(std::uint64_t address, std::span<const std::uint64_t> words) {
    if (blocks_.empty()) return;
    const std::uint64_t first = blocks_.front().address;
    const std::uint64_t span = blocks_.back().address + blocks_.back().bytes - first;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::uint64_t word = words[i] & address_mask;
        if (word - first > span) continue;
        const std::size_t to = find(word);
        if (to == none || is_root_[to]) continue;
        const std::uint64_t at = address + i * word_bytes;
        const std::uint64_t offset = word - blocks_[to].address;
        if (is_next_header(blocks_[to], offset) && links_.size() < most_links) {
            // To a part of a word there is hardly a pointer, and none alone.
            if (offset + word_bytes == blocks_[to].bytes) links_.push_back({at, word});
        } else {
            point(at, to);
        }
    }
}

void Reachability::take_in_as_pointer(const PossibleLink& link) {
    if (const std::size_t to = find(link.to); to != none) point(link.at, to);
}

void Reachability::point(std::uint64_t from_address, std::size_t to) {
    const std::size_t from = find(from_address);
    if (from == to) return;
    if (from == none || pointers_.size() >= most_pointers)
        is_root_[to] = true;
    else
        pointers_.emplace_back(static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to));
}

std::vector<bool> Reachability::reached() const {
    auto pointers = pointers_;
    std::ranges::sort(pointers);
    std::vector<bool> reached = is_root_;
    std::vector<std::uint32_t> next;
    for (std::size_t i = 0; i < reached.size(); ++i)
        if (reached[i]) next.push_back(static_cast<std::uint32_t>(i));
    while (!next.empty()) {
        const std::uint32_t from = next.back();
        next.pop_back();
        for (auto pointer = std::ranges::lower_bound(pointers, std::pair(from, std::uint32_t{0}));
             pointer != pointers.end() && pointer->first == from; ++pointer) {
            if (reached[pointer->second]) continue;
            reached[pointer->second] = true;
            next.push_back(pointer->second);
        }
    }
    return reached;
}

}  // namespace seep
