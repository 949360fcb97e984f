// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/bounds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/confirmation.h"
#include "analysis/growth.h"
#include "claimed_report.h"

namespace seep {
namespace {

using testing::HasSubstr;

TEST(Bounds, NothingGrowsByMoreThanItsMemory) {
    // A full cache claims all that it allocates.
    const Report full = confirmed({other("a", 100'000)}, 0, 0);
    EXPECT_EQ(full.stacks[0].verdict, Verdict::undetermined);
    EXPECT_THAT(full.stacks[0].reason, HasSubstr("grows by 922 KiB an hour at most"));
    EXPECT_EQ(full.stacks[0].growth.low, 0);
    EXPECT_LT(full.stacks[0].growth.high, 263);
    // So does one that was filled in the first half of the window.
    const Report filled = confirmed({other("a", 100'000)}, 60'000, 0);
    EXPECT_EQ(filled.stacks[0].verdict, Verdict::undetermined);
    EXPECT_LT(filled.stacks[0].growth.high, 263);
    const Report filling = confirmed({other("a", 100'000)}, 60'000, 60'000);
    EXPECT_EQ(filling.stacks[0].verdict, Verdict::growing);
    EXPECT_NEAR(filling.stacks[0].growth.bytes_per_second, 60'000, 1);
    EXPECT_NEAR(filling.stacks[0].growth.high, 66'262, 1);
    // That its growth is ending is known better by itself.
    ReportStack ending = other("a", 100'000);
    ending.verdict = Verdict::warming;
    EXPECT_EQ(confirmed({ending}, 60'000, 0).stacks[0].verdict, Verdict::warming);
    // Less than it may have grown by.
    EXPECT_EQ(confirmed({other("a", 1000)}, 500, 1000).stacks[0].growth.bytes_per_second, 1000);
}

TEST(Bounds, WhatReplacesBlocksFromBeforeGrowsByNoMoreThanItsMemory) {
    const auto verdict = [](std::uint64_t unmatched_frees) {
        Report report;
        report.window_end_ns = 1'000'000'000'000;
        report.snapshots = 2 * least_snapshots;
        report.memory.anonymous_bytes = 100'000'000;
        report.memory.anonymous = report.memory.anonymous_lately = growth(1'000);
        report.losses[SEEP_LOSS_UNMATCHED_FREES] = unmatched_frees;
        report.stacks = {other("cache", 1'000'000)};
        report.stacks[0].growth.bytes = 1'000'000;  // in 100 blocks
        confirm_by_memory(report);
        return report.stacks[0].verdict;
    };
    EXPECT_EQ(verdict(90), Verdict::undetermined);
    EXPECT_EQ(verdict(10), Verdict::growing);
}

TEST(Bounds, UnknownMemoryBoundsNothing) {
    Report report;
    report.snapshots = 2 * least_snapshots;
    report.sampling.observed_share = 0.5;
    report.stacks = {other("a", 100'000)};
    confirm_by_memory(report);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::growing);
    EXPECT_EQ(report.stacks[0].growth.bytes_per_second, 100'000);
}

TEST(Bounds, TheProcessGrowsByNoMoreThanItsMemory) {
    Report report = confirmed({}, 0, 0);
    report.verdict = "growing";
    report.memory.heap = growth(100'000);
    confirm_by_memory(report);
    EXPECT_EQ(report.verdict, "undetermined");
    report.verdict = "growing";
    report.memory.anonymous = report.memory.anonymous_lately = growth(100'000);
    confirm_by_memory(report);
    EXPECT_EQ(report.verdict, "growing");
}

/// Both leak, by blocks of 10,000 bytes; all blocks together became so many more a second.
Report balanced(std::vector<ReportStack> stacks, double memory, NetBlocks net) {
    Report report;
    report.sampling.net_blocks = net;
    confirm(report, std::move(stacks), memory, memory);
    return report;
}

TEST(Bounds, WhatIsFreedAsOftenAsAllocatedIsReplaced) {
    // Of 10 blocks a second, 0.5 at most are not: a pool beside something that takes the memory.
    const Report report = balanced({leak("pool", 100'000)}, 100'000, {.more = 0.2, .most = 0.5});
    EXPECT_EQ(report.stacks[0].verdict, Verdict::undetermined);
    EXPECT_NEAR(report.stacks[0].growth.high, 5'000, 1e-6);
    EXPECT_NEAR(report.stacks[0].growth.bytes_per_second, 2'000, 1e-6);
    EXPECT_THAT(report.stacks[0].reason, HasSubstr("blocks a second more at most"));

    const Report leaking = balanced({leak("a", 100'000)}, 100'000, {.more = 9, .most = 12});
    EXPECT_EQ(leaking.stacks[0].verdict, Verdict::leak);
}

TEST(Bounds, WhatAllBecameMoreByIsOfTheOnlyOneThatHasSoMany) {
    // Of its 10 blocks a second, most are replaced; but 1.5 to 2.5 are not, and nothing else grows.
    const NetBlocks net{.least = 1.5, .more = 2, .most = 2.5};
    const Report alone = balanced({leak("a", 100'000)}, 20'500, net);
    EXPECT_EQ(alone.stacks[0].verdict, Verdict::leak);
    EXPECT_NEAR(alone.stacks[0].growth.bytes_per_second, 20'000, 1'500);

    ReportStack maybe = other("b", 0);
    maybe.growth = {.bytes_per_second = 10'000, .low = -5'000, .high = 20'000};
    const Report beside = balanced({leak("a", 100'000), maybe}, 20'500, net);
    EXPECT_EQ(beside.stacks[0].verdict, Verdict::undetermined);
    EXPECT_EQ(beside.stacks[0].growth.low, 0);
}

TEST(Bounds, WhatIsNeverFreedMayFillWhatTheHeapHadFree) {
    const auto bounded = [](std::uint64_t freed) {
        ReportStack stack = leak("a", 100'000);
        stack.totals.freed_count = freed;
        return balanced({stack}, 40'000, {.more = 9, .most = 12}).stacks[0].growth;
    };
    EXPECT_EQ(bounded(0).low, 0);
    EXPECT_NEAR(bounded(0).bytes_per_second, 100'000, 1e-6);
    EXPECT_NEAR(bounded(1).bytes_per_second, 40'000, 1e-6);
}

TEST(Bounds, WhatFillsWhatTheHeapHadFreeGrowsIfItIsSeenToStay) {
    const auto verdict_of_filling = [](const ReportStack& stack) {
        return balanced({stack}, 0, {.more = 9, .most = 12}).stacks[0].verdict;
    };
    EXPECT_EQ(verdict_of_filling(leak("a", 100'000)), Verdict::undetermined);
    EXPECT_EQ(verdict_of_filling(looked_at(leak("a", 100'000), 1, false)), Verdict::growing);
    EXPECT_EQ(verdict_of_filling(looked_at(leak("a", 100'000), 0.7, false)), Verdict::undetermined);
}

TEST(Bounds, WhereTheMemoryGrewAndHaltedNothingFillsWhatTheHeapHadFree) {
    // A cache that is full since: none of what was seen to come was old enough to be evicted yet.
    Report report;
    report.sampling.net_blocks = {.more = 9, .most = 12};
    report.memory.anonymous_paused_seconds = 300;
    confirm(report, {looked_at(leak("a", 100'000), 1, false)}, 70'000, 0);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::undetermined);
    EXPECT_LT(report.stacks[0].growth.high, 1'000);
}

TEST(Bounds, WhatTheHeapHadMoreUntilItHaltedIsNoRate) {
    // A cache of blocks of one size that became full: it has claimed what there was more of it.
    Report report;
    ReportStack cache = other("a", 100'000);
    cache.in_heap = true;
    HeapInUseGrowth heap{.bytes = 70'000'000, .most_at_end = 700.0};
    heap.growth = heap.lately = growth(60'000);
    report.memory.in_use = heap;
    confirm(report, {cache}, 60'000, 50'000);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::growing);
    report.memory.anonymous_paused_seconds = 400;
    confirm(report, {cache}, 60'000, 50'000);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::undetermined);
    EXPECT_LE(report.stacks[0].growth.high, 700);
}

TEST(Bounds, WhatTheHeapMayHaveHadMoreOfOnceNeedNotGoOn) {
    const auto verdict = [](double least_lately) {
        Report report;
        HeapInUseGrowth heap{.bytes = 70'000'000};
        heap.growth = growth(60'000);
        heap.lately = {.bytes_per_second = 40'000, .low = least_lately, .high = 80'000};
        report.memory.in_use = heap;
        ReportStack cache = other("a", 100'000);
        cache.totals.allocated_count = cache.totals.lapsed_count = 1000;
        cache.totals.allocated_bytes = cache.totals.lapsed_bytes = 100'000;
        confirm(report, {cache}, 60'000, 40'000);
        EXPECT_EQ(report.stacks[0].growth.low, 0);
        return report.stacks[0].verdict;
    };
    EXPECT_EQ(verdict(30'000), Verdict::growing);
    EXPECT_EQ(verdict(-10'000), Verdict::undetermined);
}

TEST(Bounds, LargeBlocksThatGlibcKeepsInItsHeapsAreHeldAgainstThose) {
    // Of 200 KiB, half of which is touched.
    Report report;
    ReportStack large = other("a", 100'000);
    large.totals.allocated_bytes = large.totals.lapsed_bytes = 100 * 200'000;
    HeapInUseGrowth heap{.bytes = 70'000'000};
    heap.growth = heap.lately = growth(100'500);
    report.memory.in_use = heap;
    confirm(report, {large}, 50'000, 50'000);
    EXPECT_NEAR(report.stacks[0].growth.bytes_per_second, 100'000, 1);
    report.memory.in_use->growth = report.memory.in_use->lately = growth(1000);
    confirm(report, {large}, 50'000, 50'000);
    EXPECT_NEAR(report.stacks[0].growth.bytes_per_second, 50'000, 1'000);
}

TEST(Bounds, WhatGoesOnDoesSoSinceTheMemoryHalted) {
    // In the later half it grew on for a while.
    Report report;
    report.memory.anonymous_paused_seconds = 400;
    report.memory.anonymous_paused_bytes = 10'000;
    confirm(report, {other("a", 100'000)}, 70'000, 50'000);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::undetermined);
    EXPECT_LT(report.stacks[0].growth.high, 700);
}

TEST(Bounds, NothingIsToldToGrowByFarMoreThanTheMemory) {
    ReportStack stack = other("a", 100'000);
    stack.growth.high = 300'000;
    const Growth growth = confirmed({stack}, 85'000, 85'000).stacks[0].growth;
    const double room = 1'310'720 / 1000.0;  // 256 KiB and 1 MiB in 1,000 s
    EXPECT_NEAR(growth.high, 1.1 * 85'000 + room, 1e-6);
    EXPECT_NEAR(growth.bytes_per_second, growth.high, 1e-6);
    EXPECT_NEAR(growth.low, 90'000, 1e-6);
}

TEST(Bounds, WhatTheMemoryShowsOfNoneInAllIsOfNoneForCertain) {
    // Each claims less than the 262 bytes a second that the kernel may miscount.
    Report few;
    ReportStack small = other("a", 200);
    confirm(few, {small}, 0, 0);
    EXPECT_EQ(few.stacks[0].verdict, Verdict::growing);
    std::vector<ReportStack> many;
    for (const char* name : {"a", "b", "c", "d"}) many.push_back(other(name, 200));
    Report all;
    confirm(all, many, 0, 0);
    EXPECT_EQ(all.stacks[0].verdict, Verdict::undetermined);
    EXPECT_EQ(all.stacks[0].growth.low, 0);
    EXPECT_THAT(all.stacks[0].reason, HasSubstr("all that grows like this claims"));
    Report growing;
    confirm(growing, many, 300, 300);
    EXPECT_EQ(growing.stacks[0].verdict, Verdict::growing);
}

}  // namespace
}  // namespace seep
