// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/lapses.h"

#include <gtest/gtest.h>

#include <cmath>

#include "analysis/survival.h"

namespace seep {
namespace {

constexpr std::int64_t second = 1'000'000'000;

/// 100 s, a quarter of which was observed, in 20 windows.
RecordingContents in_windows() {
    RecordingContents contents;
    contents.snapshots.resize(2);
    contents.snapshots[1].time_ns = 100 * second;
    contents.snapshots[1].unobserved_ns = 75 * std::uint64_t{second};
    contents.snapshots[1].pauses = 20;
    return contents;
}

/// 250 blocks a second in windows, each of which lives for 16 ms to 33 ms.
MergedStack passing(std::uint64_t held, std::uint64_t returned) {
    MergedStack stack;
    constexpr std::uint64_t lived = 250 * 25;
    stack.lifetimes[15] = lived;
    stack.totals.allocated_count = lived + returned + held;
    stack.totals.freed_count = lived + returned;
    return stack;
}

/// 250 a second, of 2^14 us / ln 2 each.
const double at_once = 250 * 0.016384 * 1.4427;

Growth growth() {
    return {.bytes_per_second = 1000, .low = 900, .high = 1100, .bytes = 100'000};
}

TEST(Lapses, AsManyAreInFlightAtEachPauseAsLiveAtOnce) {
    const InFlight blocks = in_flight(passing(100, 40), in_windows());
    EXPECT_NEAR(blocks.all, 20 * at_once, 1e-6);
    EXPECT_EQ(blocks.returned, 40);
    EXPECT_NEAR(blocks.left(), 20 * at_once - 40, 1e-6);
    EXPECT_EQ(in_flight(passing(100, 1000), in_windows()).left(), 0);
}

/// With so many frees, those of followed blocks among them.
RecordingContents with_frees(std::uint64_t count) {
    RecordingContents contents = in_windows();
    contents.window = {0, 1};
    contents.processes.resize(1);
    contents.processes[0].id = ProcessId{1};
    contents.snapshots[1].processes.resize(1);
    contents.snapshots[1].processes[0].process = ProcessId{1};
    contents.snapshots[1].processes[0].freed_count = count;
    return contents;
}

TEST(Lapses, FreesOfBlocksBornUnseenTellWhatIsReplaced) {
    const std::vector<MergedStack> stacks = {passing(100, 40)};
    const std::uint64_t followed = stacks[0].totals.freed_count;
    const double passing_by = 20 * at_once;  // 118
    // As many as were in flight, with the 40 that had lapsed.
    EXPECT_NEAR(*most_replaced(stacks, with_frees(followed + 78)), 2 * std::sqrt(118 + passing_by),
                0.5);
    EXPECT_NEAR(*most_replaced(stacks, with_frees(followed + 1078)),
                1118 - passing_by + 2 * std::sqrt(1118 + passing_by), 0.5);

    RecordingContents sampled = with_frees(followed);
    sampled.info.sampling_bytes = 1024;
    EXPECT_EQ(most_replaced(stacks, sampled), std::nullopt);
    RecordingContents observed = with_frees(followed);
    observed.snapshots[1].pauses = 0;
    EXPECT_EQ(most_replaced(stacks, observed), std::nullopt);
}

TEST(Lapses, WhereAllWasObservedThereAreNone) {
    RecordingContents contents = in_windows();
    contents.snapshots[1].unobserved_ns = contents.snapshots[1].pauses = 0;
    const InFlight blocks = in_flight(passing(100, 0), contents);
    EXPECT_EQ(blocks.all, 0);
    EXPECT_EQ(without(blocks, 100, growth()).low, 900);
}

TEST(Lapses, WhatWasInFlightIsNoGrowth) {
    const double all = 20 * at_once;  // 118
    const Growth chance = without({.all = all}, 120, growth());
    EXPECT_EQ(chance.low, 0);
    EXPECT_LT(chance.bytes_per_second, 20);
    EXPECT_EQ(chance.high, 1100);
    // Lifetimes are known to a factor of two, and counts are up to chance.
    EXPECT_EQ(without({.all = all}, 150, growth()).low, 0);
    const Growth sure = without({.all = all}, 1000, growth());
    EXPECT_NEAR(sure.bytes_per_second, 1000 * (1 - all / 1000), 1e-6);
    EXPECT_NEAR(sure.low, 900 * (1 - (all * 2 / 1.4427 + 2 * std::sqrt(all)) / 1000), 1e-6);
    EXPECT_EQ(sure.bytes, std::llround(100'000 * (1 - all / 1000)));
    // Those that were seen to come back are held no more.
    EXPECT_NEAR(without({.all = all, .returned = 100}, 1000, growth()).bytes_per_second,
                1000 * (1 - (all - 100) / 1000), 1e-6);
}

TEST(Lapses, WhatNeverDiesWasNotInFlight) {
    MergedStack leak;
    leak.totals.allocated_count = 100;
    EXPECT_EQ(without(in_flight(leak, in_windows()), 100, growth()).low, 900);
}

}  // namespace
}  // namespace seep
