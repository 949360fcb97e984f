// SPDX-License-Identifier: GPL-2.0-only
#include "drain/fingerprint.h"

#include <algorithm>
#include <cstring>

namespace seep {
namespace {

constexpr std::ptrdiff_t fewest_sure = 2;
constexpr std::size_t most_words = 8;
/// Numbers below it come again by chance.
constexpr std::uint32_t least_value = 256;
/// Blocks of one heap are no further apart.
constexpr std::uint64_t heap_reach = std::uint64_t{1} << 32;
constexpr std::uint64_t low_heap_reach = std::uint64_t{1} << 28;  ///< Of one within 32 bits.
constexpr std::size_t number_bytes = 8;

using Kind = FingerprintWord::Kind;

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

/// `number`: the 64 bits that it is a half of, if they are all there.
Kind kind_of(std::uint32_t value, std::optional<std::uint64_t> number, std::uint64_t address) {
    if (number && is_like_pointer(*number, address)) return Kind::pointer;
    return value < least_value || value > ~least_value ? Kind::number : Kind::telling;
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
            {static_cast<std::uint32_t>(offset), *value, kind_of(*value, number, address)});
    }
    if (result.words.empty()) return std::nullopt;
    const auto count = [&](Kind kind) {
        return std::ranges::count(result.words, kind, &FingerprintWord::kind);
    };
    const auto telling = count(Kind::telling);
    result.is_sure = telling > 0 && telling + count(Kind::number) >= fewest_sure;
    return result;
}

Recognition recognize(const Fingerprint& fingerprint, std::string_view contents) {
    int any = 0;
    int telling = 0;
    int same_of_sure = 0;
    int sure = 0;
    for (const FingerprintWord& word : fingerprint.words) {
        const bool is_same = word_at<std::uint32_t>(contents, word.offset) == word.value;
        const bool is_sure = word.kind != Kind::pointer;
        any += is_same ? 1 : 0;
        sure += is_sure ? 1 : 0;
        same_of_sure += is_same && is_sure ? 1 : 0;
        telling += is_same && word.kind == Kind::telling ? 1 : 0;
    }
    if (fingerprint.is_sure && telling > 0 && 2 * same_of_sure > sure) return Recognition::same;
    return any > 0 ? Recognition::similar : Recognition::gone;
}

}  // namespace seep
