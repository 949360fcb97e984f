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

/// Ten times 10 s, of which a second was observed each, in a window of its own; so many blocks
/// allocated and freed in each.
RecordingContents balanced(const std::vector<std::pair<int, int>>& parts) {
    RecordingContents contents;
    ProcessSample sample{.process = ProcessId{1}};
    for (std::size_t i = 0; i <= parts.size(); ++i) {
        SnapshotRecord& snapshot = contents.snapshots.emplace_back();
        snapshot.time_ns = static_cast<std::int64_t>(i) * 10 * second;
        snapshot.unobserved_ns = i * 9 * std::uint64_t{second};
        snapshot.pauses = i;
        snapshot.processes = {sample};
        if (i == parts.size()) break;
        sample.allocated_count += static_cast<std::uint64_t>(parts[i].first);
        sample.freed_count += static_cast<std::uint64_t>(parts[i].second);
    }
    contents.window = {0, parts.size()};
    return contents;
}

TEST(Lapses, AllocationsLessFreesAreWhatAllBecameMoreBy) {
    const auto even = net_blocks(balanced(std::vector(10, std::pair(1'000, 990))));
    ASSERT_TRUE(even);
    EXPECT_NEAR(even->more, 10, 1e-9);  // a second observed
    EXPECT_NEAR(even->most, 10 + 3 * std::sqrt(100) / 10, 1e-9);

    std::vector<std::pair<int, int>> uneven(10, {1'000, 950});
    for (std::size_t i = 0; i < uneven.size(); i += 2) uneven[i].second = 1'030;
    const auto chance = net_blocks(balanced(uneven));
    ASSERT_TRUE(chance);
    EXPECT_NEAR(chance->more, 10, 1e-9);
    EXPECT_NEAR(chance->most, 10 + 3 * std::sqrt(10) * 40 / 10, 1e-9);
}

TEST(Lapses, MoreFreesThanAllocationsTellNothing) {
    EXPECT_FALSE(net_blocks(balanced(std::vector(10, std::pair(1'000, 1'050)))));
    RecordingContents observed = balanced(std::vector(10, std::pair(1'000, 990)));
    observed.snapshots.back().pauses = 0;
    EXPECT_FALSE(net_blocks(observed));
}

TEST(Lapses, BlocksBecomeFewerFromWhereThereWereMost) {
    // In windows of 20, a second each: 2,000 more, then 8,000 fewer in four of them.
    std::vector<std::pair<int, int>> parts(20, {100, 100});
    parts[1].first += 2'000;
    for (std::size_t i = 5; i < 9; ++i) parts[i].second += 2'000;
    const auto fewer = fewer_blocks(balanced(parts));
    ASSERT_TRUE(fewer);
    EXPECT_NEAR(fewer->seen, 8'000, 1e-6);
    EXPECT_NEAR(fewer->all, 80'000, 1e-6);
    EXPECT_NEAR(fewer->idle_share, 0.8, 1e-6);
    EXPECT_NEAR(fewer->rise, 20'000, 1e-6);
    // All the time, as where threads end.
    EXPECT_EQ(fewer_blocks(balanced(std::vector(20, std::pair(100, 500))))->idle_share, 0);
}

TEST(Lapses, CyclesDoNotMakeBlocksFewer) {
    // Collected at once, and while others come.
    std::vector<std::pair<int, int>> garbage(20, {100, 0});
    garbage[18].second = 1'900;
    EXPECT_FALSE(fewer_blocks(balanced(garbage)));
    std::vector<std::pair<int, int>> cycle(20, {1'000, 0});
    for (const std::size_t i : {4U, 5U, 14U, 15U}) cycle[i].second = 4'000;
    EXPECT_FALSE(fewer_blocks(balanced(cycle)));
    EXPECT_FALSE(fewer_blocks(balanced(std::vector(20, std::pair(100, 100)))));
    // Sessions that come and go, of which windows see this or that.
    std::vector<std::pair<int, int>> sessions(20, {100, 100});
    for (const std::size_t i : {3U, 7U, 8U, 12U}) sessions[i].second = 1'000;
    EXPECT_TRUE(fewer_blocks(balanced(sessions)));
    sessions[15].first = 1'100;
    EXPECT_FALSE(fewer_blocks(balanced(sessions)));
    // Of a process that has ended, the counts are gone.
    RecordingContents contents = balanced(std::vector(20, std::pair(100, 500)));
    EXPECT_TRUE(fewer_blocks(contents));
    contents.processes = {{.ended_ns = 7}};
    EXPECT_FALSE(fewer_blocks(contents));
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
