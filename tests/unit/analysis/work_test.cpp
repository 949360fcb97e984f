// SPDX-License-Identifier: GPL-2.0-only
// What a count of work does to the verdict.

#include <gtest/gtest.h>

#include <cmath>

#include "analysis/ranking.h"
#include "simulated_stack.h"

namespace seep {
namespace {

constexpr double length = 60;

/// Units a second: up and down, and more in the end than at first.
double work_rate(double t) {
    return 50 + 100 * t / length + 40 * std::sin(t / 1.5);
}

/// Its integral from 0.
double work_until(double t) {
    return 50 * t + 50 * t * t / length + 60 * (1 - std::cos(t / 1.5));
}

RecordingContents with_blocks(const std::function<double(double, Random&)>& life, bool counted) {
    std::vector<SimulatedBlock> blocks;
    Random random(7);
    add_blocks(
        blocks,
        {.from = 0, .to = length, .most = 100, .rate = [](double) { return 100.0; }, .life = life},
        random);
    RecordingContents contents = simulated_contents(std::move(blocks), {length, 121});
    if (!counted) return contents;
    const std::int64_t start = contents.snapshots.front().time_ns;
    for (SnapshotRecord& snapshot : contents.snapshots)
        snapshot.work = static_cast<std::uint64_t>(
            work_until(static_cast<double>(snapshot.time_ns - start) / 1e9));
    return contents;
}

/// Blocks that stay the longer, the more there is to do.
double as_long_as_work_takes(double t, Random&) {
    return work_rate(t) / 100;
}

Verdict verdict_of(const RecordingContents& contents) {
    return build_report(contents, {}).stacks.at(0).verdict;
}

TEST(Work, GrowthThatFollowsItIsLoad) {
    EXPECT_EQ(verdict_of(with_blocks(as_long_as_work_takes, true)), Verdict::load);
    EXPECT_NE(verdict_of(with_blocks(as_long_as_work_takes, false)), Verdict::load);
}

TEST(Work, ALeakStaysOneHoweverMuchIsDone) {
    const auto never = [](double, Random&) { return for_ever; };
    EXPECT_EQ(verdict_of(with_blocks(never, true)), Verdict::leak);
}

/// A block of 32 to 160 bytes stays for every second unit, on average.
RecordingContents leaking_by_work() {
    std::vector<SimulatedBlock> blocks;
    Random random(11);
    add_blocks(blocks,
               {.from = 0,
                .to = length,
                .most = 100,
                .rate = [](double t) { return work_rate(t) / 2; },
                .life = [](double, Random&) { return for_ever; }},
               random);
    RecordingContents contents = simulated_contents(std::move(blocks), {length, 121});
    const std::int64_t start = contents.snapshots.front().time_ns;
    for (SnapshotRecord& snapshot : contents.snapshots)
        snapshot.work = 1000 + static_cast<std::uint64_t>(
                                   work_until(static_cast<double>(snapshot.time_ns - start) / 1e9));
    return contents;
}

TEST(Work, GrowthByItDoesNotDependOnWhenItIsDone) {
    const Report report = build_report(leaking_by_work(), {});
    ASSERT_TRUE(report.work && report.work->growth);
    EXPECT_NEAR(static_cast<double>(report.work->count), work_until(length), 2);
    EXPECT_NEAR(report.work->per_second, work_until(length) / length, 0.1);
    const std::optional<GrowthPerWork>& growth = report.stacks.at(0).growth_per_work;
    ASSERT_TRUE(growth);
    const double truth =
        1000 * static_cast<double>(report.totals.live_bytes()) / work_until(length);
    EXPECT_NEAR(growth->bytes, truth, 0.02 * truth);
    EXPECT_LT(growth->low, truth);
    EXPECT_GT(growth->high, truth);
    EXPECT_NEAR(report.work->growth->bytes, growth->bytes, 1e-6);
    // Over time the same growth speeds up, by which its interval there is the wider.
    const Growth& by_time = report.stacks.at(0).growth;
    EXPECT_LT(2 * (growth->high - growth->low) / growth->bytes,
              (by_time.high - by_time.low) / by_time.bytes_per_second);
}

TEST(Work, UnseenWorkIsNoneOfTheGrowthThatWasSeen) {
    RecordingContents contents = leaking_by_work();
    const double all_seen = build_report(contents, {}).stacks[0].growth_per_work->bytes;
    const std::int64_t start = contents.snapshots.front().time_ns;
    // Half of each interval went by without probes, and half of the blocks with it.
    for (SnapshotRecord& snapshot : contents.snapshots) {
        snapshot.unobserved_ns = static_cast<std::uint64_t>((snapshot.time_ns - start) / 2);
        *snapshot.work = 2 * *snapshot.work;
    }
    const std::optional<GrowthPerWork> growth =
        build_report(contents, {}).stacks[0].growth_per_work;
    ASSERT_TRUE(growth);
    EXPECT_NEAR(growth->bytes, all_seen, 0.02 * all_seen);
}

TEST(Work, WithFewSnapshotsTheIntervalIsThatOfTheTurnover) {
    RecordingContents contents = leaking_by_work();
    contents.window = {118, 120};
    const std::optional<GrowthPerWork> growth =
        build_report(contents, {}).stacks[0].growth_per_work;
    ASSERT_TRUE(growth);
    EXPECT_LT(growth->low, growth->bytes);
    EXPECT_GT(growth->high, growth->bytes);
}

TEST(Work, ThereIsNoGrowthByWhatWasNotCountedOrNotDone) {
    RecordingContents contents = leaking_by_work();
    for (SnapshotRecord& snapshot : contents.snapshots) snapshot.work = 5;
    Report report = build_report(contents, {});
    ASSERT_TRUE(report.work);
    EXPECT_EQ(report.work->count, 0);
    EXPECT_FALSE(report.work->growth || report.stacks[0].growth_per_work);
    for (SnapshotRecord& snapshot : contents.snapshots) snapshot.work.reset();
    report = build_report(contents, {});
    EXPECT_FALSE(report.work || report.stacks[0].growth_per_work);
}

}  // namespace
}  // namespace seep
