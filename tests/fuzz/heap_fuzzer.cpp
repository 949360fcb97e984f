// SPDX-License-Identifier: GPL-2.0-only
// libFuzzer: any bytes as the heap of a process. A walk over it ends, and what it counts is in
// there.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "drain/glibc_heap.h"

namespace {

constexpr std::uint64_t start = 0x7f0000000000;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const bool is_main = (data[0] & 1) != 0;
    // As many words as are read at a time.
    const std::size_t most = 1 + data[0] / 2;
    std::vector<std::uint64_t> words((size - 1) / sizeof(std::uint64_t));
    if (!words.empty()) std::memcpy(words.data(), data + 1, words.size() * sizeof words[0]);
    const std::uint64_t bytes = words.size() * sizeof words[0];
    const seep::ReadWords read = [&](std::uint64_t address) -> std::span<const std::uint64_t> {
        if (address % sizeof words[0] != 0) std::abort();
        if (address < start || address - start >= bytes) return {};
        const std::size_t first = (address - start) / sizeof words[0];
        return std::span(words).subspan(first, std::min(most, words.size() - first));
    };
    const std::vector<seep::GlibcHeap> heaps{{start, start + bytes, is_main}};
    const seep::HeapCensus census = seep::walk_glibc_heaps(heaps, read);
    if (census.all().bytes + census.free_bytes + census.unknown_bytes > bytes) std::abort();
    const seep::Mapping mapping{.start = start,
                                .end = start + bytes,
                                .file = {},
                                .readable = true,
                                .writable = true,
                                .path = ""};
    for (const seep::GlibcHeap& heap : seep::find_glibc_heaps(std::vector{mapping}, read))
        if (heap.start < start || heap.end > start + bytes) std::abort();
    return 0;
}
