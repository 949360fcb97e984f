// SPDX-License-Identifier: GPL-2.0-only
#include "drain/pointer_search.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "drain/heap_reading.h"
#include "target/kept_pointers.h"
#include "target/memory_reading.h"
#include "target/process_counters.h"

namespace seep {
namespace {

/// 16 bytes each, and 8 a pointer between them.
constexpr std::size_t most_heap_blocks = std::size_t{1} << 20;

/// Those of `possible_links()` that are none.
Result<void> take_in_pointers(pid_t pid, Reachability& reachability) {
    const std::vector<PossibleLink>& links = reachability.possible_links();
    std::vector<MemoryPiece> pieces;
    pieces.reserve(links.size());
    for (const PossibleLink& link : links)
        pieces.push_back({link.to + behind_header, WordsBehind::extent * sizeof(std::uint64_t)});
    const auto contents = read_memory(pid, pieces);
    if (!contents) return contents.error();
    for (std::size_t i = 0; i < links.size(); ++i) {
        std::array<std::uint64_t, WordsBehind::extent> behind{};
        (*contents)[i].copy(reinterpret_cast<char*>(behind.data()), sizeof behind);
        if (!is_link(links[i], behind)) reachability.take_in_as_pointer(links[i]);
    }
    return {};
}

/// What glibc's heaps have in use, ascending and apart.
std::vector<BlockRange> read_heap_blocks(pid_t pid) {
    std::vector<BlockRange> blocks;
    std::uint64_t end = 0;
    const auto census = read_glibc_heaps(pid, [&](std::uint64_t address, std::uint64_t bytes) {
        if (address < end || blocks.size() > most_heap_blocks) return;
        blocks.push_back({address, bytes});
        end = address + bytes;
    });
    if (!census || blocks.size() > most_heap_blocks) return {};
    return blocks;
}

/// Now. `registers`: of its threads.
Result<Reached> reached_now(pid_t pid, const std::vector<BlockRange>& blocks, Through through,
                            const std::vector<std::uint64_t>& registers) {
    JoinedBlocks joined =
        join(blocks, through == Through::heap ? read_heap_blocks(pid) : std::vector<BlockRange>());
    Reachability reachability(std::move(joined.blocks));
    const auto pages = read_data_pages(pid);
    if (!pages) return pages.error();
    const Result<void> read =
        read_words(pid, *pages, [&](std::uint64_t address, std::span<const std::uint64_t> words) {
            reachability.take_in(address, words);
        });
    if (!read) return read.error();
    if (const auto taken = take_in_pointers(pid, reachability); !taken) return taken.error();
    for (const std::uint64_t pointer : pointers_in_epoll(pid)) reachability.take_in(pointer);
    for (const std::uint64_t value : registers) reachability.take_in(value);
    const std::vector<bool> all_reached = reachability.reached();
    Reached reached{.in_heap = std::move(joined.is_among_others)};
    for (const std::size_t place : joined.places) reached.is_reached.push_back(all_reached[place]);
    return reached;
}

}  // namespace

Result<std::vector<std::uint64_t>> PointerSearch::read_registers(pid_t pid) {
    if (!registers_) registers_.emplace(ThreadRegisters::load());
    return *registers_ ? (*registers_)->read(pid) : registers_->error();
}

std::optional<Reached> PointerSearch::search(pid_t pid, const std::vector<BlockRange>& blocks,
                                             Through through) {
    const auto counters = read_process_counters(pid);
    if (!counters || counters->swap_bytes > 0) return std::nullopt;
    Reached reached;
    for (int reading = 0; reading < 2; ++reading) {
        // Of what nobody follows, all that holds the rest may be in one.
        const auto registers = read_registers(pid);
        if (!registers) {
            spdlog::debug("{} (process {})", registers.error().message, pid);
            through = Through::asked;
        }
        auto now = reached_now(pid, blocks, through,
                               registers ? *registers : std::vector<std::uint64_t>());
        if (!now) {
            spdlog::debug("{} (process {})", now.error().message, pid);
            return std::nullopt;
        }
        for (std::size_t i = 0; i < reached.is_reached.size(); ++i)
            if (reached.is_reached[i]) now->is_reached[i] = true;
        reached = std::move(*now);
        if (std::ranges::find(reached.is_reached, false) == reached.is_reached.end()) break;
    }
    return reached;
}

}  // namespace seep
