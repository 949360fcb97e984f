// SPDX-License-Identifier: GPL-2.0-only
// What is told of one growth that comes from several stacks in turn.

#include "analysis/succession.h"

#include <gmock/gmock.h>

#include "analysis/merging.h"
#include "analysis/ranking.h"
#include "simulated_stack.h"

namespace seep {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr double window_seconds = 60;
constexpr SimulatedWindow window{window_seconds, 121};
constexpr std::uint64_t bytes = 100;

using Blocks = std::vector<SimulatedBlock>;

/// `rate` blocks a second from one moment to another, none of which is freed before it has lived
/// for so long.
void add_even(Blocks& blocks, double from, double to, double rate, std::uint64_t size = bytes,
              double life = for_ever) {
    for (double t = from; t < to; t += 1 / rate) blocks.push_back({t, t + life, size});
}

Blocks leak() {
    Blocks blocks;
    add_even(blocks, 0.01, window_seconds, 10);
    return blocks;
}

Report report_of(const Blocks& blocks, const std::vector<double>& changes) {
    return build_report(simulated_succession(blocks, changes, window), ReportOptions{});
}

std::vector<Succession> successions_of(const Blocks& blocks, const std::vector<double>& changes) {
    const RecordingContents contents = simulated_succession(blocks, changes, window);
    return find_successions(merge_stacks(contents), contents);
}

TEST(Succession, ALeakThatChangesItsPathIsOne) {
    const Report report = report_of(leak(), {20, 35});
    EXPECT_THAT(report.stacks, Each(Field(&ReportStack::verdict, Verdict::leak)));
    EXPECT_THAT(report.stacks[0].reason, HasSubstr("one of 3 stacks that take over"));
    // Each has its part of the rate, so that all of them together have that of the leak.
    double rate = 0;
    for (const ReportStack& stack : report.stacks) rate += stack.growth.bytes_per_second;
    EXPECT_NEAR(rate, 10.0 * bytes, 10);
    ASSERT_THAT(report.findings, SizeIs(1));
    EXPECT_NEAR(report.findings[0].growth.bytes_per_second, 10.0 * bytes, 10);
    EXPECT_THAT(report.findings[0].sentence,
                HasSubstr("`new_buffer`, on 3 paths under `handle` that take over from one "
                          "another, leaks"));
    ASSERT_THAT(report.clusters, SizeIs(1));
    EXPECT_EQ(report.clusters[0].frame.function, "handle");
    EXPECT_THAT(report.clusters[0].stacks, SizeIs(3));
}

TEST(Succession, APathThatComesBackIsTheSame) {
    Blocks blocks = leak();
    RecordingContents contents = simulated_succession(blocks, {15, 30, 45}, window);
    const auto found = find_successions(merge_stacks(contents), contents);
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_THAT(found[0].in_turn, SizeIs(4));
}

TEST(Succession, TakingOverIsWithoutAPause) {
    Blocks blocks;
    add_even(blocks, 0.01, 25, 10);
    add_even(blocks, 33, window_seconds, 10);
    EXPECT_THAT(successions_of(blocks, {30}), SizeIs(0));
}

TEST(Succession, TakingOverIsAtThePaceOfTheOneBefore) {
    Blocks blocks;
    add_even(blocks, 0.01, 30, 50);
    add_even(blocks, 30, window_seconds, 150);
    EXPECT_THAT(successions_of(blocks, {30}), SizeIs(0));
}

TEST(Succession, WhatDoesNotKeepOnePaceIsNoLeak) {
    // So few that both paces may be one by chance.
    Blocks blocks;
    add_even(blocks, 0.01, 30, 5);
    add_even(blocks, 30, window_seconds, 10);
    const Report report = report_of(blocks, {30});
    EXPECT_THAT(report.stacks, Each(Field(&ReportStack::verdict, Verdict::growing)));
    EXPECT_THAT(report.stacks[0].reason, HasSubstr("do not keep one pace"));
}

TEST(Succession, BlocksOfAnotherSizeAreOthers) {
    Blocks blocks;
    add_even(blocks, 0.01, 30, 10);
    add_even(blocks, 30, window_seconds, 10, bytes + 20);
    EXPECT_THAT(successions_of(blocks, {30}), SizeIs(0));
}

TEST(Succession, StacksAtTheSameTimeAreNone) {
    RecordingContents contents = simulated_succession(leak(), {30}, window);
    RecordingContents others = simulated_contents({leak(), leak()}, window);
    for (std::size_t i = 0; i < 2; ++i) {
        others.stacks[i].record.locations = contents.stacks[i].record.locations;
        others.locations = contents.locations;
    }
    EXPECT_THAT(find_successions(merge_stacks(others), others), SizeIs(0));
}

TEST(Succession, OtherCallersOrAnotherCallAreNone) {
    RecordingContents contents = simulated_succession(leak(), {30}, window);
    auto& locations = contents.stacks[1].record.locations;
    const std::vector<LocationId> whole = locations;
    // A second way of main() to the same call: what is in common is a program's root.
    locations.erase(locations.end() - 4, locations.end() - 1);
    EXPECT_THAT(find_successions(merge_stacks(contents), contents), SizeIs(0));
    locations = whole;
    contents.locations.at(locations[1]);
    const LocationId other(2000);
    contents.locations[other] = {other, {}, 2000, true, true, {{.function = "new_name"}}};
    locations[1] = other;
    EXPECT_THAT(find_successions(merge_stacks(contents), contents), SizeIs(0));
}

/// Frees of blocks from before attach, between two snapshots.
void free_earlier(RecordingContents& contents, std::size_t at, std::uint64_t frees) {
    for (std::size_t i = at; i < contents.snapshots.size(); ++i)
        contents.snapshots[i].processes[0].losses[SEEP_LOSS_UNMATCHED_FREES] += frees;
}

TEST(Succession, GarbageThatWaitsForItsCollectorLooksLikeALeak) {
    // The frame that changes is in generated code.
    RecordingContents contents = simulated_succession(leak(), {20, 35}, window);
    contents.objects[ObjectId(1)] = {ObjectId(1), ObjectKind::anonymous, "[jit 1]", ""};
    for (const StackHistory& stack : contents.stacks)
        contents.locations[stack.record.locations[2]].object = ObjectId(1);
    const auto verdicts = [&] {
        std::vector<Verdict> result;
        for (const ReportStack& stack : build_report(contents, ReportOptions{}).stacks)
            result.push_back(stack.verdict);
        return result;
    };
    EXPECT_THAT(verdicts(), Each(Verdict::growing));
    free_earlier(contents, 10, 100);  // before much could have become garbage
    EXPECT_THAT(verdicts(), Each(Verdict::growing));
    free_earlier(contents, 50, 5);  // single objects
    EXPECT_THAT(verdicts(), Each(Verdict::growing));
    free_earlier(contents, 51, 100);
    EXPECT_THAT(verdicts(), Each(Verdict::leak));
    // The same of blocks that were followed.
    contents = simulated_succession(leak(), {20, 35}, window);
    contents.objects[ObjectId(1)] = {ObjectId(1), ObjectKind::anonymous, "[jit 1]", ""};
    for (const StackHistory& stack : contents.stacks)
        contents.locations[stack.record.locations[2]].object = ObjectId(1);
    EXPECT_THAT(verdicts(), Each(Verdict::growing));
    contents.stacks[0].lifetimes[25] = 20;  // 17 to 34 s
    EXPECT_THAT(verdicts(), Each(Verdict::leak));
}

TEST(Succession, CallersThatAreNotKnownBeyondGeneratedCodeMayBeTheSame) {
    RecordingContents contents = simulated_succession(leak(), {20, 35}, window);
    StackRecord& last = contents.stacks[2].record;
    last.locations.erase(last.locations.end() - 4, last.locations.end());
    last.end = StackEnd::no_row;
    EXPECT_THAT(find_successions(merge_stacks(contents), contents),
                Not(Contains(Field(&Succession::cut, true))));
    contents.objects[ObjectId(1)] = {ObjectId(1), ObjectKind::anonymous, "[jit 1]", ""};
    for (const StackHistory& stack : contents.stacks)
        contents.locations[stack.record.locations[2]].object = ObjectId(1);
    const Report report = build_report(contents, ReportOptions{});
    ASSERT_THAT(report.findings, SizeIs(1));
    EXPECT_NEAR(report.findings[0].growth.bytes_per_second, 10.0 * bytes, 10);
    EXPECT_THAT(report.findings[0].sentence,
                HasSubstr("`new_buffer`, on 3 paths that take over from one another, grows"));
    ASSERT_THAT(report.clusters, SizeIs(1));
    EXPECT_EQ(report.clusters[0].frame.function, "new_buffer");
    EXPECT_FALSE(report.clusters[0].shares_callers);
}

TEST(Succession, AFullCacheIsNotGrowingFromItsNewPath) {
    // Its blocks of 20 s live on the old path; the new one grows while they are replaced. A leak
    // elsewhere makes all stacks together grow.
    Blocks cache;
    add_even(cache, -40, window_seconds, 10, bytes, 20);
    RecordingContents contents = simulated_succession(cache, {45}, window);
    const Report report = build_report(contents, ReportOptions{});
    for (const ReportStack& stack : report.stacks) {
        EXPECT_NE(stack.verdict, Verdict::leak) << stack.reason;
        EXPECT_NE(stack.verdict, Verdict::growing) << stack.reason;
    }
}

TEST(Succession, AWarmingCacheIsNoLeakFromItsNewPath) {
    // The second path has the flatter part of the curve alone.
    Blocks blocks;
    for (int i = 1; i < 1500; ++i)
        blocks.push_back({-18 * std::log(1 - i / 1500.0), for_ever, bytes});
    const Report report = report_of(blocks, {9});
    EXPECT_THAT(report.stacks, Each(Field(&ReportStack::verdict, Verdict::warming)));
}

}  // namespace
}  // namespace seep
