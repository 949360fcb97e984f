// SPDX-License-Identifier: GPL-2.0-only

// The part of base/text.h that deals with untrusted text.

#include <algorithm>

#include "base/text.h"

namespace seep {
namespace {

struct Character {
    char32_t code = 0;
    std::size_t bytes = 0;  ///< 0: not valid UTF-8.
};

/// The first character of non-empty `text`: shortest form only, no surrogates (RFC 3629).
Character decode(std::string_view text) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    if (byte(0) < 0x80) return {byte(0), 1};
    const std::size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
    if (byte(0) < 0xc2 || byte(0) > 0xf4 || text.size() < length) return {};
    char32_t code = byte(0) & (0xffU >> (length + 1));
    for (std::size_t at = 1; at < length; ++at) {
        if ((byte(at) & 0xc0U) != 0x80) return {};
        code = (code << 6) | (byte(at) & 0x3fU);
    }
    const char32_t least = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0x80;
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    if (code < least || code > 0x10ffff || surrogate) return {};
    return {code, length};
}

bool within(char32_t code, char32_t first, char32_t last) {
    return code >= first && code <= last;
}

/// Not to be shown as it is: it moves the cursor, reorders or hides what surrounds it, or is not a
/// character that XML may hold.
bool is_unprintable(char32_t code) {
    return code < 0x20 || within(code, 0x7f, 0x9f)  // C0, DEL, C1
           || code == 0x061c                        // Arabic letter mark
           || within(code, 0x200b, 0x200b)          // zero-width space
           || within(code, 0x200e, 0x200f)          // left-to-right and right-to-left marks
           || within(code, 0x2028, 0x202e)          // line separators, bidirectional embeddings
           || within(code, 0x2060, 0x206f)          // invisible operators, bidirectional isolates
           || code == 0xfeff || (code & 0xfffeU) == 0xfffe;  // byte order mark, noncharacters
}

}  // namespace

std::string printable(std::string_view text, std::size_t max_bytes) {
    static constexpr std::string_view ellipsis = "...";
    std::string result;
    std::size_t cut = 0;  // Where the ellipsis goes if the text turns out too long.
    while (!text.empty()) {
        const Character character = decode(text);
        const std::size_t taken = std::max<std::size_t>(character.bytes, 1);
        if (character.bytes == 0 || is_unprintable(character.code)) {
            result += '?';
        } else {
            result += text.substr(0, taken);
        }
        text.remove_prefix(taken);
        if (result.size() + ellipsis.size() <= max_bytes) cut = result.size();
        if (result.size() > max_bytes) {
            result.resize(cut);
            return result.append(ellipsis, 0, max_bytes);
        }
    }
    return result;
}

std::size_t display_columns(std::string_view text) {
    std::size_t columns = 0;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80) columns += 1;
        if (byte >= 0xc0) columns += 2;  // The first byte of a longer character.
    }
    return columns;
}

std::string fit_columns(std::string_view text, std::size_t columns) {
    static constexpr std::string_view ellipsis = "..";
    if (display_columns(text) <= columns) return std::string(text);
    if (columns < ellipsis.size()) return {};
    std::size_t used = ellipsis.size();
    std::size_t end = 0;
    while (end < text.size()) {
        const std::size_t bytes = std::max<std::size_t>(decode(text.substr(end)).bytes, 1);
        used += display_columns(text.substr(end, bytes));
        if (used > columns) break;
        end += bytes;
    }
    return std::string(text.substr(0, end)) + std::string(ellipsis);
}

}  // namespace seep
