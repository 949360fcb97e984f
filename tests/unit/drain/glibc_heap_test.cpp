// SPDX-License-Identifier: GPL-2.0-only
#include "drain/glibc_heap.h"

#include <gtest/gtest.h>

#include <vector>

namespace seep {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t in_use = 1;  // of the chunk before
constexpr std::uint64_t of_thread = 4;

/// Memory of a process, from `start` on.
class Memory {
 public:
    explicit Memory(std::uint64_t start, std::uint64_t bytes)
        : start_(start), words_(bytes / sizeof(std::uint64_t)) {}

    std::uint64_t& at(std::uint64_t address) {
        return words_[(address - start_) / sizeof(std::uint64_t)];
    }
    void chunk(std::uint64_t address, std::uint64_t size_and_flags) {
        at(address + 8) = size_and_flags;
    }
    [[nodiscard]] std::uint64_t end() const { return start_ + words_.size() * 8; }
    /// A page at a time.
    [[nodiscard]] ReadWords reader() const {
        return [this](std::uint64_t address) -> std::span<const std::uint64_t> {
            if (address < start_ || address >= end()) return {};
            const std::size_t first = (address - start_) / 8;
            return std::span(words_).subspan(first, std::min(page / 8, words_.size() - first));
        };
    }

 private:
    std::uint64_t start_;
    std::vector<std::uint64_t> words_;
};

/// A heap of chunks of these sizes, of which those are free that have a 0, and a top.
struct Heap {
    static constexpr std::uint64_t start = 0x5555'0000'0000;
    Memory memory{start, 16 * page};
    std::vector<GlibcHeap> heaps{{start, start + 16 * page, true}};
    std::vector<std::uint64_t> chunks;

    explicit Heap(const std::vector<std::pair<std::uint64_t, bool>>& sizes) {
        std::uint64_t address = start;
        std::uint64_t flag = in_use;
        for (const auto& [size, used] : sizes) {
            chunks.push_back(address);
            memory.chunk(address, size | flag);
            flag = used ? in_use : 0;
            address += size;
        }
        chunks.push_back(address);
        memory.chunk(address, (heaps[0].end - address) | flag);
    }
    [[nodiscard]] HeapCensus census() const { return walk_glibc_heaps(heaps, memory.reader()); }
};

TEST(GlibcHeap, CountsWhatIsInUseBySize) {
    const Heap heap({{48, true}, {48, true}, {112, true}, {640, false}, {8208, true}});
    const HeapCensus census = heap.census();
    EXPECT_EQ(census.in_use, (std::map<std::uint64_t, BlocksInUse>{
                                 {48, {2, 96}}, {112, {1, 112}}, {8192, {1, 8208}}}));
    EXPECT_EQ(census.all(), (BlocksInUse{4, 96 + 112 + 8208}));
    EXPECT_EQ(census.free_bytes, heap.heaps[0].end - heap.chunks.back() + 640);
    EXPECT_EQ(census.unknown_bytes, 0U);
}

TEST(GlibcHeap, TellsOfEachBlockInUse) {
    Heap heap({{48, true}, {112, false}, {8208, true}});
    heap.memory.at(heap.chunks[2] + 16) = 7;
    heap.memory.at(heap.chunks[2] + 24) = 9;
    std::vector<HeapBlock> blocks;
    walk_glibc_heaps(heap.heaps, heap.memory.reader(),
                     [&](const HeapBlock& block) { blocks.push_back(block); });
    ASSERT_EQ(blocks.size(), 2U);
    EXPECT_EQ(blocks[0].address, heap.chunks[0] + 16);
    EXPECT_EQ(blocks[0].bytes, 40U);
    EXPECT_EQ(blocks[1].address, heap.chunks[2] + 16);
    EXPECT_EQ(blocks[1].bytes, 8200U);
    EXPECT_EQ(blocks[1].words, (std::array<std::uint64_t, 2>{7, 9}));
}

TEST(HeapCensus, TakesWhatIsPutAsideForFree) {
    const Heap heap({{48, true}, {48, true}, {8208, true}});
    HeapCensus census = heap.census();
    const std::uint64_t free_bytes = census.free_bytes;
    census.free({heap.chunks[1] + 16, 40, {}});
    EXPECT_EQ(census.in_use.at(48), (BlocksInUse{1, 48}));
    EXPECT_EQ(census.all(), (BlocksInUse{2, 48 + 8208}));
    EXPECT_EQ(census.free_bytes, free_bytes + 48);
}

TEST(GlibcHeap, GoesOnBehindWhatIsNoChunk) {
    std::vector<std::pair<std::uint64_t, bool>> sizes(40, {64, true});
    Heap heap(sizes);
    heap.memory.chunk(heap.chunks[20], 0x4141414141414141);
    const HeapCensus census = heap.census();
    EXPECT_EQ(census.in_use.at(64).blocks, 38U);
    // That before as well: whether it is in use, this one's header would tell.
    EXPECT_EQ(census.unknown_bytes, 2 * 64U);
}

TEST(GlibcHeap, WithoutAChainNothingIsKnown) {
    const Memory memory(Heap::start, 16 * page);
    const std::vector<GlibcHeap> heaps{{Heap::start, memory.end(), true}};
    const HeapCensus census = walk_glibc_heaps(heaps, memory.reader());
    EXPECT_TRUE(census.in_use.empty());
    EXPECT_EQ(census.unknown_bytes, 16 * page);
}

TEST(GlibcHeap, FindsTheHeapsOfThreads) {
    constexpr std::uint64_t start = 0x7f00'0400'0000;  // a multiple of 64 MiB
    Memory memory(start, 16 * page);
    memory.at(start) = start + 0x30;  // the arena
    memory.at(start + 16) = 4 * page;
    const Mapping heap{.start = start,
                       .end = start + 16 * page,
                       .file = {},
                       .readable = true,
                       .writable = true,
                       .path = ""};
    EXPECT_EQ(find_glibc_heaps(std::vector{heap}, memory.reader()),
              (std::vector<GlibcHeap>{{start, start + 4 * page, false}}));
    memory.at(start + 16) = 4 * page + 8;
    EXPECT_TRUE(find_glibc_heaps(std::vector{heap}, memory.reader()).empty());
    Mapping file = heap;
    file.file.inode = 7;
    memory.at(start + 16) = 4 * page;
    EXPECT_TRUE(find_glibc_heaps(std::vector{file}, memory.reader()).empty());
}

TEST(GlibcHeap, OfAThreadWhatIsFreeDoesNotSayWhoseItIs) {
    constexpr std::uint64_t start = Heap::start;
    Memory memory(start, 16 * page);
    std::uint64_t address = start + 0x8d0;  // behind the arena
    for (int i = 0; i < 20; ++i, address += 80) memory.chunk(address, 80U | in_use | of_thread);
    memory.chunk(address, 320U | in_use);
    memory.chunk(address + 320, 80U | of_thread);
    memory.chunk(address + 400, (memory.end() - address - 400) | in_use | of_thread);
    const std::vector<GlibcHeap> heaps{{start, memory.end(), false}};
    const HeapCensus census = walk_glibc_heaps(heaps, memory.reader());
    EXPECT_EQ(census.in_use.at(80).blocks, 21U);
    EXPECT_EQ(census.unknown_bytes, 0U);
}

TEST(SizeClass, IsOfOneSizeWhereSizesAreMany) {
    EXPECT_EQ(size_class(32), 32U);
    EXPECT_EQ(size_class(1008), 1008U);
    EXPECT_EQ(size_class(1024), 1024U);
    EXPECT_EQ(size_class(1136), 1024U);
    EXPECT_EQ(size_class(1152), 1152U);
    EXPECT_EQ(size_class(65552), 65536U);
    EXPECT_EQ(most_of_class(1008), 1008U);
    EXPECT_EQ(most_of_class(1024), 1136U);
    EXPECT_EQ(most_of_class(1536), 1648U);
    EXPECT_EQ(next_size(32), 48U);
    EXPECT_EQ(next_size(1136), 1152U);
    EXPECT_EQ(next_size(1024), 1024U);
}

}  // namespace
}  // namespace seep
