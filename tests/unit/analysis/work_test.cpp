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

}  // namespace
}  // namespace seep
