// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/staying.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "analysis/survival.h"

namespace seep {
namespace {

using testing::HasSubstr;

/// Looks a second after the window's end, and at twice the age each time: {looked, gone}.
StackRevisits looks(const std::vector<std::pair<std::uint64_t, std::uint64_t>>& each) {
    constexpr std::size_t first = 21;  // 2^20 to 2^21 microseconds
    StackRevisits revisits;
    revisits.sure.looked.resize(first + each.size());
    revisits.sure.gone.resize(first + each.size());
    for (std::size_t i = 0; i < each.size(); ++i)
        std::tie(revisits.sure.looked[first + i], revisits.sure.gone[first + i]) = each[i];
    return revisits;
}

const StackRevisits leaking = looks({{40, 0}, {40, 0}, {40, 0}, {40, 0}, {40, 0}, {40, 0}});
const StackRevisits replaced = looks({{40, 0}, {40, 0}, {40, 1}, {40, 5}, {40, 33}, {40, 40}});
const StackRevisits mixed =
    looks({{100, 60}, {100, 85}, {100, 87}, {100, 87}, {100, 87}, {100, 87}});

TEST(Staying, IsTheShareAtTheGreatestAge) {
    const auto seen = staying(mixed);
    ASSERT_TRUE(seen);
    // R: prop.test(13, 100, correct = FALSE)$conf.int
    EXPECT_NEAR(seen->survival.share, 0.13, 1e-9);
    EXPECT_NEAR(seen->survival.low, 0.077572, 1e-6);
    EXPECT_NEAR(seen->survival.high, 0.209804, 1e-6);
    EXPECT_NEAR(seen->survival.age_seconds, 33.554432, 1e-6);
    EXPECT_EQ(seen->blocks, 100);
    EXPECT_FALSE(seen->dying);
}

TEST(Staying, WhatIsReplacedGoesOnDying) {
    const auto seen = staying(replaced);
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->survival.share, 0);
    EXPECT_TRUE(seen->dying);
    EXPECT_FALSE(staying(leaking)->dying);
    EXPECT_EQ(staying(leaking)->survival.share, 1);
}

TEST(Staying, AFewLooksTellNothing) {
    EXPECT_FALSE(staying(StackRevisits{}));
    EXPECT_FALSE(staying(looks({{4, 4}, {4, 0}})));
    // Nor do the last few, where it ends earlier.
    EXPECT_NEAR(staying(looks({{40, 0}, {40, 0}, {4, 4}}))->survival.age_seconds, 2.097152, 1e-6);
}

TEST(Staying, ChanceIsNoDeath) {
    EXPECT_FALSE(staying(looks({{10, 0}, {10, 0}, {10, 1}}))->dying);
    EXPECT_TRUE(staying(looks({{10, 0}, {10, 0}, {10, 4}}))->dying);
    // 8 of 700 are left, and then 5 of 500.
    EXPECT_FALSE(staying(looks({{700, 692}, {700, 692}, {500, 495}}))->dying);
    EXPECT_TRUE(staying(looks({{20, 15}}))->dying) << "nothing to compare with but the beginning";
}

ReportStack claiming(const char* function, const StackRevisits& revisits) {
    ReportStack stack;
    stack.id = function;
    stack.verdict = Verdict::growing;
    stack.seen_to_leak = true;
    stack.growth = {.bytes_per_second = 1000, .low = 900, .high = 1100, .bytes = 60'000};
    stack.held_growth = stack.growth;
    stack.totals.allocated_count = stack.totals.lapsed_count = 100;
    stack.frames = {{.function = function, .module = "program"}};
    stack.revisits = revisits;
    return stack;
}

TEST(Staying, OfWhatIsReplacedOthersOfItsClusterAreTheSame) {
    const auto tell = [](const StackRevisits& of_another) {
        Report report;
        StackRevisits vague;  // stale words may be taken for it
        vague.vague = leaking.sure;
        for (const StackRevisits& revisits : {replaced, vague, of_another}) {
            report.stacks.push_back(claiming("entry", revisits));
            report.stacks.back().evidence.cluster = 1;
        }
        report.stacks.push_back(claiming("alone", vague));
        tell_replaced(report);
        return report;
    };
    Report report = tell({});
    EXPECT_TRUE(report.stacks[0].is_replaced);
    EXPECT_TRUE(report.stacks[1].is_replaced);
    EXPECT_FALSE(report.stacks[3].is_replaced);
    leave_out_gone(report);
    EXPECT_EQ(report.stacks[1].verdict, Verdict::steady);
    EXPECT_EQ(report.stacks[3].verdict, Verdict::growing);
    // Not if part of what is in step with it stays.
    report = tell(leaking);
    EXPECT_TRUE(report.stacks[0].is_replaced);
    EXPECT_FALSE(report.stacks[1].is_replaced);
}

ReportStack left_of(ReportStack stack) {
    Report report;
    report.stacks = {std::move(stack)};
    leave_out_gone(report);
    return report.stacks.front();
}

TEST(Staying, ALeakKeepsWhatItClaims) {
    const ReportStack stack = left_of(claiming("leak", leaking));
    EXPECT_EQ(stack.growth.bytes_per_second, 1000);
    EXPECT_GT(stack.growth.low, 800);
    EXPECT_EQ(stack.verdict, Verdict::growing);
    EXPECT_TRUE(stack.seen_to_leak);
    EXPECT_TRUE(is_seen_to_stay(stack, 60));
    EXPECT_FALSE(is_seen_to_stay(stack, 600)) << "not for long enough";
    EXPECT_THAT(stack.reason, HasSubstr("100 % were still there after 33.5s"));
}

TEST(Staying, OneOfManyMayBeLeftForAWhile) {
    const auto of_70 = [](std::uint64_t there) {
        return left_of(claiming("requests", looks({{70, 0}, {70, 70 - there}, {70, 70 - there}})));
    };
    EXPECT_FALSE(of_70(1).evidence.staying->dying);
    EXPECT_EQ(of_70(1).verdict, Verdict::undetermined);
    EXPECT_EQ(of_70(7).verdict, Verdict::growing);
}

TEST(Staying, WhatAnotherBlockMayBeTakenForIsNotSeenToStay) {
    StackRevisits vague;
    vague.vague = leaking.sure;
    const ReportStack stack = left_of(claiming("list", vague));
    EXPECT_EQ(stack.growth.bytes_per_second, 1000);
    EXPECT_FALSE(is_seen_to_stay(stack, 60));
    vague.vague = replaced.sure;
    EXPECT_EQ(left_of(claiming("list", vague)).growth.bytes_per_second, 0);
    // A few of many may be taken for others.
    vague.vague = mixed.sure;
    EXPECT_EQ(left_of(claiming("list", vague)).growth.low, 0);
    EXPECT_FALSE(left_of(claiming("list", vague)).seen_to_leak);
    EXPECT_EQ(left_of(claiming("list", vague)).verdict, Verdict::undetermined);
}

TEST(Staying, OneBlockAWindowMayHaveBeenInFlight) {
    const auto verdict = [](std::uint64_t blocks, const StackRevisits& revisits) {
        Report report;
        report.sampling.pauses = 5;
        ReportStack stack = claiming("document", revisits);
        stack.seen_to_leak = false;
        stack.totals.allocated_count = stack.totals.lapsed_count = blocks;
        report.stacks = {stack};
        leave_out_gone(report);
        return report.stacks.front().verdict;
    };
    EXPECT_EQ(verdict(5, {}), Verdict::undetermined);
    EXPECT_EQ(verdict(6, {}), Verdict::growing);
    EXPECT_EQ(verdict(5, leaking), Verdict::growing);
    // Of those of its kind that were looked at again, too many may be gone.
    EXPECT_EQ(verdict(5, mixed), Verdict::undetermined);
    EXPECT_EQ(verdict(6, mixed), Verdict::growing);
}

TEST(Staying, AFullCacheKeepsNothing) {
    const ReportStack stack = left_of(claiming("cache", replaced));
    EXPECT_EQ(stack.growth.bytes_per_second, 0);
    EXPECT_LE(stack.growth.low, 0);
    EXPECT_LT(stack.growth.high, 110);
    EXPECT_EQ(stack.verdict, Verdict::steady);
    EXPECT_FALSE(stack.seen_to_leak);
    EXPECT_FALSE(is_seen_to_stay(stack, 60));
}

TEST(Staying, ALeakAmongOthersKeepsItsPart) {
    const ReportStack stack = left_of(claiming("both", mixed));
    EXPECT_NEAR(stack.growth.bytes_per_second, 130, 1e-6);
    EXPECT_GT(stack.growth.low, 0);
    EXPECT_TRUE(stack.seen_to_leak);
    EXPECT_FALSE(is_seen_to_stay(stack, 60));
}

TEST(Staying, WhatWasInFlightIsNotLeftOutTwice) {
    ReportStack stack = claiming("both", mixed);
    stack.growth.bytes_per_second = 200;
    EXPECT_NEAR(left_of(stack).growth.bytes_per_second, 130, 1e-6);
    stack.growth.bytes_per_second = 100;
    EXPECT_EQ(left_of(stack).growth.bytes_per_second, 100);
}

TEST(Staying, WhatCameBackIsNotLeftOutTwice) {
    ReportStack stack = claiming("both", mixed);
    stack.returned_count = 300;  // of the 400 that had lapsed, and 13 % stay
    EXPECT_NEAR(left_of(stack).growth.bytes_per_second, 520, 1e-6);
    stack.returned_count = 900;
    EXPECT_EQ(left_of(stack).growth.bytes_per_second, 1000);
}

TEST(Staying, WhatHasNothingToBeRecognizedByIsAsItsKin) {
    Report report;
    report.stacks = {claiming("cache", replaced), claiming("cache", {}), claiming("values", {}),
                     claiming("other", {})};
    report.stacks[0].evidence.cluster = report.stacks[2].evidence.cluster = 1;
    leave_out_gone(report);
    EXPECT_EQ(report.stacks[1].growth.bytes_per_second, 0) << "from the same place";
    EXPECT_EQ(report.stacks[2].growth.bytes_per_second, 0) << "in lockstep";
    EXPECT_EQ(report.stacks[3].growth.bytes_per_second, 1000);
    EXPECT_FALSE(report.stacks[3].evidence.staying);
}

TEST(Staying, WhereKinSurelyStaysItIsSeenToStay) {
    StackRevisits vague;
    vague.vague = leaking.sure;
    Report report;
    report.stacks = {claiming("names", leaking), claiming("nodes", vague),
                     claiming("others", vague), claiming("gone", {}), claiming("values", leaking)};
    for (const std::size_t kin : {0, 1, 3, 4}) report.stacks[kin].evidence.cluster = 1;
    report.stacks[3].revisits = looks({{5, 0}, {5, 0}, {5, 0}, {5, 0}, {5, 1}, {5, 5}});
    leave_out_gone(report);
    EXPECT_TRUE(is_seen_to_stay(report.stacks[1], 60));
    EXPECT_FALSE(is_seen_to_stay(report.stacks[2], 60)) << "in no lockstep with it";
    EXPECT_FALSE(is_seen_to_stay(report.stacks[3], 60)) << "its own are gone";
}

TEST(Staying, WhatIsFreedMoreOftenIsNoKin) {
    Report report;
    report.stacks = {claiming("make", replaced), claiming("make", {})};
    report.stacks[0].totals.allocated_count = 1000;
    report.stacks[0].totals.freed_count = 900;
    leave_out_gone(report);
    EXPECT_EQ(report.stacks[1].growth.bytes_per_second, 1000);
}

TEST(Staying, WhatAllStaysGrowsAsLongAsTheMemoryDoes) {
    const auto judged = [](const char* unlike) {
        const std::string_view other = unlike;
        Report report;
        report.memory.anonymous.bytes_per_second = 100;
        report.memory.anonymous_lately.bytes_per_second = other == "slower" ? 80 : 90;
        report.memory.anonymous_lately.low = other == "memory" ? 0 : 10;
        report.memory.anonymous_paused_seconds = other == "pause" ? 6 : 0;
        const bool is_counted = other == "counted" || other == "few counted";
        ReportStack stack = claiming("list", is_counted ? StackRevisits{} : leaking);
        stack.counted = is_counted;
        if (other == "few counted") stack.totals.allocated_count = stack.totals.lapsed_count = 9;
        stack.verdict = Verdict::undetermined;
        stack.seen_to_leak = false;
        stack.totals.freed_count = other == "freed" ? 1 : 0;
        if (other == "growth") stack.growth.low = 0;
        report.stacks = {stack};
        leave_out_gone(report);
        return report.stacks.front();
    };
    EXPECT_EQ(judged("").verdict, Verdict::growing);
    EXPECT_TRUE(judged("").seen_to_leak) << "to be held against the memory";
    EXPECT_EQ(judged("slower").verdict, Verdict::growing);
    EXPECT_FALSE(judged("slower").seen_to_leak);
    EXPECT_TRUE(judged("counted").seen_to_leak) << "the calls that leave them go on";
    for (const char* unlike : {"memory", "pause", "freed", "growth", "few counted"})
        EXPECT_EQ(judged(unlike).verdict, Verdict::undetermined) << unlike;
}

TEST(Staying, OfManyAFewAreLeftInTheEnd) {
    EXPECT_FALSE(staying(looks({{100, 40}, {100, 70}, {100, 96}, {100, 96}}))->dying);
    EXPECT_TRUE(staying(looks({{100, 0}, {100, 0}, {100, 40}, {100, 41}}))->dying)
        << "most are left, and fewer than at a quarter of the age";
}

}  // namespace
}  // namespace seep
