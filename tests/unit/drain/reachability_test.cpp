// SPDX-License-Identifier: GPL-2.0-only
#include "drain/reachability.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <array>

namespace seep {
namespace {

using testing::ElementsAre;
using Words = std::vector<std::uint64_t>;

constexpr std::uint64_t heap = 0x7f00'0000'0000;
constexpr std::uint64_t stack = 0x7ffc'0000'0000;

/// Four blocks of 64 bytes, with gaps of 64.
const std::vector<BlockRange> four{
    {heap, 64}, {heap + 128, 64}, {heap + 256, 64}, {heap + 384, 64}};

MATCHER_P2(IsRange, address, bytes, "") {
    return arg.address == address && arg.bytes == bytes;
}

TEST(Reachability, BlocksThatAreAskedAboutAreJoinedWithOthers) {
    const std::vector<BlockRange> asked{{heap + 64, 32}, {heap + 256, 0}, {heap + 512, 100}};
    const std::vector<BlockRange> others{
        {heap, 56}, {heap + 64, 56}, {heap + 128, 56}, {heap + 256, 24}, {heap + 640, 24}};
    const JoinedBlocks joined = join(asked, others);
    EXPECT_THAT(joined.blocks, ElementsAre(IsRange(heap, 56U), IsRange(heap + 64, 56U),
                                           IsRange(heap + 128, 56U), IsRange(heap + 256, 24U),
                                           IsRange(heap + 512, 100U), IsRange(heap + 640, 24U)));
    EXPECT_THAT(joined.places, ElementsAre(1, 3, 4));
    EXPECT_THAT(joined.is_among_others, ElementsAre(true, true, false));
    EXPECT_THAT(join(asked, {}).places, ElementsAre(0, 1, 2));
}

TEST(Reachability, OthersThatReachIntoWhatIsAskedAboutAreLeftOut) {
    const std::vector<BlockRange> asked{{heap + 64, 64}, {heap + 256, 16}, {heap + 288, 16}};
    const std::vector<BlockRange> others{
        {heap, 72}, {heap + 80, 16}, {heap + 112, 88}, {heap + 256, 120}, {heap + 384, 24}};
    const JoinedBlocks joined = join(asked, others);
    EXPECT_THAT(joined.blocks, ElementsAre(IsRange(heap + 64, 64U), IsRange(heap + 256, 32U),
                                           IsRange(heap + 288, 16U), IsRange(heap + 384, 24U)));
    EXPECT_THAT(joined.places, ElementsAre(0, 1, 2));
    EXPECT_THAT(joined.is_among_others, ElementsAre(false, true, false));
}

TEST(Reachability, OfManyBlocksEachIsFound) {
    // Of all pages that there may be, so many that some are taken for others.
    std::vector<BlockRange> blocks;
    for (std::uint64_t i = 0; i < 60'000; ++i) {
        blocks.push_back({heap + i * 0x10'0000, 8});
        blocks.push_back({heap + i * 0x10'0000 + 16, 4096});
    }
    Reachability search(blocks);
    for (std::size_t i = 0; i < blocks.size(); i += 3)
        search.take_in(stack, Words{blocks[i].address + blocks[i].bytes - 1});
    const std::vector<bool> reached = search.reached();
    for (std::size_t i = 0; i < blocks.size(); ++i) ASSERT_EQ(reached[i], i % 3 == 0) << i;
}

TEST(Reachability, APointerFromElsewhereReachesABlock) {
    Reachability search(four);
    search.take_in(stack, Words{7, heap, 0, heap + 128 + 63, heap + 256 + 64, ~std::uint64_t{0}});
    EXPECT_THAT(search.reached(), ElementsAre(true, true, false, false));
    search.take_in(heap + 384);  // kept by the kernel
    EXPECT_THAT(search.reached(), ElementsAre(true, true, false, true));
}

TEST(Reachability, LostBlocksThatPointToOneAnotherAreOneObject) {
    Reachability search(four);
    const std::vector<bool> none(4);
    EXPECT_THAT(search.objects(none), ElementsAre(0, 1, 2, 3));
    search.take_in(heap + 384, Words{heap + 128});
    const auto two = search.objects(none);
    EXPECT_EQ(two[1], two[3]);
    EXPECT_NE(two[0], two[1]);
    EXPECT_NE(two[0], two[2]);
    // Whichever way.
    search.take_in(heap + 384, Words{heap});
    const auto three = search.objects(none);
    EXPECT_EQ(three[0], three[1]);
    EXPECT_EQ(three[0], three[3]);
    EXPECT_NE(three[0], three[2]);
}

TEST(Reachability, WhatIsReachedIsNoPartOfALostObject) {
    Reachability search(four);
    search.take_in(heap, Words{heap + 128});
    search.take_in(heap + 128, Words{heap + 256});
    const auto objects = search.objects({false, true, false, false});
    EXPECT_EQ(objects[1], std::nullopt);
    EXPECT_NE(objects[0], objects[2]);
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

TEST(Reachability, LinksThatWereLeftInFreeMemoryHoldNothing) {
    const std::vector<BlockRange> blocks{{heap + 16, 56}, {heap + 80, 56}};
    const std::uint64_t last_word = heap + 16 + 48;
    const auto links = [&](std::uint64_t at, const std::vector<BlockRange>& heaps) {
        Reachability search(blocks, heaps);
        search.take_in(at, Words{last_word});
        return search.possible_links().size();
    };
    const std::vector<BlockRange> heaps{{heap, 4096}};
    EXPECT_EQ(links(heap + 1024, heaps), 0U);
    EXPECT_EQ(links(heap + 1024, {}), 1U);
    EXPECT_EQ(links(heap + 80, heaps), 1U);  // of a block
    EXPECT_EQ(links(stack, heaps), 1U);
    // Any other pointer there may be one of a block that has just been given out.
    Reachability search(blocks, heaps);
    search.take_in(heap + 1024, Words{heap + 16});
    EXPECT_THAT(search.reached(), ElementsAre(true, false));
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

// Blocks of 24 and 20 bytes, each in a chunk of 32, before the header of the next chunk.
TEST(Reachability, WhatMayBeALinkOfFreeChunksIsLeftOut) {
    constexpr std::uint64_t header = heap + 16;
    Reachability search({{heap, 24}, {heap + 64, 20}});
    search.take_in(stack, Words{header, header + 64});
    EXPECT_THAT(search.reached(), ElementsAre(false, false));
    // To less than a word there is no pointer.
    ASSERT_THAT(search.possible_links(), testing::SizeIs(1));
    EXPECT_EQ(search.possible_links()[0].at, stack);
    EXPECT_EQ(search.possible_links()[0].to, header);
    search.take_in_as_pointer(search.possible_links()[0]);
    EXPECT_THAT(search.reached(), ElementsAre(true, false));
}

TEST(Reachability, OtherPointersIntoTheLastWordAreNoLinks) {
    Reachability search({{heap, 16}, {heap + 64, 32}, {heap + 128, 24}});
    // The beginning of a block, a word that no header begins at, a byte of it.
    search.take_in(stack, Words{heap, heap + 64 + 24, heap + 128 + 17});
    EXPECT_THAT(search.possible_links(), testing::IsEmpty());
    EXPECT_THAT(search.reached(), ElementsAre(true, true, true));
}

TEST(Reachability, ALinkHasOneBack) {
    constexpr std::uint64_t chunk = heap;
    constexpr std::uint64_t other = heap + 4096;
    // From the header of `other` on: next, previous, next size, previous size.
    const auto is_link_from = [&](std::uint64_t offset, const std::array<std::uint64_t, 4>& links) {
        return is_link({chunk + offset, other}, links);
    };
    EXPECT_TRUE(is_link_from(16, {7, chunk, 7, 7}));
    EXPECT_TRUE(is_link_from(24, {chunk, 7, 7, 7}));
    EXPECT_TRUE(is_link_from(32, {7, 7, 7, chunk}));
    EXPECT_TRUE(is_link_from(40, {7, 7, chunk, 7}));
    EXPECT_FALSE(is_link_from(16, {chunk, 7, 7, 7}));
    EXPECT_FALSE(is_link_from(16, {7, other, other, 7}));
    EXPECT_FALSE(is_link_from(48, {chunk, chunk, chunk, chunk}));
    EXPECT_FALSE(is_link_from(16, {0, 0, 0, 0}));
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
