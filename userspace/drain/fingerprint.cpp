// SPDX-License-Identifier: GPL-2.0-only
#include "drain/fingerprint.h"

#include <algorithm>
#include <cstring>

namespace seep {
namespace {

constexpr std::ptrdiff_t fewest_telling = 2;
constexpr std::size_t most_words = 8;
/// Numbers below it come again by chance.
constexpr std::uint32_t least_value = 256;
/// Blocks of one heap are no further apart.
constexpr std::uint64_t heap_reach = std::uint64_t{1} << 32;
constexpr std::uint64_t low_heap_reach = std::uint64_t{1} << 28;  ///< Of one within 32 bits.
constexpr std::size_t number_bytes = 8;

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

/// Of a number within 64 bits, and of its half at that place.
bool tells(std::uint32_t value, std::optional<std::uint64_t> number, std::uint64_t address) {
    if (value < least_value || value > ~least_value) return false;
    return !number || !is_like_pointer(*number, address);
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
        if (*value == 0) continue;
        const bool is_common = std::ranges::any_of(siblings, [&](std::string_view sibling) {
            return word_at<std::uint32_t>(sibling, offset) == value;
        });
        if (is_common) continue;
        const auto number = word_at<std::uint64_t>(contents, offset / number_bytes * number_bytes);
        result.words.push_back(
            {static_cast<std::uint32_t>(offset), *value, tells(*value, number, address)});
    }
    if (result.words.empty()) return std::nullopt;
    result.is_sure = std::ranges::count_if(result.words, &FingerprintWord::tells) >= fewest_telling;
    return result;
}

Recognition recognize(const Fingerprint& fingerprint, std::string_view contents) {
    std::size_t same = 0;
    std::size_t telling = 0;
    std::size_t telling_same = 0;
    for (const FingerprintWord& word : fingerprint.words) {
        const bool is_same = word_at<std::uint32_t>(contents, word.offset) == word.value;
        same += is_same ? 1 : 0;
        telling += word.tells ? 1 : 0;
        telling_same += is_same && word.tells ? 1 : 0;
    }
    if (fingerprint.is_sure && 2 * telling_same > telling) return Recognition::same;
    return same > 0 ? Recognition::similar : Recognition::gone;
}

}  // namespace seep
