// SPDX-License-Identifier: GPL-2.0-only
#include "drain/pointer_search.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <span>
#include <utility>

#include "drain/heap_reading.h"
#include "target/kept_pointers.h"
#include "target/memory_reading.h"
#include "target/process_counters.h"

namespace seep {
namespace {

/// 16 bytes each, and 8 a pointer between them.
constexpr std::size_t most_heap_blocks = std::size_t{1} << 20;
/// A pointer may have been moved during one.
constexpr int readings = 2;

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

/// Of the heap's blocks, those that nothing leads to.
std::vector<BlockRange> lost_of(const HeapBlocks& heap, const Reachability& search,
                                const std::vector<bool>& is_reached) {
    std::vector<BlockRange> lost;
    std::size_t i = 0;
    for (const BlockRange& block : heap.blocks) {
        while (i < search.blocks().size() && search.blocks()[i].address < block.address) ++i;
        if (i == search.blocks().size()) break;
        if (search.blocks()[i].address == block.address && !is_reached[i]) lost.push_back(block);
    }
    return lost;
}

/// Of the blocks that were looked for.
bool any_lost(const Reached& reached) {
    return std::ranges::find(reached.is_reached, false) != reached.is_reached.end();
}

/// Now. `heap`: through which, or none. `registers`: of its threads. `is_last`: what is lost is
/// told with its objects.
Result<Reached> reached_now(pid_t pid, const std::vector<BlockRange>& blocks,
                            std::optional<HeapBlocks> heap,
                            const std::vector<std::uint64_t>& registers, bool is_last) {
    std::span<const BlockRange> others;
    std::vector<BlockRange> heaps;
    if (heap) {
        others = heap->blocks;
        heaps = heap->heaps;
    }
    JoinedBlocks joined = join(blocks, others);
    Reachability search(std::move(joined.blocks), std::move(heaps));
    const auto pages = read_data_pages(pid);
    if (!pages) return pages.error();
    const Result<void> read =
        read_words(pid, *pages, [&](std::uint64_t address, std::span<const std::uint64_t> words) {
            search.take_in(address, words);
        });
    if (!read) return read.error();
    if (const auto taken = take_in_pointers(pid, search); !taken) return taken.error();
    for (const std::uint64_t pointer : pointers_in_epoll(pid)) search.take_in(pointer);
    for (const std::uint64_t value : registers) search.take_in(value);
    const std::vector<bool> all_reached = search.reached();
    Reached reached{.in_heap = std::move(joined.is_among_others)};
    for (const std::size_t place : joined.places) reached.is_reached.push_back(all_reached[place]);
    reached.objects.resize(joined.places.size());
    if (is_last && any_lost(reached)) {
        const auto objects = search.objects(all_reached);
        std::ranges::transform(joined.places, reached.objects.begin(),
                               [&](std::size_t place) { return objects[place]; });
    }
    if (heap) {
        reached.lost_of_heap = lost_of(*heap, search, all_reached);
        reached.heap = std::move(heap->blocks);
    }
    return reached;
}

/// At one reading or the other.
Reached either(const Reached& a, Reached b) {
    for (std::size_t i = 0; i < b.is_reached.size(); ++i)
        if (a.is_reached[i]) b.is_reached[i] = true;
    if (!a.lost_of_heap || !b.lost_of_heap) {
        b.lost_of_heap.reset();
        return b;
    }
    std::vector<BlockRange> lost;
    std::ranges::set_intersection(*a.lost_of_heap, *b.lost_of_heap, std::back_inserter(lost));
    b.lost_of_heap = std::move(lost);
    return b;
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
    std::optional<Reached> reached;
    for (int reading = 1; reading <= readings; ++reading) {
        // Of what nobody follows, all that holds the rest may be in one.
        const auto registers = read_registers(pid);
        if (!registers) {
            spdlog::debug("{} (process {})", registers.error().message, pid);
            through = Through::asked;
        }
        std::optional<HeapBlocks> heap;
        if (through == Through::heap) heap = read_heap_blocks(pid, most_heap_blocks);
        auto now =
            reached_now(pid, blocks, std::move(heap),
                        registers ? *registers : std::vector<std::uint64_t>(), reading == readings);
        if (!now) {
            spdlog::debug("{} (process {})", now.error().message, pid);
            return std::nullopt;
        }
        reached = reached ? either(*reached, std::move(*now)) : std::move(*now);
        if (!any_lost(*reached) && (!reached->lost_of_heap || reached->lost_of_heap->empty()))
            break;
    }
    return reached;
}

}  // namespace seep
