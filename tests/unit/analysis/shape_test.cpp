// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/shape.h"

#include <gmock/gmock.h>

#include <numeric>

namespace seep {
namespace {

std::vector<Point> points(const std::vector<double>& values) {
    std::vector<Point> result;
    for (std::size_t i = 0; i < values.size(); ++i)
        result.push_back({static_cast<double>(i), values[i]});
    return result;
}

TEST(Shape, PaceIsTheLaterHalfOfTheEarlierOne) {
    EXPECT_DOUBLE_EQ(*pace_of(points({0, 10, 20, 30, 40, 50, 60, 70})), 1);
    EXPECT_DOUBLE_EQ(*pace_of(points({0, 10, 20, 30, 40, 40, 40, 40})), 0);
    EXPECT_NEAR(*pace_of(points({0, 10, 20, 30, 40, 42, 44, 46})), 0.2, 0.01);
    EXPECT_FALSE(pace_of(points({0, 0, 0, 0, 0, 10, 20, 30})));
    EXPECT_FALSE(pace_of(points({0, 10, 20, 30})));
}

TEST(Shape, SlowingIsInUnitsOfTheGrowth) {
    EXPECT_DOUBLE_EQ(slowing(points({0, 10, 20, 30, 40, 50, 60, 70})), 0);
    EXPECT_DOUBLE_EQ(slowing(points({0, 10, 20, 30, 40, 40, 40, 40})), 35);
}

TEST(Shape, EvenGrowthIsOnTheLine) {
    EXPECT_DOUBLE_EQ(unevenness(points({0, 10, 20, 30, 40, 50, 60, 70})), 0);
    EXPECT_DOUBLE_EQ(unevenness(points({0, 0, 0, 0, 70, 70, 70, 70})), 3.0 / 7);
    EXPECT_DOUBLE_EQ(unevenness(points({7, 6, 5, 4, 3, 2, 1, 0})), 0);
}

TEST(Shape, DeepFallsAreCounted) {
    EXPECT_EQ(deep_falls(points({0, 10, 20, 30, 40, 50, 60, 70}), 0.4), 0U);
    EXPECT_EQ(deep_falls(points({0, 10, 8, 20, 18, 30, 28, 40}), 0.4), 0U);
    EXPECT_EQ(deep_falls(points({0, 20, 40, 0, 20, 40, 60, 80}), 0.4), 1U);
    EXPECT_EQ(deep_falls(points({0, 40, 0, 40, 0, 40, 0, 40}), 0.4), 3U);
    EXPECT_EQ(deep_falls(points({40, 30, 20, 10, 0, 10, 20, 30}), 0.4), 1U);
    EXPECT_EQ(deep_falls(points({5, 5, 5, 5, 5, 5, 5, 5}), 0.4), 0U);
}

double rises_of(const std::vector<std::uint64_t>& blocks, const std::vector<int>& seconds) {
    LiveSeries series;
    std::vector<SnapshotRecord> snapshots;
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        all += blocks[i];
        series.push_back({.snapshot = i, .live_count = all});
        snapshots.emplace_back().time_ns = seconds[i] * std::int64_t{1'000'000'000};
    }
    return independent_rises(series, snapshots, {0, blocks.size() - 1});
}

TEST(Shape, BlocksThatComeTogetherCountAsOne) {
    std::vector<int> each_second(61);
    std::iota(each_second.begin(), each_second.end(), 0);
    std::vector<std::uint64_t> blocks(61, 40);
    EXPECT_DOUBLE_EQ(rises_of(blocks, each_second), 2400);
    // Six bunches of 40, where 4 a second are expected.
    blocks.assign(61, 0);
    for (std::size_t i = 10; i <= 60; i += 10) blocks[i] = 40;
    const double dispersion = (6 * 36.0 * 36 + 54 * 16.0) / 240;
    EXPECT_NEAR(rises_of(blocks, each_second), 240 / dispersion, 1e-9);
    // As many as belong to the times between uneven snapshots.
    EXPECT_DOUBLE_EQ(rises_of({0, 10, 100, 10}, {0, 1, 11, 12}), 120);
    EXPECT_EQ(rises_of({10, 0, 0, 0}, {0, 1, 2, 3}), 0);
}

/// One snapshot a second.
std::optional<Halt> halt_of(const std::vector<std::uint64_t>& live) {
    LiveSeries series;
    std::vector<SnapshotRecord> snapshots;
    for (std::size_t i = 0; i < live.size(); ++i) {
        series.push_back({i, live[i], live[i]});
        snapshots.emplace_back().time_ns = static_cast<std::int64_t>(i) * 1'000'000'000;
    }
    return find_halt(series, snapshots, {0, live.size() - 1});
}

std::vector<std::uint64_t> rising(std::size_t until, std::size_t count, std::size_t every = 1) {
    std::vector<std::uint64_t> live;
    for (std::size_t i = 0; i < count; ++i) live.push_back(100 * (std::min(i, until) / every));
    return live;
}

TEST(Shape, AHaltIsFoundWhereAPauseIsNoChance) {
    const auto halt = halt_of(rising(45, 61));
    ASSERT_TRUE(halt);
    EXPECT_EQ(halt->snapshot, 45U);
    EXPECT_DOUBLE_EQ(halt->risen_share, 0.75);
    EXPECT_FALSE(halt_of(rising(60, 61)));
    EXPECT_FALSE(halt_of(rising(57, 61)));
}

TEST(Shape, ALongPauseIsNoHaltIfThereWereSuchBefore) {
    EXPECT_FALSE(halt_of(rising(50, 61, 10)));
    EXPECT_FALSE(halt_of(rising(2, 61)));
}

TEST(Shape, APauseThatIsNotMuchLongerMayBeAHalt) {
    std::vector<std::uint64_t> live;
    for (std::uint64_t i = 0; i < 60; ++i)
        live.push_back(100 * (i < 20 ? i : i < 30 ? 20 : std::min<std::uint64_t>(i - 10, 30)));
    ASSERT_TRUE(halt_of(live));
    EXPECT_FALSE(halt_of(live)->sure);
    EXPECT_TRUE(halt_of(rising(45, 61))->sure);
}

TEST(Shape, ATrickleAfterTheHaltDoesNotHideIt) {
    std::vector<std::uint64_t> live = rising(30, 61);
    for (std::size_t i = 31; i < live.size(); ++i) live[i] += i % 2;
    ASSERT_TRUE(halt_of(live));
    EXPECT_EQ(halt_of(live)->snapshot, 30U);
}

TEST(Shape, LowPointsThatRiseAreNoHalt) {
    // A sawtooth with its highest peak in the middle, on a line.
    std::vector<std::uint64_t> live;
    for (std::uint64_t i = 0; i < 60; ++i)
        live.push_back(1000 + 10 * i + (i < 30 ? 100 : 40) * (i % 6));
    EXPECT_FALSE(halt_of(live));
    for (std::uint64_t i = 30; i < 60; ++i) live[i] = 1300 + 40 * (i % 6);
    EXPECT_TRUE(halt_of(live));
}

TEST(Shape, WhatDoesNotRiseDoesNotHalt) {
    EXPECT_FALSE(halt_of({5, 5, 5, 5}));
    EXPECT_FALSE(halt_of({9, 8, 7, 6}));
}

TEST(SmallStepsAtEnd, AreAPauseWhereTheyAreRare) {
    std::vector<double> steps(21, 700.0);
    EXPECT_EQ(small_steps_at_end(steps), 0u);
    steps[8] = 0;
    for (int i = 0; i < 3; ++i) steps.push_back(5);
    // Four of 24 are small, and would be the last three by chance in 4 * 3 * 2 / (24 * 23 * 22).
    EXPECT_EQ(small_steps_at_end(steps), 3u);
    steps.push_back(700);
    EXPECT_EQ(small_steps_at_end(steps), 0u);
}

TEST(SmallStepsAtEnd, AreNoneWhereGrowthComesInSteps) {
    const std::vector<double> stairs{9, 0, 9, 0, 0, 9, 9, 0, 9, 0, 9, 9, 0, 9, 9, 0, 0, 0};
    EXPECT_EQ(small_steps_at_end(stairs), 0u);
    EXPECT_EQ(small_steps_at_end(std::vector<double>(20, 0.0)), 0u);
    std::vector<double> steps(300, 1.0);
    steps.push_back(0);
    EXPECT_EQ(small_steps_at_end(steps), 0u) << "a single one";
    EXPECT_EQ(small_steps_at_end({}), 0u);
}

}  // namespace
}  // namespace seep
