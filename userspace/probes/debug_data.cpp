// SPDX-License-Identifier: GPL-2.0-only

#include "probes/debug_data.h"

#include <lzma.h>

#include <algorithm>

namespace seep {
namespace {

constexpr std::size_t max_unpacked = std::size_t{64} << 20;
constexpr std::uint64_t max_decoder_memory = std::uint64_t{128} << 20;

}  // namespace

std::vector<char> unpack_debug_data(std::span<const std::uint8_t> packed) {
    std::vector<char> unpacked(std::min(max_unpacked, 8 * packed.size() + 4096));
    for (;;) {
        std::uint64_t memory = max_decoder_memory;
        std::size_t read = 0;
        std::size_t written = 0;
        const lzma_ret status = lzma_stream_buffer_decode(
            &memory, 0, nullptr, packed.data(), &read, packed.size(),
            reinterpret_cast<std::uint8_t*>(unpacked.data()), &written, unpacked.size());
        if (status == LZMA_OK) {
            unpacked.resize(written);
            return unpacked;
        }
        if (status != LZMA_BUF_ERROR || unpacked.size() == max_unpacked) return {};
        unpacked.resize(std::min(max_unpacked, 2 * unpacked.size()));
    }
}

}  // namespace seep
