// SPDX-License-Identifier: GPL-2.0-only
// What stacks that grow in lockstep tell of each other.

#include <gmock/gmock.h>

#include <cmath>

#include "analysis/clusters.h"
#include "analysis/ranking.h"
#include "simulated_stack.h"

namespace seep {
namespace {

using ::testing::HasSubstr;

constexpr double window_seconds = 60;

/// One block every half of a second, none of which is freed.
std::vector<SimulatedBlock> leaked(std::uint64_t bytes, double first = 0.1) {
    std::vector<SimulatedBlock> blocks;
    for (double t = first; t < window_seconds; t += 0.5) blocks.push_back({t, for_ever, bytes});
    return blocks;
}

/// As if half of the time was seen, in which each of the calls that lead to the first stack left a
/// block, and as many calls were made as there, or three or five times as many, in the other half.
void see_half(RecordingContents& contents) {
    const auto ns = [&](std::size_t i) {
        return static_cast<std::uint64_t>(contents.snapshots[i].time_ns -
                                          contents.snapshots.front().time_ns) /
               2;
    };
    contents.periods = {{.started_ns = contents.snapshots.front().time_ns,
                         .ended_ns = contents.snapshots.back().time_ns,
                         .level = "windows"}};
    CallCount count{.process = ProcessId(1),
                    .location = contents.stacks.front().record.locations.front()};
    for (std::size_t i = 0; i < contents.snapshots.size(); ++i) {
        contents.snapshots[i].unobserved_ns = ns(i);
        contents.snapshots[i].pauses = i;
        contents.snapshots[i].processes.front().allocated_count = 2 * i;  // of both stacks
        count.observed_ns = count.unobserved_ns = ns(i);
        count.observed_calls = i;
        count.unobserved_calls += i % 2 == 0 ? 3 : 5;
        contents.calls.push_back({i, count});
    }
}

/// The stacks of each group, in the groups' order, with three callers in common.
std::vector<ReportStack> stacks_of(const std::vector<std::vector<SimulatedBlock>>& groups,
                                   bool half_seen = false) {
    RecordingContents contents = simulated_contents(groups, {window_seconds, 121});
    if (half_seen) see_half(contents);
    for (std::uint32_t id = 101; id <= 103; ++id) {
        contents.locations[LocationId(id)] = {LocationId(id), {}, id, true, true, {}};
        for (StackHistory& stack : contents.stacks) stack.record.locations.emplace_back(id);
    }
    std::vector<ReportStack> stacks = build_report(contents, ReportOptions{}).stacks;
    std::ranges::sort(stacks, {}, [](const ReportStack& stack) { return stack.frames[0].offset; });
    return stacks;
}

TEST(Clusters, CallsThatWereCountedTellWhatIsInStepWithTheirs) {
    const auto stacks = stacks_of({leaked(100), leaked(300)}, true);
    ASSERT_TRUE(stacks[0].counted);
    ASSERT_TRUE(stacks[1].counted);
    // One block a call: 1 in half a second that is seen, and 4 in another.
    EXPECT_NEAR(stacks[0].growth.bytes_per_second, 100 * (120 + 480) / 60.0, 10);
    EXPECT_NEAR(stacks[1].growth.bytes_per_second, 3 * stacks[0].growth.bytes_per_second, 1);
    EXPECT_GT(stacks[1].growth.low, 2.9 * stacks[0].growth.low);
    EXPECT_LT(stacks[1].growth.high, 3.1 * stacks[0].growth.high);
}

TEST(Clusters, LargeBlocksThatGoWithALeakAreOfTheLeak) {
    const auto stacks = stacks_of({leaked(65'536), leaked(40)});
    EXPECT_EQ(stacks[1].verdict, Verdict::leak);
    EXPECT_EQ(stacks[0].verdict, Verdict::leak);
    EXPECT_THAT(stacks[0].reason, HasSubstr("which leaks"));
    EXPECT_EQ(stacks[0].evidence.cluster, stacks[1].evidence.cluster);
}

TEST(Clusters, AFewBlocksOfEachObjectThatLeaksAreOfTheLeak) {
    std::vector<SimulatedBlock> documents;
    std::vector<SimulatedBlock> nodes;
    // 40 at random moments, with six nodes each.
    for (int i = 0; i < 40; ++i) {
        const double born = 1.5 * i + 1.4 * std::fmod(0.618 * i, 1.0);
        documents.push_back({born, for_ever, 100});
        for (int node = 0; node < 6; ++node) nodes.push_back({born + 0.001, for_ever, 40});
    }
    const auto stacks = stacks_of({documents, nodes});
    EXPECT_NE(stacks[0].evidence.cluster, 0U);
    EXPECT_EQ(stacks[0].evidence.cluster, stacks[1].evidence.cluster);
}

TEST(Clusters, LargeBlocksOfTheirOwnPaceMayBeAPool) {
    std::vector<SimulatedBlock> pool = leaked(65'536);
    pool.resize(pool.size() * 2 / 3);
    for (std::size_t i = 0; i < pool.size(); ++i)
        pool[i].born = 0.1 + 0.75 * static_cast<double>(i);
    const auto stacks = stacks_of({pool, leaked(40)});
    EXPECT_EQ(stacks[1].verdict, Verdict::leak);
    EXPECT_EQ(stacks[0].verdict, Verdict::growing);
    EXPECT_THAT(stacks[0].reason, HasSubstr("a pool"));
    EXPECT_EQ(stacks_of({leaked(65'536)})[0].verdict, Verdict::growing);
}

TEST(Clusters, LargeBlocksOfAllSizesAreNoPool) {
    std::vector<SimulatedBlock> images = leaked(65'536);
    for (std::size_t i = 0; i < images.size(); ++i) images[i].bytes += 10'000 * (i % 7);
    EXPECT_EQ(stacks_of({images})[0].verdict, Verdict::leak);
}

TEST(Clusters, WhatEndsWithAllTheOthersIsNoLeak) {
    // A start-up of two thirds of the window, with pauses: most of it grows up to the end of that.
    std::vector<SimulatedBlock> all;
    for (double t = 0.1; t < 40; t += 0.05) all.push_back({t, for_ever, 200});
    std::vector<SimulatedBlock> part;
    for (double t = 1; t < 40; t += 0.5)
        if (t < 8 || t > 23) part.push_back({t, for_ever, 200});
    const auto starting = stacks_of({part, all});
    EXPECT_EQ(starting[0].verdict, Verdict::growing);
    EXPECT_THAT(starting[0].reason, HasSubstr("since all stacks together have not grown"));
    const auto beside_a_leak = stacks_of({leaked(40), all});
    EXPECT_EQ(beside_a_leak[0].verdict, Verdict::leak);
    EXPECT_EQ(beside_a_leak[1].verdict, Verdict::warming);
}

TEST(Clusters, WhatGrowsFromWhereALeakIsIsOfTheLeak) {
    const auto stack = [](Verdict verdict, std::uint64_t freed, const char* function) {
        ReportStack made;
        made.id = function;
        made.verdict = verdict;
        made.totals.freed_count = freed;
        made.growth.low = 1;
        made.frames = {{.function = "malloc"}, {.function = function}};
        made.culprit = 1;
        return made;
    };
    Report report;
    report.stacks = {stack(Verdict::leak, 0, "f"), stack(Verdict::growing, 0, "f"),
                     stack(Verdict::growing, 1, "f"), stack(Verdict::growing, 0, "g"),
                     stack(Verdict::warming, 0, "f")};
    join_places(report);
    EXPECT_EQ(report.stacks[1].verdict, Verdict::leak);
    EXPECT_THAT(report.stacks[1].reason, HasSubstr("from the same place as stack f"));
    for (const std::size_t other : {2, 3})
        EXPECT_EQ(report.stacks[other].verdict, Verdict::growing);
    EXPECT_EQ(report.stacks[4].verdict, Verdict::warming);
}

}  // namespace
}  // namespace seep
