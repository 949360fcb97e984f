// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/time_to_limit.h"

#include <gtest/gtest.h>

namespace seep {
namespace {

TEST(TimeToLimit, HasBothEnds) {
    const TimeToLimit time = time_to_limit(1000, 700, 100, {10, 8, 20, 0});
    EXPECT_DOUBLE_EQ(*time.earliest, 20);
    EXPECT_DOUBLE_EQ(*time.expected, 40);
    EXPECT_DOUBLE_EQ(*time.latest, 50);
}

TEST(TimeToLimit, IsNeverWhereTheLowerEndIsNotAboveZero) {
    const TimeToLimit time = time_to_limit(1000, 700, 100, {10, 0, 20, 0});
    EXPECT_TRUE(time.earliest);
    EXPECT_FALSE(time.latest);
    EXPECT_FALSE(time_to_limit(1000, 700, 100, {-3, -4, -2, 0}).earliest);
}

TEST(TimeToLimit, IsNowWhereItIsReached) {
    EXPECT_DOUBLE_EQ(*time_to_limit(1000, 1200, 100, {10, 8, 20, 0}).expected, 0);
    EXPECT_DOUBLE_EQ(*time_to_limit(1000, 50, 100, {10, 8, 20, 0}).expected, 100);
}

}  // namespace
}  // namespace seep
