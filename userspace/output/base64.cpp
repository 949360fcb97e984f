// SPDX-License-Identifier: GPL-2.0-only
#include "output/base64.h"

namespace seep {

std::string base64(std::string_view bytes) {
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    unsigned bits = 0;
    unsigned held = 0;
    for (const char byte : bytes) {
        bits = bits << 8U | static_cast<unsigned char>(byte);
        for (held += 8; held >= 6; held -= 6) text += alphabet[bits >> (held - 6) & 63U];
    }
    if (held > 0) text += alphabet[bits << (6 - held) & 63U];
    while (text.size() % 4 != 0) text += '=';
    return text;
}

}  // namespace seep
