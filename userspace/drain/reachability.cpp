// SPDX-License-Identifier: GPL-2.0-only
#include "drain/reachability.h"

#include <algorithm>
#include <iterator>
#include <numeric>

namespace seep {
namespace {

constexpr std::uint64_t address_mask = (std::uint64_t{1} << 48) - 1;
constexpr unsigned page_bits = 12;
constexpr unsigned index_bits = 20;
/// More pointers between blocks are taken for ones from other memory: 64 MiB.
constexpr std::size_t most_pointers = std::size_t{8} << 20;

/// Of one page at most.
constexpr std::ptrdiff_t most_of_page = (1 << page_bits) / 8;
constexpr std::uint32_t none_there = ~std::uint32_t{0};
constexpr std::uint32_t several = none_there - 1;  ///< Pages, with blocks.
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

/// A block of no bytes has an address, too.
std::uint64_t end_of(const BlockRange& block) {
    return block.address + std::max<std::uint64_t>(block.bytes, 1);
}

std::size_t index_of(std::uint64_t page) {
    return page * 0x9e3779b97f4a7c15ULL >> (64 - index_bits);
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

JoinedBlocks join(std::span<const BlockRange> asked, std::span<const BlockRange> others) {
    JoinedBlocks joined;
    joined.blocks.reserve(asked.size() + others.size());
    auto other = others.begin();
    for (const BlockRange& block : asked) {
        for (; other != others.end() && end_of(*other) <= block.address; ++other)
            joined.blocks.push_back(*other);
        if (!joined.blocks.empty() && end_of(joined.blocks.back()) > block.address)
            joined.blocks.back().bytes = block.address - joined.blocks.back().address;
        const bool is_same = other != others.end() && other->address == block.address;
        joined.is_among_others.push_back(is_same);
        joined.places.push_back(joined.blocks.size());
        joined.blocks.push_back(is_same ? *other : block);
        while (other != others.end() && other->address < end_of(block)) ++other;
    }
    joined.blocks.insert(joined.blocks.end(), other, others.end());
    return joined;
}

Reachability::Reachability(std::vector<BlockRange> blocks, std::vector<BlockRange> heaps)
    : blocks_(std::move(blocks)),
      heaps_(std::move(heaps)),
      first_of_page_(std::size_t{1} << index_bits, none_there),
      is_root_(blocks_.size()) {
    std::uint64_t last_page = 0;  // that is filled in
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
        const std::uint64_t until = (end_of(blocks_[i]) - 1) >> page_bits;
        for (std::uint64_t page = std::max(blocks_[i].address >> page_bits, last_page + 1);
             page <= until; ++page) {
            std::uint32_t& first = first_of_page_[index_of(page)];
            first = first == none_there ? static_cast<std::uint32_t>(i) : several;
        }
        last_page = until;
    }
}

bool Reachability::has(std::size_t block, std::uint64_t address) const {
    return address >= blocks_[block].address && address < end_of(blocks_[block]);
}

std::size_t Reachability::find(std::uint64_t address) const {
    const std::uint32_t hint = first_of_page_[index_of(address >> page_bits)];
    if (hint == none_there) return none;
    auto first = blocks_.begin();
    auto last = blocks_.end();
    if (hint != several) {
        first += hint;
        last = first + std::min(most_of_page, last - first);
    }
    const auto behind = std::ranges::upper_bound(first, last, address, {}, &BlockRange::address);
    if (behind == first) return none;
    const auto block = static_cast<std::size_t>(behind - blocks_.begin()) - 1;
    return has(block, address) ? block : none;
}

std::size_t Reachability::find_next(std::uint64_t address) {
    if (last_found_ == none || !has(last_found_, address)) last_found_ = find(address);
    return last_found_;
}

bool Reachability::is_free(std::uint64_t address) {
    const auto behind = std::ranges::upper_bound(heaps_, address, {}, &BlockRange::address);
    return behind != heaps_.begin() && address < end_of(*std::prev(behind)) &&
           find_next(address) == none;
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
            if (offset + word_bytes == blocks_[to].bytes && !is_free(at))
                links_.push_back({at, word});
        } else {
            point(at, to);
        }
    }
}

void Reachability::take_in_as_pointer(const PossibleLink& link) {
    if (const std::size_t to = find(link.to); to != none) point(link.at, to);
}

void Reachability::point(std::uint64_t from_address, std::size_t to) {
    const std::size_t from = find_next(from_address);
    if (from == to) return;
    if (from == none || pointers_.size() >= most_pointers)
        is_root_[to] = true;
    else
        pointers_.emplace_back(static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to));
}

std::vector<bool> Reachability::reached() const {
    // Those of each block in a row.
    std::vector<std::uint32_t> pointers_until(blocks_.size() + 1);
    for (const auto& [from, to] : pointers_) ++pointers_until[from + 1];
    std::partial_sum(pointers_until.begin(), pointers_until.end(), pointers_until.begin());
    std::vector<std::uint32_t> targets(pointers_.size());
    std::vector<std::uint32_t> place(pointers_until.begin(), std::prev(pointers_until.end()));
    for (const auto& [from, to] : pointers_) targets[place[from]++] = to;

    std::vector<bool> reached = is_root_;
    std::vector<std::uint32_t> next;
    for (std::size_t i = 0; i < reached.size(); ++i)
        if (reached[i]) next.push_back(static_cast<std::uint32_t>(i));
    while (!next.empty()) {
        const std::uint32_t from = next.back();
        next.pop_back();
        for (std::uint32_t i = pointers_until[from]; i < pointers_until[from + 1]; ++i) {
            if (reached[targets[i]]) continue;
            reached[targets[i]] = true;
            next.push_back(targets[i]);
        }
    }
    return reached;
}

std::vector<std::optional<std::size_t>> Reachability::objects(
    const std::vector<bool>& reached) const {
    // Of each block, one nearer to the one that names its object.
    std::vector<std::size_t> nearer(blocks_.size());
    std::iota(nearer.begin(), nearer.end(), std::size_t{0});
    const auto name_of = [&](std::size_t block) {
        while (nearer[block] != block) block = nearer[block] = nearer[nearer[block]];
        return block;
    };
    for (const auto& [from, to] : pointers_)
        if (!reached[from] && !reached[to]) nearer[name_of(from)] = name_of(to);
    std::vector<std::optional<std::size_t>> objects(blocks_.size());
    for (std::size_t block = 0; block < blocks_.size(); ++block)
        if (!reached[block]) objects[block] = name_of(block);
    return objects;
}

}  // namespace seep
