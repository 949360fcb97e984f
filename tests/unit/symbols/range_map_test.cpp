// SPDX-License-Identifier: GPL-2.0-only
#include "symbols/range_map.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace seep {
namespace {

int at(const RangeMap<int>& map, std::uint64_t address) {
    const int* value = map.find(address);
    return value == nullptr ? -1 : *value;
}

TEST(RangeMap, FindsNothingOutsideItsRanges) {
    RangeMap<int> map;
    EXPECT_EQ(map.find(0), nullptr);
    map.assign(10, 20, 1);
    EXPECT_EQ(at(map, 9), -1);
    EXPECT_EQ(at(map, 10), 1);
    EXPECT_EQ(at(map, 19), 1);
    EXPECT_EQ(at(map, 20), -1);
}

TEST(RangeMap, IgnoresEmptyAndInvertedRanges) {
    RangeMap<int> map;
    map.assign(5, 5, 1);
    map.assign(9, 3, 1);
    EXPECT_EQ(map.size(), 0U);
}

TEST(RangeMap, ReachesTheLastAddressesThereAre) {
    RangeMap<int> map;
    map.assign(UINT64_MAX - 1, UINT64_MAX, 1);
    EXPECT_EQ(at(map, UINT64_MAX - 1), 1);
    EXPECT_EQ(at(map, UINT64_MAX), -1);
}

TEST(RangeMap, LaterRangeHidesWhatItCovers) {
    constexpr int size = 64;
    std::mt19937 random(7);
    for (int round = 0; round < 200; ++round) {
        RangeMap<int> map;
        std::array<int, size> expected{};
        expected.fill(-1);
        for (int value = 0; value < 20; ++value) {
            const auto start = random() % size;
            const auto end = random() % (size + 1);
            map.assign(start, end, value);
            for (auto i = start; i < end; ++i) expected.at(i) = value;
        }
        for (int i = 0; i < size; ++i) {
            ASSERT_EQ(at(map, static_cast<std::uint64_t>(i)), expected.at(i)) << "round " << round;
        }
    }
}

}  // namespace
}  // namespace seep
