// SPDX-License-Identifier: GPL-2.0-only
#include "drain/heap_reading.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "drain/put_aside.h"
#include "target/anonymous_pages.h"
#include "target/mappings.h"
#include "target/memory_reading.h"

namespace seep {
namespace {

/// Of all, what may not have been walked over.
constexpr double most_unknown = 0.01;

constexpr std::uint64_t page_bytes = 4096;
constexpr std::size_t piece_words = (256 << 10) / sizeof(std::uint64_t);

/// Reads the memory of a process a piece at a time, but for pages that it has not touched.
class Pieces {
 public:
    Pieces(pid_t pid, std::vector<PageRun> pages)
        : pid_(pid), pages_(std::move(pages)), words_(piece_words) {}

    std::span<const std::uint64_t> operator()(std::uint64_t address) {
        const auto behind = std::ranges::upper_bound(pages_, address, {}, &PageRun::start);
        if (behind == pages_.begin()) return {};
        // The heap may have grown into the next one since they were looked up.
        std::uint64_t end = std::prev(behind)->end;
        if (address >= end) end += page_bytes;
        if (address >= end) return {};
        const std::size_t bytes = std::min(piece_words * sizeof(std::uint64_t), end - address);
        const std::size_t read =
            read_piece(pid_, address, std::as_writable_bytes(std::span(words_)).first(bytes));
        return std::span(words_).first(read / sizeof(std::uint64_t));
    }

 private:
    pid_t pid_;
    std::vector<PageRun> pages_;
    std::vector<std::uint64_t> words_;
};

/// What was found in the heaps of a process.
struct Walked {
    HeapCensus census;
    std::vector<GlibcHeap> heaps;
    std::vector<HeapBlock> put_aside;  ///< Ascending.
};

std::optional<Walked> walk(pid_t pid, const OnBlock& on_block) {
    const auto mappings = read_mappings(pid);
    auto pages = read_anonymous_pages(pid);
    if (!mappings || !pages) return std::nullopt;
    Pieces pieces(pid, std::move(*pages));
    const ReadWords read = [&](std::uint64_t address) { return pieces(address); };
    Walked walked;
    walked.heaps = find_glibc_heaps(*mappings, read);
    std::vector<HeapBlock> perhaps;
    walked.census = walk_glibc_heaps(walked.heaps, read, [&](const HeapBlock& block) {
        if (may_be_put_aside(block)) perhaps.push_back(block);
        on_block(block);
    });
    walked.put_aside = put_aside_among(std::move(perhaps));
    for (const HeapBlock& block : walked.put_aside) walked.census.free(block);
    const BlocksInUse all = walked.census.all();
    spdlog::debug("heap of process {}: {} blocks of {} bytes in use, {} free, {} unknown", pid,
                  all.blocks, all.bytes, walked.census.free_bytes, walked.census.unknown_bytes);
    const auto known = static_cast<double>(all.bytes + walked.census.free_bytes);
    if (all.blocks == 0 || static_cast<double>(walked.census.unknown_bytes) > most_unknown * known)
        return std::nullopt;
    return walked;
}

}  // namespace

std::optional<HeapCensus> read_glibc_heaps(pid_t pid) {
    auto walked = walk(pid, [](const HeapBlock&) {});
    if (!walked) return std::nullopt;
    return std::move(walked->census);
}

std::optional<HeapBlocks> read_heap_blocks(pid_t pid, std::size_t most) {
    HeapBlocks all;
    std::uint64_t end = 0;
    const auto walked = walk(pid, [&](const HeapBlock& block) {
        if (block.address < end || all.blocks.size() > most) return;
        all.blocks.push_back({block.address, block.bytes});
        end = block.address + block.bytes;
    });
    if (!walked || all.blocks.size() > most) return std::nullopt;
    std::erase_if(all.blocks, [&](const BlockRange& block) {
        return std::ranges::binary_search(walked->put_aside, block.address, {},
                                          &HeapBlock::address);
    });
    for (const GlibcHeap& heap : walked->heaps)
        all.heaps.push_back({heap.start, heap.end - heap.start});
    return all;
}

}  // namespace seep
