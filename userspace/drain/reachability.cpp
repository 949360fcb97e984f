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

std::size_t filter_index(std::uint64_t page) {
    return page * 0x9e3779b97f4a7c15ULL >> (64 - filter_bits);
}

}  // namespace

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
        const std::size_t from = find(address + i * sizeof word);
        if (from == to) continue;
        if (from == none || pointers_.size() >= most_pointers)
            is_root_[to] = true;
        else
            pointers_.emplace_back(static_cast<std::uint32_t>(from),
                                   static_cast<std::uint32_t>(to));
    }
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
