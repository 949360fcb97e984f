// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/confirmation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/growth.h"
#include "claimed_report.h"

namespace seep {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(Confirmation, WhatTheMemoryShowsIsALeak) {
    const Report report = confirmed({leak("a", 1000)}, 1050, 950);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::leak);
    EXPECT_THAT(report.stacks[0].reason, HasSubstr("which without it nothing would explain"));
}

TEST(Confirmation, WhatTheMemoryDoesNotShowIsOpen) {
    EXPECT_EQ(verdict_of({leak("a", 1000)}, 600, 400), Verdict::growing);
    for (const auto& [memory, lately] : {std::pair{0, 0}, {-1000, 0}, {1000, 0}})
        EXPECT_EQ(verdict_of({leak("a", 1000)}, memory, lately), Verdict::undetermined)
            << memory << " " << lately;
    Report uncertain = confirmed({}, 1000, 1000);
    uncertain.memory.anonymous_lately.low = -10;
    uncertain.stacks = {leak("a", 1000)};
    confirm_by_memory(uncertain);
    EXPECT_EQ(uncertain.stacks[0].verdict, Verdict::growing);
    EXPECT_THAT(uncertain.stacks[0].reason, HasSubstr("does not grow for certain"));
    EXPECT_THAT(confirmed({leak("a", 1000)}, 0, 0).stacks[0].reason,
                AllOf(HasSubstr("an hour at most"), Not(HasSubstr("does not grow for certain"))));
}

TEST(Confirmation, WhatMayBeAnothersIsOpen) {
    // As much memory as either of them claims: each may be the one that is not true.
    EXPECT_EQ(verdict_of({leak("a", 1000), leak("b", 1000)}, 1000, 1000), Verdict::growing);
    EXPECT_EQ(verdict_of({leak("a", 1000), other("b", 1000)}, 1000, 1000), Verdict::growing);
    EXPECT_EQ(verdict_of({leak("a", 1000), leak("b", 1000)}, 2000, 2000), Verdict::leak);
    // Without the greater one the memory would not have grown as it did; without the lesser it may.
    const Report report = confirmed({leak("a", 1000), leak("b", 300)}, 1000, 1000);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::leak);
    EXPECT_EQ(report.stacks[1].verdict, Verdict::growing);
    EXPECT_THAT(report.stacks[1].reason, HasSubstr("tells too little of this one"));
}

TEST(Confirmation, WhereNextToNothingIsReplacedASmallPartIsTold) {
    // The lesser one's 100 blocks are less than the tenth that may be wrong by the claims alone.
    const auto second = [](std::optional<double> most_replaced, double memory) {
        Report report;
        report.sampling.most_replaced = most_replaced;
        confirm(report, {leak("a", 1000), leak("b", 50)}, memory, memory);
        return report.stacks[1].verdict;
    };
    EXPECT_EQ(second(std::nullopt, 1060), Verdict::growing);
    EXPECT_EQ(second(24, 1060), Verdict::leak);
    EXPECT_EQ(second(26, 1060), Verdict::growing);
    EXPECT_EQ(second(0, 1000), Verdict::growing);  // the memory lacks the most of it
}

TEST(Confirmation, ClaimsOfBlocksThatAreSeenToDieAreLeftOut) {
    // Values that are replaced all the time, beside a leak none of whose 100 blocks comes back.
    ReportStack replaced = other("b", 50'000);
    replaced.returned_count = 50;
    const Report report = confirmed({leak("a", 1000), replaced}, 1000, 1000);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::leak);
    EXPECT_NE(report.stacks[1].verdict, Verdict::leak);

    ReportStack returning = leak("a", 1000);
    returning.returned_count = 1;
    EXPECT_EQ(verdict_of({returning, replaced}, 1000, 1000), Verdict::growing);
    ReportStack few = leak("a", 1000);  // a third of them would come back: of 11, by chance none
    few.totals.lapsed_count = few.totals.allocated_count = 11;
    EXPECT_EQ(verdict_of({few, replaced}, 1000, 1000), Verdict::growing);
    // The memory grows by far more than this one: for the other's sake, maybe.
    EXPECT_EQ(verdict_of({leak("a", 1000), replaced}, 3500, 3500), Verdict::growing);
    // Nobody's blocks are seen to die.
    EXPECT_EQ(verdict_of({leak("a", 1000), other("b", 50'000)}, 1000, 1000), Verdict::growing);
}

TEST(Confirmation, WhatIsSeenToStayIsALeakWhateverElseGrows) {
    const auto verdict_beside = [](const ReportStack& stack, double most_replaced, double memory) {
        Report report;
        report.sampling.most_replaced = most_replaced;
        confirm(report, {stack}, memory, memory);
        return report.stacks[0].verdict;
    };
    const ReportStack staying = looked_at(leak("a", 1000), 1, false);
    EXPECT_EQ(verdict_beside(staying, 24, 10'000), Verdict::leak);
    EXPECT_EQ(verdict_beside(leak("a", 1000), 24, 10'000), Verdict::growing);
    EXPECT_EQ(verdict_beside(looked_at(leak("a", 1000), 0.7, false), 24, 10'000), Verdict::growing);
    // A full cache that keeps its entries for long replaces as many.
    EXPECT_EQ(verdict_beside(staying, 26, 10'000), Verdict::growing);
    EXPECT_NE(verdict_beside(staying, 24, 0), Verdict::leak) << "nothing grows";
    // Where one block of ten was seen to be free later, the others may be taken for their
    // successors.
    ReportStack returning = staying;
    returning.returned_count = 10;
    EXPECT_EQ(verdict_beside(returning, 24, 10'000), Verdict::growing);
}

TEST(Confirmation, WhatIsLeftOfDyingBlocksMayTakeMemoryToo) {
    // The memory, which grows by twice as much, tells the rate of the one only if the other has no
    // part in it.
    const auto rate_beside = [](double left) {
        ReportStack dying = looked_at(other("b", left), 0.5, true);
        dying.growth.low = 0;
        dying.verdict = Verdict::undetermined;
        return confirmed({leak("a", 1000), dying}, 2000, 2000).stacks[0].growth.bytes_per_second;
    };
    EXPECT_NEAR(rate_beside(1), 2000, 10);
    EXPECT_EQ(rate_beside(1000), 1000);
}

TEST(Confirmation, WhatIsLostIsALeakWhateverTheMemory) {
    ReportStack lost = looked_at(leak("a", 100), 0.1, true);
    lost.is_lost = true;
    EXPECT_EQ(verdict_of({lost}, 0, 0), Verdict::leak);
    EXPECT_EQ(verdict_of({lost, other("b", 10'000)}, 500, 500), Verdict::leak);
    // Its rate is told by the memory, if nothing else grows.
    lost.growth = growth(10'000);
    const Report report = confirmed({lost}, 15'000, 15'000);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::leak);
    EXPECT_NEAR(report.stacks[0].growth.bytes_per_second, 15'000, 100);
    EXPECT_THAT(report.stacks[0].reason, HasSubstr("of which its rate is the part"));
}

TEST(Confirmation, MemoryThatHasCeasedToGrowConfirmsNothing) {
    Report report = confirmed({}, 1000, 1000);
    report.memory.anonymous_paused_seconds = 6;
    report.sampling.most_replaced = 0;
    report.stacks = {looked_at(leak("a", 1000), 1, false)};
    confirm_by_memory(report);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::growing);
    EXPECT_THAT(report.stacks[0].reason, HasSubstr("but not in the last 6 s"));
}

TEST(Confirmation, WhatTheHeapHasMoreOfIsALeakUnlessItHalted) {
    Report report;
    ReportStack stack = leak("a", 1000);
    stack.in_heap = true;
    confirm(report, {stack}, 500, 0);
    EXPECT_NE(report.stacks[0].verdict, Verdict::leak);  // others can have all of that
    stack.surely_in_heap = true;
    confirm(report, {stack}, 500, 0);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::leak);
    report.memory.anonymous_paused_seconds = 6;
    confirm(report, {stack}, 500, 0);
    EXPECT_NE(report.stacks[0].verdict, Verdict::leak);
}

TEST(Confirmation, MemoryThatGrowsInFewStepsTellsNothing) {
    Report report = confirmed({}, 1000, 1000);
    report.memory.anonymous_steps = 7;
    report.stacks = {leak("a", 1000)};
    confirm_by_memory(report);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::growing);
    EXPECT_THAT(report.stacks[0].reason, HasSubstr("in 7 steps or so"));
}

TEST(Confirmation, MemoryThatGrowsForAnotherReasonTellsNothing) {
    EXPECT_EQ(verdict_of({leak("a", 1000)}, 5000, 5000), Verdict::growing);
}

TEST(Confirmation, WhereWindowsSlowTheTargetDownTheMemoryTellsTheRate) {
    Report report;
    report.sampling.rate_scale.known = false;
    confirm(report, {leak("a", 3), other("b", 1)}, 4000, 4000);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::leak);
    confirm(report, {leak("a", 4)}, 4000, 4000);
    EXPECT_NEAR(report.stacks[0].growth.bytes_per_second, 4000 / 1.0016, 1e-6);
}

TEST(Confirmation, StacksOfOneCauseAreWeighedTogether) {
    // Each of twenty is less than what the estimates may be off by.
    std::vector<ReportStack> apart;
    std::vector<ReportStack> together;
    for (int i = 0; i < 20; ++i) {
        apart.push_back(leak(std::to_string(i).c_str(), 100));
        together.push_back(leak("a", 100));
    }
    EXPECT_EQ(verdict_of(apart, 2000, 2000), Verdict::growing);
    EXPECT_EQ(verdict_of(together, 2000, 2000), Verdict::leak);
    for (ReportStack& stack : apart) stack.evidence.cluster = 1;
    EXPECT_EQ(verdict_of(apart, 2000, 2000), Verdict::leak);
}

TEST(Confirmation, SmallBlocksTakeMoreThanWasAskedFor) {
    // 24 bytes a block on top of 24: the greater stack takes all of the memory.
    ReportStack small = other("b", 1000);
    small.totals.allocated_count = small.totals.allocated_bytes / 24;
    EXPECT_EQ(verdict_of({leak("a", 700), small}, 2000, 2000), Verdict::growing);
    EXPECT_EQ(verdict_of({leak("a", 700), other("b", 1000)}, 2000, 2000), Verdict::leak);
}

TEST(Confirmation, TheMemoryTellsTheRateOfNearlyAllThatGrows) {
    // With each block of 10,000 bytes, 16 more are the allocator's.
    const Growth alone = confirmed({leak("a", 1000)}, 1500, 1500).stacks[0].growth;
    EXPECT_NEAR(alone.bytes_per_second, 1500 / 1.0016, 1e-9);
    constexpr double fragmented = 1.05;
    EXPECT_NEAR(alone.low, 0.9 * 1500 / 1.0016 / fragmented, 1e-9);
    EXPECT_NEAR(alone.high, 1.1 * 1500 / 1.0016 * fragmented, 1e-9);
    // None to 24, where their sizes differ.
    ReportStack mixed = leak("a", 1000);
    ++mixed.totals.allocated_bytes;
    const Growth of_mixed = confirmed({mixed}, 1500, 1500).stacks[0].growth;
    EXPECT_NEAR(of_mixed.bytes_per_second, 1500 / 1.0016, 0.01);
    EXPECT_NEAR(of_mixed.low, 0.9 * 1500 / 1.0024 / fragmented, 0.01);
    EXPECT_NEAR(of_mixed.high, 1.1 * 1500 * fragmented, 1e-9);
    // A seventh is open: it may be true, or not.
    const Report beside = confirmed({leak("a", 1200), other("b", 200)}, 2800, 2800);
    EXPECT_NEAR(beside.stacks[0].growth.bytes_per_second, 2400, 5);
    EXPECT_LT(beside.stacks[0].growth.low, 0.9 * 2400 * 0.87);
    EXPECT_EQ(beside.stacks[1].growth.bytes_per_second, 200);
    const Report open = confirmed({leak("a", 1000), other("b", 500)}, 1500, 1500);
    EXPECT_EQ(open.stacks[0].verdict, Verdict::leak);
    EXPECT_EQ(open.stacks[0].growth.bytes_per_second, 1000);
}

TEST(Confirmation, TheIntervalTakesInWhatWasSeenUnlessThatContradictsTheMemory) {
    ReportStack seen = leak("a", 1000);
    seen.growth.high = 2000;
    const auto by_memory = [&](bool known) {
        Report report;
        report.sampling.rate_scale.known = known;
        confirm(report, {seen}, 1500, 1500);
        return report.stacks[0].growth;
    };
    EXPECT_NEAR(by_memory(true).bytes_per_second, 1500 / 1.0016, 1e-9);
    EXPECT_EQ(by_memory(true).low, 1000);
    EXPECT_GT(by_memory(false).low, 1200) << "a pace that is not known says nothing";
    seen.growth.high = 1100;
    EXPECT_GT(by_memory(true).low, 1200);
}

TEST(Confirmation, LargeBlocksThatStayNeedNotBeTouched) {
    const auto rate_of = [](std::uint64_t block_bytes, double share_there) {
        ReportStack stack = looked_at(leak("a", 10'000), share_there, false);
        stack.totals.allocated_bytes = stack.totals.lapsed_bytes =
            block_bytes * stack.totals.allocated_count;
        Report report;
        report.sampling.most_replaced = 0;
        confirm(report, {stack}, 5'000, 5'000);
        return report.stacks[0].growth.bytes_per_second;
    };
    EXPECT_EQ(rate_of(20'000, 1), 10'000);
    EXPECT_LT(rate_of(8'000, 1), 5'100);
    EXPECT_LT(rate_of(20'000, 0.7), 5'100);
}

TEST(Confirmation, OfALargeBlockThatStaysAPageIsEnough) {
    const auto judged = [](std::uint64_t block_bytes, double memory) {
        ReportStack stack = looked_at(leak("a", 10'000), 1, false);
        stack.evidence.staying->sure = false;
        stack.totals.allocated_bytes = stack.totals.lapsed_bytes =
            block_bytes * stack.totals.allocated_count;
        return confirmed({stack}, memory, memory).stacks[0];
    };
    EXPECT_EQ(judged(20'000, 3'000).verdict, Verdict::leak);
    EXPECT_EQ(judged(20'000, 3'000).growth.bytes_per_second, 10'000);
    EXPECT_EQ(judged(20'000, 900).verdict, Verdict::growing);
    EXPECT_NE(judged(8'000, 3'000).verdict, Verdict::leak);
}

TEST(Confirmation, WhereLeaksAreAloneTheMemoryTellsThemIfChanceMakesTheDifference) {
    const auto rate_of = [](double memory, bool something_else) {
        ReportStack stack = looked_at(leak("a", 1000), 1, false);
        stack.growth.low = 800;
        stack.growth.high = 1250;
        Report report;
        report.sampling.by_calls = true;
        report.sampling.most_replaced = 0;
        std::vector<ReportStack> stacks = {stack};
        if (something_else) {
            stacks.push_back(other("b", 0));
            stacks.back().verdict = Verdict::steady;
        }
        confirm(report, stacks, memory, memory);
        return report.stacks[0].growth.bytes_per_second;
    };
    EXPECT_GT(rate_of(1100, false), 1050);
    EXPECT_EQ(rate_of(1240, false), 1000) << "more than a standard deviation away";
    EXPECT_EQ(rate_of(1100, true), 1000);
}

TEST(Confirmation, WhatGrowsInLargeBlocksIsNotBoundedByTheMemory) {
    const auto judged = [](std::uint64_t block_bytes, double share_there) {
        ReportStack stack = looked_at(leak("a", 10'000), share_there, false);
        stack.seen_to_leak = false;
        stack.totals.allocated_bytes = stack.totals.lapsed_bytes =
            block_bytes * stack.totals.allocated_count;
        Report report;
        report.sampling.most_replaced = 0;
        report.sampling.observed_share = 0.1;
        confirm(report, {stack}, 3'000, 3'000);
        return report.stacks[0];
    };
    EXPECT_EQ(judged(20'000, 1).growth.bytes_per_second, 10'000);
    EXPECT_GT(judged(20'000, 1).growth.low, 0);
    EXPECT_EQ(judged(8'000, 1).growth.low, 0);
    EXPECT_LT(judged(20'000, 0.7).growth.bytes_per_second, 10'000);
}

TEST(Confirmation, ARateThatTheMemoryAgreesWithStays) {
    ReportStack seen = leak("a", 1000);
    seen.growth.low = 910;  // better known than the memory's growth
    EXPECT_EQ(confirmed({seen}, 1090, 1090).stacks[0].growth.bytes_per_second, 1000);
    // In ten seconds, the kernel may miscount by more than the difference.
    Report report;
    report.window_end_ns = 10'000'000'000;
    report.snapshots = 2 * least_snapshots;
    report.memory.anonymous_steps = 8;
    report.memory.anonymous = report.memory.anonymous_lately = growth(60'000);
    report.stacks = {leak("a", 45'000)};
    report.stacks[0].growth.low = 42'000;
    confirm_by_memory(report);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::leak);
    EXPECT_EQ(report.stacks[0].growth.bytes_per_second, 45'000);
}

TEST(Confirmation, WhatDoesNotGrowForCertainClaimsNothing) {
    ReportStack uncertain = other("b", 5000);
    uncertain.growth.low = 0;
    EXPECT_EQ(verdict_of({leak("a", 1000), uncertain}, 1000, 1000), Verdict::leak);
}

TEST(Confirmation, TooFewSnapshotsTellNothing) {
    Report report;
    report.snapshots = 2 * least_snapshots - 1;
    report.memory.anonymous = report.memory.anonymous_lately = growth(1000);
    report.stacks = {leak("a", 1000)};
    confirm_by_memory(report);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::growing);
}

TEST(Confirmation, WhatHardlyStaysDoesNotGrowWhereTheMemoryDoesNot) {
    const auto verdict = [](double share, double larger) {
        ReportStack stack = looked_at(other("a", 1000), share, false);
        stack.growth.bytes = 100'000;
        Report report = confirmed({}, 0, 0);
        report.memory.anonymous = report.memory.anonymous_lately = {
            .low = -10'000, .high = 10'000, .bytes = static_cast<std::int64_t>(larger)};
        report.stacks = {std::move(stack)};
        confirm_by_memory(report);
        return report.stacks[0].verdict;
    };
    EXPECT_EQ(verdict(0.1, 0), Verdict::undetermined);
    EXPECT_EQ(verdict(0.5, 0), Verdict::growing);
    EXPECT_EQ(verdict(0.1, 100'000), Verdict::growing);
}

TEST(Confirmation, OnlyWhatWasSeenToLeakIsJudged) {
    EXPECT_EQ(verdict_of({other("a", 1000)}, 1000, 1000), Verdict::growing);
}

}  // namespace
}  // namespace seep
