// SPDX-License-Identifier: GPL-2.0-only
#include "drain/fingerprint.h"

#include <algorithm>
#include <cstring>

namespace seep {
namespace {

constexpr std::size_t fewest_words = 2;
constexpr std::size_t most_words = 4;
/// Numbers below it come again by chance.
constexpr std::uint32_t least_value = 256;
/// Blocks of one heap are no further apart.
constexpr std::uint64_t heap_reach = std::uint64_t{1} << 32;
constexpr std::uint64_t low_heap_reach = std::uint64_t{1} << 28;  ///< Of one within 32 bits.
constexpr std::size_t pointer_bytes = 8;

template <typename Word>
std::optional<Word> word_at(std::string_view contents, std::size_t offset) {
    if (offset + sizeof(Word) > contents.size()) return std::nullopt;
    Word word;
    std::memcpy(&word, contents.data() + offset, sizeof(Word));
    return word;
}

/// Into the block's own heap, or where x86-64 Linux has libraries, mappings and programs.
bool is_like_pointer(std::uint64_t value, std::uint64_t address) {
    const std::uint64_t distance = value > address ? value - address : address - value;
    if (distance < (address < heap_reach ? low_heap_reach : heap_reach)) return true;
    const std::uint64_t top = value >> 40;
    return top == 0x7f || top == 0x7e || top == 0x55 || top == 0x56;
}

bool says_something(std::uint32_t value) {
    return value >= least_value && value <= ~least_value;
}

}  // namespace

std::optional<Fingerprint> fingerprint(std::uint64_t address, std::string_view contents,
                                       std::span<const std::string_view> siblings) {
    if (siblings.empty()) return std::nullopt;
    contents = contents.substr(0, fingerprint_reach);
    Fingerprint result;
    for (std::size_t offset = 0; result.words.size() < most_words;
         offset += sizeof(std::uint32_t)) {
        const auto value = word_at<std::uint32_t>(contents, offset);
        if (!value) break;
        if (!says_something(*value)) continue;
        const auto pointer =
            word_at<std::uint64_t>(contents, offset / pointer_bytes * pointer_bytes);
        if (pointer && is_like_pointer(*pointer, address)) continue;
        const bool is_common = std::ranges::any_of(siblings, [&](std::string_view sibling) {
            return word_at<std::uint32_t>(sibling, offset) == value;
        });
        if (!is_common) result.words.push_back({static_cast<std::uint32_t>(offset), *value});
    }
    if (result.words.size() < fewest_words) return std::nullopt;
    return result;
}

bool matches(const Fingerprint& fingerprint, std::string_view contents) {
    const auto same = std::ranges::count_if(fingerprint.words, [&](const FingerprintWord& word) {
        return word_at<std::uint32_t>(contents, word.offset) == word.value;
    });
    return 2 * static_cast<std::size_t>(same) > fingerprint.words.size();
}

}  // namespace seep
