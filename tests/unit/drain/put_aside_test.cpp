// SPDX-License-Identifier: GPL-2.0-only
#include "drain/put_aside.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace seep {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t heap = 0x5555'5678'9010;
constexpr std::uint64_t key = 0x1234'5678'9abc'def1;

/// That goes on with `next`, or ends a list.
HeapBlock block(std::uint64_t address, std::uint64_t bytes, std::uint64_t next,
                std::uint64_t second) {
    return {address, bytes, {next ^ (address >> 12), second}};
}

/// As much of them as by itself may be put aside, and with the others is.
std::vector<std::uint64_t> put_aside(std::vector<HeapBlock> blocks) {
    std::erase_if(blocks, [](const HeapBlock& each) { return !may_be_put_aside(each); });
    std::vector<std::uint64_t> addresses;
    for (const HeapBlock& each : put_aside_among(std::move(blocks)))
        addresses.push_back(each.address);
    return addresses;
}

TEST(PutAside, AreTheBlocksOfAThreadsList) {
    EXPECT_THAT(put_aside({block(heap + 0x200, 248, heap, key), block(heap, 248, 0, key)}),
                ElementsAre(heap, heap + 0x200));
}

TEST(PutAside, AreTheChunksOfAHeapsListButForItsLast) {
    EXPECT_THAT(
        put_aside({block(heap, 56, heap + 0x200 - 16, 77),
                   block(heap + 0x200, 56, heap + 0x100 - 16, 0), block(heap + 0x100, 56, 0, 0)}),
        ElementsAre(heap, heap + 0x200));
}

TEST(PutAside, IsNoneWhoseListGoesOnWithAnotherSizeOrNoBlock) {
    EXPECT_THAT(put_aside({block(heap, 56, heap + 0x100, key), block(heap + 0x100, 248, 0, key)}),
                ElementsAre(heap + 0x100));
    EXPECT_THAT(put_aside({block(heap, 56, heap + 0x100, key)}), IsEmpty());
}

TEST(PutAside, IsNoneThatIsTooLargeForItsList) {
    EXPECT_THAT(
        put_aside({block(heap, 248, heap + 0x200 - 16, 77), block(heap + 0x200, 248, 0, 0)}),
        IsEmpty());
    EXPECT_FALSE(may_be_put_aside(block(heap, 2040, 0, key)));
    EXPECT_FALSE(may_be_put_aside(block(heap, 2040, heap + 0x1000, key)));
}

TEST(PutAside, IsNoneThatWasGivenOutAgainAndNotWrittenTo) {
    // Its key was taken away.
    EXPECT_THAT(put_aside({block(heap, 248, heap + 0x200, 0), block(heap + 0x200, 248, 0, key)}),
                ElementsAre(heap + 0x200));
    EXPECT_THAT(put_aside({block(heap, 56, 0, 0)}), IsEmpty());
}

TEST(PutAside, IsNoneThatHasAPointerOrANumber) {
    for (const std::uint64_t word :
         {heap + 64, heap + 64 - 16, std::uint64_t{0}, std::uint64_t{42}})
        EXPECT_FALSE(may_be_put_aside({heap, 56, {word, key}})) << word;
}

}  // namespace
}  // namespace seep
