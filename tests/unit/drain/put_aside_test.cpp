// SPDX-License-Identifier: GPL-2.0-only
#include "drain/put_aside.h"

#include <gtest/gtest.h>

#include <vector>

namespace seep {
namespace {

constexpr std::uint64_t heap = 0x5555'5678'9010;
constexpr std::uint64_t key = 0x1234'5678'9abc'def1;

/// Two blocks of 56 bytes, two of 248, two of 2,040.
const std::vector<BlockRange> blocks{
    {heap, 56},          {heap + 64, 56},       {heap + 0x100, 248},
    {heap + 0x200, 248}, {heap + 0x1000, 2040}, {heap + 0x2000, 2040}};

HeapBlock block(std::size_t index, std::uint64_t next, std::uint64_t second) {
    const BlockRange& range = blocks[index];
    return {range.address, range.bytes, {next ^ (range.address >> 12), second}};
}

TEST(PutAside, IsWhatsListGoesOnWithAnotherOfItsSize) {
    // Of a thread: to the block; of a heap: to its chunk.
    EXPECT_TRUE(is_put_aside(block(0, heap + 64, key), blocks));
    EXPECT_TRUE(is_put_aside(block(0, heap + 64 - 16, 77), blocks));
    EXPECT_TRUE(is_put_aside(block(2, heap + 0x200, key), blocks));
    EXPECT_TRUE(is_put_aside(block(0, 0, key), blocks));
    // Of another size, or no block.
    EXPECT_FALSE(is_put_aside(block(0, heap + 0x100, key), blocks));
    EXPECT_FALSE(is_put_aside(block(0, heap + 32, key), blocks));
}

TEST(PutAside, IsNoneThatIsTooLargeForItsList) {
    EXPECT_FALSE(is_put_aside(block(2, heap + 0x200 - 16, 77), blocks));
    EXPECT_FALSE(is_put_aside(block(4, heap + 0x2000, key), blocks));
    EXPECT_FALSE(may_be_put_aside(block(4, 0, key)));
}

TEST(PutAside, IsNoneThatWasGivenOutAgainAndNotWrittenTo) {
    EXPECT_FALSE(is_put_aside(block(2, heap + 0x200, 0), blocks));
    EXPECT_FALSE(is_put_aside(block(0, 0, 0), blocks));
}

TEST(PutAside, IsNoneThatHasAPointerOrANumber) {
    for (const std::uint64_t word :
         {heap + 64, heap + 64 - 16, std::uint64_t{0}, std::uint64_t{42}})
        EXPECT_FALSE(is_put_aside({heap, 56, {word, key}}, blocks)) << word;
}

}  // namespace
}  // namespace seep
