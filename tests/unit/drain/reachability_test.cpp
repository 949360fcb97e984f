// SPDX-License-Identifier: GPL-2.0-only
#include "drain/reachability.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace seep {
namespace {

using testing::ElementsAre;
using Words = std::vector<std::uint64_t>;

constexpr std::uint64_t heap = 0x7f00'0000'0000;
constexpr std::uint64_t stack = 0x7ffc'0000'0000;

/// Four blocks of 64 bytes, with gaps of 64.
const std::vector<BlockRange> four{
    {heap, 64}, {heap + 128, 64}, {heap + 256, 64}, {heap + 384, 64}};

TEST(Reachability, APointerFromElsewhereReachesABlock) {
    Reachability search(four);
    search.take_in(stack, Words{7, heap, 0, heap + 128 + 63, heap + 256 + 64, ~std::uint64_t{0}});
    EXPECT_THAT(search.reached(), ElementsAre(true, true, false, false));
    search.take_in(heap + 384);  // kept by the kernel
    EXPECT_THAT(search.reached(), ElementsAre(true, true, false, true));
}

TEST(Reachability, TagsAboveAnAddressAndBelowAreNoHindrance) {
    Reachability search(four);
    search.take_in(stack, Words{0xfffa'0000'0000'0000 | heap, heap + 128 + 1});
    EXPECT_THAT(search.reached(), ElementsAre(true, true, false, false));
}

TEST(Reachability, WhatIsReachedReachesFurther) {
    Reachability search(four);
    search.take_in(heap + 256, Words{heap + 384});  // in any order
    search.take_in(heap, Words{0, heap + 256});
    EXPECT_THAT(search.reached(), ElementsAre(false, false, false, false));
    search.take_in(stack, Words{heap});
    EXPECT_THAT(search.reached(), ElementsAre(true, false, true, true));
}

TEST(Reachability, ACycleDoesNotHoldItself) {
    Reachability search(four);
    search.take_in(heap, Words{heap + 128, heap});
    search.take_in(heap + 128, Words{heap});
    EXPECT_THAT(search.reached(), ElementsAre(false, false, false, false));
}

TEST(Reachability, MemoryAroundBlocksIsTheirsAsFarAsTheyGo) {
    Reachability search(four);
    // From the end of the gap before the second block to the gap behind it.
    Words words(10);
    words[0] = heap;        // of the gap
    words[1] = heap + 256;  // of the block
    words[9] = heap + 384;  // of the gap
    search.take_in(heap + 120, words);
    EXPECT_THAT(search.reached(), ElementsAre(true, false, false, true));
}

TEST(Reachability, BlocksAreOfAnySize) {
    Reachability search({{heap, 0}, {heap + 16, 3 << 20}, {heap + (4 << 20), 1}});
    search.take_in(stack, Words{heap, heap + (2 << 20)});
    EXPECT_THAT(search.reached(), ElementsAre(true, true, false));
    Reachability none({});
    none.take_in(stack, Words{heap});
    EXPECT_TRUE(none.reached().empty());
}

}  // namespace
}  // namespace seep
