// SPDX-License-Identifier: GPL-2.0-only
#include "drain/reading_time.h"

#include <gtest/gtest.h>

namespace seep {
namespace {

constexpr std::uint64_t mebibyte = 1 << 20;

TEST(ReadingTime, IsThatOfTheLastReading) {
    ReadingTime reading;
    EXPECT_NEAR(reading.seconds_for(1000 * mebibyte), 1.05, 0.01);
    reading.learn(100 * mebibyte, 0.5);
    EXPECT_DOUBLE_EQ(reading.seconds_for(100 * mebibyte), 0.5);
    EXPECT_DOUBLE_EQ(reading.seconds_for(200 * mebibyte), 1);
    EXPECT_DOUBLE_EQ(reading.seconds_for(50 * mebibyte), 0.5);
}

TEST(ReadingTime, IsTheUsualOneAtFirst) {
    EXPECT_DOUBLE_EQ(ReadingTime(50e6).seconds_for(100'000'000), 2);
}

TEST(ReadingTime, OfLittleTellsNothingOfMore) {
    ReadingTime reading;
    reading.learn(mebibyte / 4, 0.01);
    EXPECT_NEAR(reading.seconds_for(160 * mebibyte), 0.01 + 0.168, 0.001);
}

}  // namespace
}  // namespace seep
