// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Which blocks of the heap can still be reached: by a pointer from memory that is no block, or from
// a block that can be reached. Conservative, as leak detectors that look for pointers are (H.-J.
// Boehm, M. Weiser, "Garbage Collection in an Uncooperative Environment", 1988; LeakSanitizer):
// what looks like an address within a block is taken for a pointer to it, and so is one with a tag
// in its upper 16 bits.
//
//     stacks, data, other memory -----> block ----> block         reached
//                                       block <---> block         not reached: lost
//
// What is not known to be a block counts as memory of the first kind, so that a block is lost only
// if nothing anywhere has its address but blocks that are lost themselves.
//
// One thing looks like a pointer and is none: in glibc, what a free chunk of the heap has of its
// neighbours in a list are the addresses of their headers, which begin in the last eight bytes of
// the block before (malloc/malloc.c, struct malloc_chunk):
//
//     block before            header   block, if it is in use
//     [ ............ last 8 ] [ size ] [ ...
//                    ^------- next in list, or the one before it
//
// It is known by the link that leads back; and if it is in memory that is free, it is none anyway:
// a list that has changed left it there. Any other pointer that was left behind in free memory
// holds what it points to, as that may just be given out.
//
// Pure.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace seep {

struct BlockRange {
    std::uint64_t address = 0;
    std::uint64_t bytes = 0;
    // clang-tidy 14 takes the 0 that a comparison is rewritten with for a pointer.
    auto operator<=>(const BlockRange&) const = default;  // NOLINT(modernize-use-nullptr)
};

/// Blocks that are asked about, and others by way of which they may be reached, ascending and
/// apart.
struct JoinedBlocks {
    std::vector<BlockRange> blocks;
    std::vector<std::size_t> places;    ///< Of those that are asked about.
    std::vector<bool> is_among_others;  ///< Likewise.
};
/// Both are ascending and apart. Where one of each begins at the same address, it is as large as
/// the other says: of what is asked about, perhaps only a part is known. Others that reach into one
/// that is asked about are left out, as they cannot both be there.
JoinedBlocks join(std::span<const BlockRange> asked, std::span<const BlockRange> others);

/// A word that is a pointer to the last eight bytes of a block, or a link of a list of free chunks.
struct PossibleLink {
    std::uint64_t at = 0;  ///< Where it is.
    std::uint64_t to = 0;
};

/// Whether it is a link: the chunk that it would lead to has one back. `behind`: the words from
/// `link.to` + `behind_header` on.
inline constexpr std::uint64_t behind_header = 16;
using WordsBehind = std::span<const std::uint64_t, 4>;
bool is_link(const PossibleLink& link, WordsBehind behind);

class Reachability {
 public:
    /// `blocks`: ascending by address and apart; `heaps` likewise: what of them is in no block is
    /// free.
    explicit Reachability(std::vector<BlockRange> blocks, std::vector<BlockRange> heaps = {});
    [[nodiscard]] const std::vector<BlockRange>& blocks() const { return blocks_; }

    /// Memory of the process from `address` on, a multiple of 8; in any order.
    void take_in(std::uint64_t address, std::span<const std::uint64_t> words);
    /// Something besides its memory that is kept for it.
    void take_in(std::uint64_t word);
    /// What was left out so far.
    [[nodiscard]] const std::vector<PossibleLink>& possible_links() const { return links_; }
    void take_in_as_pointer(const PossibleLink& link);
    /// Of each block, by its index, whether it can be reached.
    [[nodiscard]] std::vector<bool> reached() const;
    /// Of each block that is not `reached`, the object that it is a part of: those of them of which
    /// one points to another, directly or by way of others, whichever way. Named by the index of
    /// one of its blocks. None of what is reached.
    [[nodiscard]] std::vector<std::optional<std::size_t>> objects(
        const std::vector<bool>& reached) const;

 private:
    static constexpr std::size_t none = ~std::size_t{0};
    /// The block that has the address.
    [[nodiscard]] std::size_t find(std::uint64_t address) const;
    [[nodiscard]] bool has(std::size_t block, std::uint64_t address) const;
    /// Likewise, of addresses that come one after the other.
    std::size_t find_next(std::uint64_t address);
    /// It is in a heap, and in no block.
    bool is_free(std::uint64_t address);
    void point(std::uint64_t from_address, std::size_t to);

    std::vector<BlockRange> blocks_;
    std::vector<BlockRange> heaps_;
    /// By a hash of the page, the first block that reaches into it; `none_there` or `several`.
    std::vector<std::uint32_t> first_of_page_;
    std::vector<bool> is_root_;      ///< Something that is no block points to it.
    std::size_t last_found_ = none;  ///< By find_next().
    /// From a block to another.
    std::vector<std::pair<std::uint32_t, std::uint32_t>> pointers_;
    std::vector<PossibleLink> links_;
};

}  // namespace seep
