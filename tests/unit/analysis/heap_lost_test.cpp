// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/heap_lost.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace seep {
namespace {

using testing::HasSubstr;

/// Blocks of 56 bytes, in chunks of 64, so many more a second.
ReportStack grows_by(double blocks, std::uint32_t cluster = 0) {
    ReportStack stack;
    stack.id = std::to_string(blocks);
    stack.kind = StackKind::heap;
    stack.layout = BlockLayout::header;
    stack.frames.push_back({.function = "malloc", .module = "libc.so.6"});
    stack.frames.push_back({.function = "f" + stack.id, .module = "program"});
    stack.culprit = 1;
    stack.totals.allocated_count = 1000;
    stack.totals.allocated_bytes = 56'000;
    stack.totals.allocated_squares = 1000 * 13;  // of 56 bytes, in units of 256, rounded up
    stack.verdict = Verdict::growing;
    stack.growth = {.bytes_per_second = 56 * blocks, .low = 50 * blocks, .high = 60 * blocks};
    stack.evidence.cluster = cluster;
    return stack;
}

/// So many more chunks of 64 bytes a second, and of these lost.
Report report_of(std::vector<ReportStack> stacks, double more, double lost) {
    Report report;
    report.window_end_ns = 100'000'000'000;
    report.stacks = std::move(stacks);
    HeapInUseGrowth& heap = report.memory.in_use.emplace();
    heap.sizes[64] = {more, more - 1, more + 1};
    heap.lost.emplace().sizes[64] = {lost, lost - 1, 1.5 * lost};
    return report;
}

TEST(HeapLost, WhatGrowsLeaksIfWhatIsNotLostIsTooLittleForIt) {
    Report report = report_of({grows_by(50)}, 50, 45);
    judge_by_lost_of_heap(report);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::leak);
    // 51 at most, 44 at least of which are lost.
    EXPECT_NEAR(*report.stacks[0].evidence.lost_of_heap, 43.0 / 50, 0.001);
    EXPECT_THAT(report.stacks[0].reason, HasSubstr("86 % of that at least is lost"));
}

TEST(HeapLost, WhatIsNotLostMayBeWhatGrows) {
    Report report = report_of({grows_by(20), grows_by(50)}, 70, 48);
    judge_by_lost_of_heap(report);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::growing);
    EXPECT_EQ(report.stacks[1].verdict, Verdict::leak);
}

TEST(HeapLost, WhatIsMostlyLostItselfHasWhatIsLostOfItsSizes) {
    Report report = report_of({grows_by(50)}, 50, 45);
    // Others come and go, so that nobody knows how many more there are.
    report.memory.in_use->sizes[64] = {50, -10'000, 10'000};
    judge_by_lost_of_heap(report);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::growing);
    report.stacks[0].reachability = {.looked = 19, .lost = 18};
    judge_by_lost_of_heap(report);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::leak);
    EXPECT_NEAR(*report.stacks[0].evidence.lost_of_heap, 45.0 / 50, 0.001);
    // But not if too little of it is.
    report = report_of({grows_by(50)}, 50, 20);
    report.stacks[0].reachability = {.looked = 19, .lost = 18};
    judge_by_lost_of_heap(report);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::growing);
}

TEST(HeapLost, WhatClaimsLessThanIsLostOfItsSizesIsToldWithThat) {
    Report report = report_of({grows_by(20)}, 50, 45);
    report.memory.in_use->sizes[64] = {50, -10'000, 10'000};
    report.stacks[0].reachability = {.looked = 20, .lost = 18};
    Report shared = report;
    judge_by_lost_of_heap(report);
    // A tenth of what is lost looks reached.
    EXPECT_NEAR(report.stacks[0].growth.bytes_per_second, 56 * 45 / 0.9, 1e-6);
    EXPECT_NEAR(report.stacks[0].growth.low, 56 * 44, 1e-6);
    EXPECT_NEAR(report.stacks[0].growth.high, 56 * 45 * 1.5, 1e-6);
    EXPECT_THAT(report.stacks[0].reason, HasSubstr("2.5 times as much is lost"));
    // Not if others of its size are lost, too.
    shared.stacks.push_back(grows_by(25));
    shared.stacks[1].reachability = {.looked = 20, .lost = 18};
    judge_by_lost_of_heap(shared);
    EXPECT_NEAR(shared.stacks[0].growth.bytes_per_second, 56 * 20, 1e-6);
}

TEST(HeapLost, WhatAloneIsLostIsBetweenThatAndWhatTheHeapHasMoreOf) {
    // Half of its blocks that were looked for were in hand; others come and go.
    const auto told = [](std::uint64_t lost_of_other) {
        ReportStack leak = grows_by(20);
        leak.growth.low = 1;
        leak.growth.high = 56.0 * 100;
        leak.reachability = {.looked = 20, .lost = 10};
        ReportStack other = grows_by(1);
        other.reachability = {.looked = 20, .lost = lost_of_other};
        Report report = report_of({leak, other}, 50, 45);
        report.memory.in_use->sizes[64] = {50, -10'000, 10'000};
        report.memory.in_use->lost->growth = {
            .bytes_per_second = 64 * 45, .low = 64 * 44, .high = 64 * 46};
        report.memory.in_use->growth = {
            .bytes_per_second = 64 * 56, .low = 64 * 50, .high = 64 * 60};
        judge_by_lost_of_heap(report);
        return report.stacks[0].growth;
    };
    // 45 are lost, 44 at least, and there are 56 more less the other's, 60 at most.
    EXPECT_NEAR(told(0).bytes_per_second, 56 * 50, 1e-6);
    EXPECT_NEAR(told(0).low, 56 * 44, 1e-6);
    EXPECT_NEAR(told(0).high, 56 * 59, 56);
    // Not where another loses, too.
    EXPECT_NEAR(told(1).bytes_per_second, 56 * 20, 1e-6);
}

TEST(HeapLost, InLockstepItIsAllOrNone) {
    Report report = report_of({grows_by(20, 1), grows_by(50, 1)}, 70, 60);
    judge_by_lost_of_heap(report);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::leak);
    EXPECT_EQ(report.stacks[1].verdict, Verdict::leak);
}

TEST(HeapLost, WhatClaimsMoreThanThereIsNeedNotBeLost) {
    Report report = report_of({grows_by(500)}, 10, 9);  // it replaces what was there before
    judge_by_lost_of_heap(report);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::growing);
}

TEST(HeapLost, WhatIsSurelyPointedToIsNotCalledLost) {
    Report report = report_of({grows_by(50)}, 50, 45);
    report.stacks[0].reachability = {.looked = 100, .all_known = true};
    judge_by_lost_of_heap(report);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::growing);
}

TEST(HeapLost, IsAShareOfWhatThereIsMore) {
    const Report report = report_of({}, 50, 45);
    EXPECT_NEAR(lost_share(*report.memory.in_use, {64}), 0.9, 1e-9);
    EXPECT_EQ(lost_share(*report.memory.in_use, {80}), 0);
    EXPECT_EQ(lost_share({}, {64}), 0);
}

}  // namespace
}  // namespace seep
