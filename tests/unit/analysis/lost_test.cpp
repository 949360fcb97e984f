// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/lost.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/verdict.h"

namespace seep {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// After 100 s: so many blocks of 100 bytes, lost ones from all of the time.
StackReachability search(std::uint64_t looked, std::uint64_t lost, std::uint64_t refuted = 0) {
    StackReachability seen;
    seen.born_within_us = 100'000'000;
    seen.looked = looked;
    seen.lost = lost;
    seen.lost_bytes = 100 * lost;
    seen.lost_age_us = 50'000'000;
    seen.followed = std::min<std::uint64_t>(lost, 64);
    seen.refuted = refuted;
    seen.all_known = true;
    return seen;
}

ReportStack judged(Verdict verdict, const StackReachability& seen, double observed = 1) {
    Report report;
    report.sampling.observed_share = observed;
    ReportStack& stack = report.stacks.emplace_back();
    stack.verdict = verdict;
    stack.reason = "as its curve is";
    stack.growth = {.bytes_per_second = 500, .low = 400, .high = 600, .bytes = 50'000};
    stack.reachability = seen;
    judge_by_pointers(report);
    return report.stacks.front();
}

TEST(Lost, IsAShareWithItsInterval) {
    const auto seen = unreachable(search(100, 13));
    ASSERT_TRUE(seen);
    // R: prop.test(13, 100, correct = FALSE)$conf.int
    EXPECT_NEAR(seen->share, 0.13, 1e-9);
    EXPECT_NEAR(seen->low, 0.077572, 1e-6);
    EXPECT_NEAR(seen->high, 0.209804, 1e-6);
    EXPECT_EQ(seen->blocks, 100);
    EXPECT_TRUE(seen->all_known);
    EXPECT_FALSE(unreachable(search(9, 9)));
}

TEST(Lost, WhatGrowsAndIsLostLeaks) {
    const ReportStack stack = judged(Verdict::growing, search(500, 490));
    EXPECT_EQ(stack.verdict, Verdict::leak);
    EXPECT_EQ(stack.growth.bytes_per_second, 500);  // by its curve
    EXPECT_THAT(stack.reason, HasSubstr("of 500 of its blocks that were looked for, 490 are lost"));
    ReportStack leak = judged(Verdict::leak, search(500, 500));
    EXPECT_EQ(leak.verdict, Verdict::leak);
    EXPECT_THAT(leak.reason, HasSubstr("all are lost"));
    // Lost at start-up: no growth.
    EXPECT_EQ(judged(Verdict::steady, search(500, 490)).verdict, Verdict::steady);
}

TEST(Lost, APartOfAStackLeaksAtItsOwnRate) {
    for (const Verdict verdict : {Verdict::growing, Verdict::steady, Verdict::undetermined}) {
        const ReportStack stack = judged(verdict, search(5'000, 400));
        EXPECT_EQ(stack.verdict, Verdict::leak);
        EXPECT_NEAR(stack.growth.bytes_per_second, 400, 1e-9);
        EXPECT_NEAR(stack.growth.low, 400 * (1 - 1.959964 / 20), 1e-3);
        // Some of what is lost looks reached.
        EXPECT_NEAR(stack.growth.high, 1.5 * 400 * (1 + 1.959964 / 20), 1e-3);
        EXPECT_THAT(stack.reason, HasSubstr("400 are lost"));
        EXPECT_THAT(stack.reason, HasSubstr("as its curve is"));
    }
    // A leak by its curve is one of all of it, whatever pointers were left behind.
    EXPECT_EQ(judged(Verdict::leak, search(5'000, 400)).growth.bytes_per_second, 500);
    // They came at the start, or a while ago.
    StackReachability early = search(5'000, 400);
    early.lost_age_us = 95'000'000;
    EXPECT_EQ(judged(Verdict::steady, early).verdict, Verdict::steady);
    // Few.
    EXPECT_EQ(judged(Verdict::steady, search(5'000, 9)).verdict, Verdict::steady);
}

TEST(Lost, WhatIsFreedLaterWasNot) {
    EXPECT_FALSE(unreachable(search(500, 490, 2)));
    EXPECT_EQ(judged(Verdict::growing, search(500, 490, 2)).verdict, Verdict::growing);
    EXPECT_EQ(judged(Verdict::growing, search(500, 490, 1)).verdict, Verdict::leak);
    // Nobody looked later.
    StackReachability once = search(500, 490);
    once.followed = 0;
    EXPECT_EQ(judged(Verdict::growing, once).verdict, Verdict::growing);
}

/// Of a stack, of whose blocks that share was there when they were looked at again.
ReportStack judged_in_windows(Verdict verdict, const StackReachability& seen,
                              std::optional<Survival> there, double low = 0,
                              bool seen_to_leak = false) {
    Report report;
    report.sampling.observed_share = 0.1;
    report.sampling.rate_scale = {.low = 1.8, .middle = 2, .high = 2.2};
    report.window_end_ns = 60'000'000'000;
    ReportStack& stack = report.stacks.emplace_back();
    stack.verdict = verdict;
    stack.seen_to_leak = seen_to_leak;
    stack.growth = {.bytes_per_second = 50, .low = low, .high = 100, .bytes = 3'000};
    if (there) stack.evidence.staying = Staying{.survival = *there, .blocks = 100};
    stack.reachability = seen;
    judge_by_pointers(report);
    return report.stacks.front();
}

TEST(Lost, InWindowsItComesAsFastAsItWasSeenTo) {
    const Survival a_tenth{.age_seconds = 30, .share = 0.1, .low = 0.06, .high = 0.17};
    const ReportStack stack = judged_in_windows(Verdict::steady, search(5'000, 400), a_tenth);
    EXPECT_TRUE(stack.is_lost);
    EXPECT_TRUE(stack.seen_to_leak);  // to be held against the memory
    EXPECT_EQ(stack.verdict, Verdict::steady);
    EXPECT_NEAR(stack.growth.bytes_per_second, 2 * 400, 1e-6);
    EXPECT_LT(stack.growth.low, 2 * 400 * (1 - 1.959964 / 20));
    EXPECT_GT(stack.growth.high, 2 * 400 * (1 + 1.959964 / 20));
    EXPECT_EQ(stack.growth.bytes, 800 * 60);
    EXPECT_THAT(stack.reason, HasSubstr("400 are lost"));
    // All of it is: the curve tells by how much, if it does.
    const Survival all{.age_seconds = 30, .share = 1, .low = 0.98, .high = 1};
    EXPECT_EQ(judged_in_windows(Verdict::growing, search(500, 500), all, 40).growth.low, 40);
    EXPECT_NEAR(judged_in_windows(Verdict::growing, search(500, 500), all).growth.bytes_per_second,
                2 * 500, 1e-6);
    // So does that of a leak that all stays, although pointers were left behind.
    const StackReachability some = search(5'000, 400);
    EXPECT_EQ(judged_in_windows(Verdict::growing, some, all, 40, true).growth.low, 40);
    EXPECT_GT(judged_in_windows(Verdict::growing, some, all, 40).growth.low, 600);

    // More than is there later: it was hidden. Or nobody looked.
    const ReportStack hidden = judged_in_windows(Verdict::steady, search(5'000, 4'900), a_tenth);
    EXPECT_FALSE(hidden.is_lost);
    EXPECT_FALSE(hidden.evidence.unreachable);
    EXPECT_FALSE(judged_in_windows(Verdict::steady, search(5'000, 400), {}).is_lost);
    EXPECT_FALSE(judged_in_windows(Verdict::steady, search(5'000, 400, 3), a_tenth).is_lost);
}

// Of blocks that have the same contents, nobody knows whether they are still there.
TEST(Lost, InWindowsThatNoneComesBackAsOthersDoIsEnough) {
    const auto judged = [](std::uint64_t returned, std::uint64_t followed, std::uint64_t refuted) {
        Report report;
        report.sampling.observed_share = 0.1;
        report.window_end_ns = 60'000'000'000;
        ReportStack& stack = report.stacks.emplace_back();
        stack.growth = {.bytes_per_second = 50, .low = 0, .high = 100, .bytes = 3'000};
        stack.returned_count = returned;
        stack.totals.lapsed_count = 800;
        stack.reachability = search(5'000, 400);
        stack.reachability.followed = followed;
        stack.reachability.refuted = refuted;
        judge_by_pointers(report);
        return report.stacks.front().is_lost;
    };
    EXPECT_TRUE(judged(200, 64, 0));
    EXPECT_FALSE(judged(200, 64, 1));
    EXPECT_FALSE(judged(200, 16, 0));  // 0.8^16 = 0.03
    EXPECT_FALSE(judged(0, 64, 0));
    EXPECT_TRUE(judged(0, 120, 0)) << "12 would have been seen, if all had been freed";
    EXPECT_FALSE(judged(0, 120, 1));
}

TEST(Lost, OfBlocksThatOutlivedTheirWindowsThoseCountThatAllStay) {
    StackReachability again = search(80, 80);
    again.born_within_us = 0;  // nobody knows when they came
    const Survival all{.age_seconds = 30, .share = 1, .low = 0.98, .high = 1};
    const auto judged = [&](bool sure, double low) {
        Report report;
        report.sampling.observed_share = 0.1;
        report.window_end_ns = 60'000'000'000;
        ReportStack& stack = report.stacks.emplace_back();
        stack.growth = {.bytes_per_second = 50, .low = low, .high = 100, .bytes = 3'000};
        stack.evidence.staying = Staying{.survival = all, .blocks = 100, .sure = sure};
        stack.reachability = again;
        judge_by_pointers(report);
        return report.stacks.front();
    };
    EXPECT_TRUE(judged(true, 40).is_lost);
    EXPECT_EQ(judged(true, 40).growth.bytes_per_second, 50);  // by its curve
    EXPECT_FALSE(judged(false, 40).is_lost) << "what is freed may look so for a while";
    EXPECT_FALSE(judged(true, 0).is_lost);
}

TEST(Lost, InWindowsTheFewThatStayAreACachesIfTheyArePointedTo) {
    const Survival a_tenth{.age_seconds = 30, .share = 0.1, .low = 0.06, .high = 0.17};
    const Survival all{.age_seconds = 30, .share = 1, .low = 0.98, .high = 1};
    const auto leaks = [](std::uint64_t looked, const Survival& there) {
        Report report;
        report.sampling.observed_share = 0.1;
        ReportStack& stack = report.stacks.emplace_back();
        stack.seen_to_leak = true;
        stack.evidence.staying = Staying{.survival = there, .blocks = 100};
        stack.reachability = search(looked, 0);
        judge_by_pointers(report);
        return report.stacks.front().seen_to_leak;
    };
    EXPECT_FALSE(leaks(50, a_tenth));
    EXPECT_TRUE(leaks(49, a_tenth));  // too few to have met one
    EXPECT_TRUE(leaks(500, all));     // a list that is never emptied
}

TEST(Lost, TheReasonSaysWhatIsStillPointedTo) {
    const ReportStack stack = judged(Verdict::growing, search(500, 0));
    EXPECT_EQ(stack.verdict, Verdict::growing);
    EXPECT_THAT(stack.reason, HasSubstr("all 500 of its blocks that were looked for are still"));
    StackReachability some = search(500, 0);
    some.all_known = false;
    EXPECT_THAT(judged(Verdict::growing, some).reason, Not(HasSubstr("pointed")));
}

/// The verdict of stacks of one cause, beside `other`.
Verdict of_leaks(const std::vector<StackReachability>& seen, std::uint64_t pauses = 0,
                 const std::optional<StackReachability>& other = {},
                 std::uint64_t sampling_bytes = 0) {
    Report report;
    report.sampling.pauses = pauses;
    report.sampling.bytes = sampling_bytes;
    for (const StackReachability& each : seen) {
        ReportStack stack = judged(Verdict::leak, each);
        stack.totals.allocated_count = 500;
        stack.totals.allocated_bytes = 50'000;
        stack.evidence.cluster = 1;
        report.stacks.push_back(std::move(stack));
    }
    if (other) {
        report.stacks.push_back(judged(Verdict::growing, *other));
        report.stacks.back().evidence.cluster = 2;
    }
    leave_open_what_is_pointed_to(report);
    return report.stacks[0].verdict;
}

TEST(Lost, ALeakAllOfWhoseBlocksArePointedToMayBeACache) {
    EXPECT_EQ(of_leaks({search(500, 0)}), Verdict::growing);
    EXPECT_EQ(of_leaks({search(19, 0)}), Verdict::leak);
    EXPECT_EQ(of_leaks({search(500, 5)}), Verdict::leak);
    // Of an object of several blocks, one may hold the others.
    EXPECT_EQ(of_leaks({search(15, 0), search(5, 0)}), Verdict::growing);
    EXPECT_EQ(of_leaks({{}}), Verdict::leak);
    // Nor is what is in step with what is lost, if that some of it would be lost is no chance.
    EXPECT_EQ(of_leaks({search(500, 0), search(500, 400)}), Verdict::growing);
    EXPECT_EQ(of_leaks({search(25, 0), search(500, 60)}), Verdict::leak);
    EXPECT_EQ(of_leaks({search(500, 1), search(500, 400)}), Verdict::leak);
    // Of samples, what holds it may be lost as well, and hardly ever be followed.
    EXPECT_EQ(of_leaks({search(100, 0), search(500, 400)}, 0, {}, 1000), Verdict::growing);
    EXPECT_EQ(of_leaks({search(100, 0), search(500, 400)}, 0, {}, 10'000), Verdict::leak);
    // A window may end with ten objects in hand, of thirteen blocks each.
    EXPECT_EQ(of_leaks({search(100, 0), search(1'300, 0)}, 10), Verdict::growing);
    EXPECT_EQ(of_leaks({search(99, 0), search(1'300, 0)}, 10), Verdict::leak);
}

TEST(Lost, WhatIsLostIsInNoCache) {
    Report report;
    report.sampling.observed_share = 0.5;
    for (const std::uint64_t lost : {100, 0}) {
        ReportStack& stack = report.stacks.emplace_back(judged(Verdict::leak, search(100, lost)));
        stack.is_lost = lost > 0;
        stack.reason = fmt::format("its troughs rise{}; besides", cache_looks_the_same);
    }
    leave_open_what_is_pointed_to(report);
    EXPECT_EQ(report.stacks[0].reason, "its troughs rise; besides");
    EXPECT_THAT(report.stacks[1].reason, HasSubstr("looks the same"));
    EXPECT_FALSE(report.stacks[0].is_pointed_to);
    EXPECT_TRUE(report.stacks[1].is_pointed_to);
}

TEST(Lost, WhatOutlivedItsWindowIsInNoHand) {
    const auto later = [](std::uint64_t looked, std::uint64_t lost) {
        StackReachability seen = search(looked, lost);
        seen.born_within_us = 0;
        seen.all_known = false;
        return seen;
    };
    EXPECT_EQ(of_leaks({later(30, 0)}, 10), Verdict::growing);
    EXPECT_EQ(of_leaks({later(19, 0)}, 10), Verdict::leak);
    EXPECT_EQ(of_leaks({search(100, 0), later(30, 0)}, 10), Verdict::growing);
    EXPECT_EQ(of_leaks({search(99, 0), later(30, 0)}, 10), Verdict::leak);
    // Unless it may be a part of what is lost, of another cause or not.
    EXPECT_EQ(of_leaks({later(30, 0)}, 10, search(100, 1)), Verdict::leak);
    StackReachability through_all = later(30, 0);
    through_all.all_known = true;
    EXPECT_EQ(of_leaks({through_all}, 10, search(100, 50)), Verdict::growing);
    EXPECT_EQ(of_leaks({search(99, 0), through_all}, 10, search(100, 50)), Verdict::growing);
    EXPECT_EQ(of_leaks({through_all, later(30, 0)}, 10, search(100, 50)), Verdict::leak);
    // Most of what is lost there looks reached.
    EXPECT_EQ(of_leaks({through_all}, 10, search(100, 49)), Verdict::leak);
}

TEST(Lost, WhereHardlyAnythingOfTheHeapIsLostWhatGrowsIsPointedTo) {
    const auto verdict = [](std::uint64_t lost_of_heap) {
        Report report;
        report.sampling.pauses = 10;
        report.stacks = {judged(Verdict::leak, search(99, 0))};
        report.stacks[0].growth.bytes = 1'000;
        report.memory.in_use.emplace().lost =
            HeapLost{.bytes = lost_of_heap, .blocks = 1, .sizes = {}};
        leave_open_what_is_pointed_to(report);
        return report.stacks[0].verdict;
    };
    EXPECT_EQ(verdict(99), Verdict::growing);
    EXPECT_EQ(verdict(100), Verdict::leak);
}

TEST(Lost, AFindingSaysItInAWord) {
    EXPECT_EQ(pointers_text(search(500, 470)), ", lost: nothing points to them any more");
    EXPECT_EQ(pointers_text(search(500, 0)), ", all still pointed to");
    StackReachability some = search(500, 0);
    some.all_known = false;
    EXPECT_EQ(pointers_text(some), ", all 500 that were looked for still pointed to");
    StackReachability outlived = search(500, 0);
    outlived.born_within_us = 0;
    EXPECT_EQ(pointers_text(outlived), ", all 500 that were looked for still pointed to");
    EXPECT_EQ(pointers_text(search(5'000, 400)), ", 400 of the 5,000 that were looked for lost");
    EXPECT_THAT(pointers_text(search(5'000, 40)), IsEmpty());
    EXPECT_THAT(pointers_text(search(500, 3)), IsEmpty());
    EXPECT_THAT(pointers_text({}), IsEmpty());
}

}  // namespace
}  // namespace seep
