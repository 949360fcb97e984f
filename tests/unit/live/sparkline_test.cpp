// SPDX-License-Identifier: GPL-2.0-only
#include "live/sparkline.h"

#include <gtest/gtest.h>

namespace seep {
namespace {

TEST(Sparkline, RisesWithTheCurve) {
    const std::vector<CurvePoint> line{{0, 0}, {80, 800}};
    EXPECT_EQ(sparkline(line, 80, 8, true), "▁▂▃▄▅▆▇█");
    EXPECT_EQ(sparkline(line, 80, 8, false), "_.-~=+*#");
}

TEST(Sparkline, ShowsWhatWasAtTheEndOfEachPart) {
    EXPECT_EQ(sparkline({{0, 0}, {30, 0}, {30, 100}, {60, 100}, {61, 0}, {80, 0}}, 80, 4, false),
              "_##_");
    // Level before the first point and after the last.
    EXPECT_EQ(sparkline({{40, 0}, {60, 100}}, 100, 5, false), "__###");
}

TEST(Sparkline, WhatHardlyMovesLooksFlat) {
    EXPECT_EQ(sparkline({{0, 1'000'000}, {10, 1'000'900}}, 10, 3, false), "___");
    EXPECT_EQ(sparkline({{0, 0}, {10, 0}}, 10, 3, false), "___");
    EXPECT_EQ(sparkline({{0, 1'000}, {5, 1'000}, {10, 1'200}}, 10, 2, false), "_#");
}

TEST(Sparkline, NeedsPointsAndRoom) {
    EXPECT_EQ(sparkline({}, 10, 5, true), "");
    EXPECT_EQ(sparkline({{0, 1}}, 10, 0, true), "");
    EXPECT_EQ(sparkline({{0, 1}}, 0, 3, false), "___");  // a single snapshot
}

}  // namespace
}  // namespace seep
