// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/block_size.h"

#include <gtest/gtest.h>

namespace seep {
namespace {

ReportStack stack_of(std::uint64_t bytes, std::uint64_t blocks, const char* module) {
    ReportStack stack;
    stack.frames.push_back({.function = "malloc", .module = module});
    stack.layout = layout_of(stack.frames.front(), {});
    stack.totals.allocated_bytes = bytes;
    stack.totals.allocated_count = blocks;
    return stack;
}

TEST(BlockSize, OfGlibcHasAHeader) {
    for (const auto& [asked, takes] :
         {std::pair{1, 32}, {24, 32}, {25, 48}, {40, 48}, {1000, 1008}})
        EXPECT_EQ(block_takes(asked, BlockLayout::header), takes) << asked;
}

TEST(BlockSize, OfJemallocIsThatOfItsClass) {
    // malloc_usable_size() of each, with libjemalloc 5.3.
    for (const auto& [asked, takes] : {std::pair{1, 8},
                                       {9, 16},
                                       {16, 16},
                                       {17, 32},
                                       {100, 112},
                                       {128, 128},
                                       {129, 160},
                                       {256, 256},
                                       {257, 320},
                                       {1000, 1024},
                                       {1025, 1280},
                                       {5000, 5120}})
        EXPECT_EQ(block_takes(asked, BlockLayout::size_class), takes) << asked;
}

TEST(BlockSize, OfMuslIsThatOfItsClass) {
    // The distances of blocks that follow on one another, with musl 1.2.3.
    for (const auto& [asked, takes] : {std::pair{1, 16},
                                       {12, 16},
                                       {13, 32},
                                       {60, 64},
                                       {108, 112},
                                       {112, 128},
                                       {150, 160},
                                       {200, 240},
                                       {300, 320},
                                       {500, 576},
                                       {1000, 1008},
                                       {1025, 1152},
                                       {2000, 2032},
                                       {2080, 2336},
                                       {9000, 9360}})
        EXPECT_EQ(block_takes(asked, BlockLayout::musl), takes) << asked;
}

TEST(BlockSize, GoesByWhoseFunctionWasCalled) {
    const std::vector<ProcessRecord> processes{
        {.allocators = "musl (app), jemalloc (libjemalloc.so.2)"}};
    const auto layout_of = [&](const ReportFrame& frame) {
        return seep::layout_of(frame, processes);
    };
    EXPECT_EQ(layout_of({.function = "malloc", .module = "app"}), BlockLayout::musl);
    EXPECT_EQ(layout_of({.function = "malloc", .module = "libc.so.6"}), BlockLayout::header);
    EXPECT_EQ(layout_of({.function = "malloc", .module = "libjemalloc.so.2"}),
              BlockLayout::size_class);
    EXPECT_EQ(layout_of({.function = "tc_new", .module = "libtcmalloc_minimal.so.4.5.10"}),
              BlockLayout::size_class);
    EXPECT_EQ(layout_of({.function = "_rjem_malloc", .module = "server"}), BlockLayout::size_class);
}

TEST(BlockSize, OfBlocksOfOneSizeIsCertain) {
    const BlockShares same = block_shares(stack_of(1600, 100, "libjemalloc.so.2"));
    EXPECT_EQ(same.least, 1);
    EXPECT_EQ(same.usual, 1);
    EXPECT_EQ(same.most, 1);
    EXPECT_EQ(block_shares(stack_of(1600, 100, "libc.so.6")).least, 2);
    const BlockShares mixed = block_shares(stack_of(1601, 100, "libc.so.6"));
    EXPECT_EQ(mixed.least, 1);
    EXPECT_NEAR(mixed.usual, 2, 0.01);
    EXPECT_NEAR(mixed.most, 2.5, 0.01);
    EXPECT_EQ(block_shares({}).most, 1);
}

}  // namespace
}  // namespace seep
