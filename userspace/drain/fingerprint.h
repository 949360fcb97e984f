// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What a block is recognized by when it is looked at again: words of its contents that other blocks
// of the same stack do not have in the same place. What they all have (a type's number, a size) the
// next block in its place has as well. So it may pointers, to what is freed and made again along
// with it: they tell that a block may still be there, but not that it is; and so it may a small
// number, by chance. The first such words are taken, as the end of a buffer may never be written
// to. Pure.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace seep {

/// Of a block's contents, so many bytes are looked at at most.
inline constexpr std::size_t fingerprint_reach = 256;

/// A word of 4 bytes.
struct FingerprintWord {
    enum class Kind : std::uint8_t {
        pointer,
        number,   ///< A small one.
        telling,  ///< No other block has it by chance.
    };
    std::uint32_t offset = 0;
    std::uint32_t value = 0;
    Kind kind = Kind::pointer;
};

/// Eight words at most.
struct Fingerprint {
    std::vector<FingerprintWord> words;
    bool is_sure = false;  ///< Two of them at least are no pointers, and one of these tells.
};

/// Of the block with those contents; empty if it has nothing of its own. `siblings`: contents of
/// other blocks of its stack, of which there must be one at least.
std::optional<Fingerprint> fingerprint(std::uint64_t address, std::string_view contents,
                                       std::span<const std::string_view> siblings);

enum class Recognition {
    same,     ///< Most of what is no pointer is there: a live block's counters change.
    similar,  ///< Something is there: it may be the same.
    gone,     ///< Nothing is.
};
Recognition recognize(const Fingerprint& fingerprint, std::string_view contents);

}  // namespace seep
