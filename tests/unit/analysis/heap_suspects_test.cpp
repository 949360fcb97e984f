// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/heap_suspects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace seep {
namespace {

using testing::HasSubstr;
using testing::StrEq;

/// 1,000 blocks that were seen, all of which but one were freed.
Totals blocks(double size, double deviation = 0) {
    Totals totals;
    totals.allocated_count = 1000;
    totals.allocated_bytes = static_cast<std::uint64_t>(1000 * size);
    totals.allocated_squares =
        static_cast<std::uint64_t>(1000 * (size * size + deviation * deviation) / 256);
    totals.freed_count = 999;
    totals.freed_bytes = static_cast<std::uint64_t>(999 * size);
    totals.lapsed_count = 1;
    totals.lapsed_bytes = static_cast<std::uint64_t>(size);
    return totals;
}

/// Under serve, which main calls.
ReportStack allocates(const std::string& function, const Totals& totals) {
    ReportStack stack;
    stack.id = function + std::to_string(totals.allocated_bytes);
    stack.totals = totals;
    stack.culprit = 1;
    for (const std::string& name : {std::string("malloc"), function, std::string("serve"),
                                    std::string("main"), std::string("_start")})
        stack.frames.push_back({.function = name, .module = "program"});
    return stack;
}

/// 100 s, of which one was seen; so many more blocks a second of each size of chunks.
Report report_of(std::vector<ReportStack> stacks, const std::map<std::uint64_t, double>& sizes) {
    Report report;
    report.window_end_ns = 100'000'000'000;
    report.sampling.observed_share = 0.01;
    report.stacks = std::move(stacks);
    report.memory.in_use.emplace();
    for (const auto& [chunk, more] : sizes)
        report.memory.in_use->sizes[chunk] = {more, more - 0.1, more + 0.1};
    return report;
}

/// Beside no other finding.
std::optional<Finding> by_sizes(const Report& report) {
    return growth_by_sizes(report, 0);
}

TEST(HeapSuspects, AreTheFunctionThatAllocatesAllSizes) {
    const Report report =
        report_of({allocates("open", blocks(88)), allocates("open", blocks(200)),
                   allocates("reply", blocks(88)), allocates("reply", blocks(300))},
                  {{96, 20}, {208, 20}});
    const auto finding = by_sizes(report);
    ASSERT_TRUE(finding);
    EXPECT_EQ(finding->frame.function, "open");
    EXPECT_THAT(finding->verdict, StrEq("growing"));
    EXPECT_NEAR(finding->growth.bytes_per_second, 20 * 288, 1);
    EXPECT_NEAR(finding->growth.low, 19.9 * 288, 1);
    EXPECT_NEAR(finding->block_share, 304.0 / 288, 1e-6);
    EXPECT_EQ(finding->stacks.size(), 2U);
    EXPECT_THAT(finding->sentence, HasSubstr("all sizes of which glibc has more in use (chunks of "
                                             "208 and 96 bytes); too few were seen"));
}

TEST(HeapSuspects, LeakWhereHalfOfItIsLost) {
    Report report = report_of({allocates("open", blocks(88))}, {{96, 20}});
    report.memory.in_use->lost.emplace().sizes[96] = {18, 17, 27};
    EXPECT_THAT(by_sizes(report)->verdict, StrEq("leak"));
    EXPECT_THAT(by_sizes(report)->sentence, HasSubstr("90 % of which are lost"));
    report.memory.in_use->lost->sizes[96] = {9, 8, 14};
    EXPECT_THAT(by_sizes(report)->verdict, StrEq("growing"));
    // Where all comes and goes, by what is lost alone.
    report.memory.in_use->sizes[96] = {20, -500, 540};
    const auto finding = by_sizes(report);
    ASSERT_TRUE(finding);
    EXPECT_NEAR(finding->growth.bytes_per_second, 9 * 88, 1);
    EXPECT_NEAR(finding->growth.high, 14 * 88, 1);
}

TEST(HeapSuspects, WarmUpWhereTheHeapHasHalted) {
    Report report = report_of({allocates("open", blocks(88))}, {{96, 20}});
    report.memory.in_use->lost.emplace().sizes[96] = {18, 17, 27};
    report.memory.in_use->growth.bytes_per_second = 20 * 96;
    report.memory.in_use->most_at_end = 5 * 96;
    EXPECT_THAT(by_sizes(report)->verdict, StrEq("warming"));
    EXPECT_THAT(
        by_sizes(report)->sentence,
        HasSubstr("grew by 172 KiB in the window, but slows down or has stopped: it alone"));
    report.memory.in_use->most_at_end = 19 * 96;
    EXPECT_THAT(by_sizes(report)->verdict, StrEq("leak"));
}

TEST(HeapSuspects, MayBeOfAFunctionThatAloneHasSuchLargeBlocks) {
    Report report = report_of({allocates("frame", blocks(300'000))}, {{294'912, 0.1}});
    report.memory.in_use->sizes[294'912] = {0.1, 0.06, 0.14};
    const auto finding = by_sizes(report);
    ASSERT_TRUE(finding);
    EXPECT_THAT(finding->verdict, StrEq("growing"));
    EXPECT_THAT(finding->sentence, HasSubstr("`frame` (program) may grow by"));
    report.stacks.push_back(allocates("other", blocks(300'000)));
    EXPECT_EQ(by_sizes(report)->frame.function, "serve");
}

TEST(HeapSuspects, AreWhatCallsThoseThatAllocateASizeEach) {
    const Report report = report_of({allocates("open", blocks(88)), allocates("read", blocks(200))},
                                    {{96, 20}, {208, 20}});
    const auto finding = by_sizes(report);
    ASSERT_TRUE(finding);
    EXPECT_EQ(finding->frame.function, "serve");
}

TEST(HeapSuspects, AreFewTogetherOrOneOfThem) {
    Report report =
        report_of({allocates("open", blocks(88)), allocates("reply", blocks(88))}, {{96, 20}});
    for (ReportStack& stack : report.stacks) stack.frames.erase(stack.frames.begin() + 2);
    const auto finding = by_sizes(report);
    ASSERT_TRUE(finding);
    EXPECT_THAT(finding->sentence, HasSubstr("`open` (program) and `reply` (program), or one of "
                                             "them, grow by"));
    EXPECT_NEAR(finding->growth.bytes_per_second, 20 * 88, 1);
    EXPECT_EQ(finding->stacks.size(), 2U);
}

TEST(HeapSuspects, AreNobodyWhereItMayBeOfMany) {
    Report report = report_of({}, {{96, 20}});
    for (const char* const name : {"open", "reply", "log", "query", "render", "close", "count"}) {
        report.stacks.push_back(allocates(name, blocks(88)));
        ReportStack& stack = report.stacks.back();
        stack.frames.erase(stack.frames.begin() + 2);
    }
    EXPECT_FALSE(by_sizes(report));
}

TEST(HeapSuspects, AreNoneThatWouldLeaveMoreOfOtherSizes) {
    const Report report =
        report_of({allocates("open", blocks(88)), allocates("reply", blocks(120, 60))}, {{96, 20}});
    const auto finding = by_sizes(report);
    ASSERT_TRUE(finding);
    EXPECT_EQ(finding->frame.function, "open");
}

TEST(HeapSuspects, MayAllocateSeveralSizesAtOnePlace) {
    const Report report =
        report_of({allocates("open", blocks(100, 20))}, {{96, 20}, {112, 20}, {128, 20}});
    const auto finding = by_sizes(report);
    ASSERT_TRUE(finding);
    EXPECT_NEAR(finding->growth.bytes_per_second, 20 * (88 + 100 + 116), 20 * 15);
}

TEST(HeapSuspects, HaveWhatTookTheNextSize) {
    const auto finding = by_sizes(report_of({allocates("open", blocks(88))}, {{96, 15}, {112, 5}}));
    ASSERT_TRUE(finding);
    EXPECT_NEAR(finding->growth.bytes_per_second, 20 * 88, 1);
}

TEST(HeapSuspects, AreNotAskedForWhatIsKnownToGrow) {
    Report report = report_of({allocates("open", blocks(88))}, {{96, 20}});
    ReportStack& stack = report.stacks.front();
    stack.verdict = Verdict::leak;
    stack.growth = {.bytes_per_second = 19 * 88, .low = 17 * 88, .high = 20 * 88};
    EXPECT_FALSE(by_sizes(report));
    // But for what that surely leaves.
    stack.growth = {.bytes_per_second = 4 * 88, .low = 3 * 88, .high = 5 * 88};
    const auto finding = by_sizes(report);
    ASSERT_TRUE(finding);
    EXPECT_NEAR(finding->growth.bytes_per_second, 16 * 88, 1);
    EXPECT_NEAR(finding->growth.low, 14.9 * 88, 1);
    EXPECT_NEAR(finding->growth.high, 17.1 * 88, 1);
}

TEST(HeapSuspects, HaveWhatTheirOwnStacksSeemToLeave) {
    Report report = report_of({allocates("open", blocks(200)), allocates("open", blocks(88)),
                               allocates("reply", blocks(300))},
                              {{208, 20}, {96, 20}});
    ReportStack& known = report.stacks[1];
    known.verdict = Verdict::leak;
    known.growth = {.bytes_per_second = 15 * 88, .low = 10 * 88, .high = 25 * 88};
    const auto finding = by_sizes(report);
    ASSERT_TRUE(finding);
    EXPECT_NEAR(finding->growth.bytes_per_second, 20 * 200 + 5 * 88, 1);
    EXPECT_NEAR(finding->growth.low, 19.9 * 200, 1);
    EXPECT_NEAR(finding->growth.high, 20.1 * 200 + 10.1 * 88, 1);
    // Not where it may be somebody else's.
    known.frames[1].function = known.frames[2].function = "reply";
    EXPECT_NEAR(by_sizes(report)->growth.bytes_per_second, 20 * 200, 1);
}

TEST(HeapSuspects, AreToldWithNoMoreThanIsLeft) {
    Report report = report_of({allocates("open", blocks(88))}, {{96, 20}});
    report.memory.in_use->growth = {.bytes_per_second = 20 * 96, .low = 19 * 96, .high = 21 * 96};
    EXPECT_NEAR(growth_by_sizes(report, 10 * 96)->growth.bytes_per_second, 10 * 88, 1);
    EXPECT_FALSE(growth_by_sizes(report, 15 * 96));
}

TEST(HeapSuspects, AreToldWhereAllElseComesAndGoes) {
    Report report = report_of({allocates("open", blocks(88))}, {{96, 20}});
    report.memory.in_use->growth = {.bytes_per_second = 1e6, .low = -1e6, .high = 3e6};
    EXPECT_NEAR(by_sizes(report)->growth.bytes_per_second, 20 * 88, 1);
    report.memory.in_use->growth.low = 9e5;
    EXPECT_FALSE(by_sizes(report)) << "most of what grows is not theirs";
}

TEST(HeapSuspects, OfSamplesSomeMustSurelyBeTheirs) {
    Report report = report_of({allocates("open", blocks(88))}, {{96, 20}});
    report.sampling.observed_share = 0.5;  // 1000 blocks
    report.sampling.bytes = 4096;          // one in 57
    EXPECT_TRUE(by_sizes(report));
    report.sampling.bytes = 65536;
    EXPECT_FALSE(by_sizes(report));
}

TEST(HeapSuspects, OfTheNextSizeThatWhichGrowsMayHaveIsNotAskedFor) {
    Report report = report_of({allocates("open", blocks(88))}, {{96, 20}, {112, 5}});
    report.stacks.front().verdict = Verdict::leak;
    report.stacks.front().growth = {.bytes_per_second = 20 * 88, .low = 19 * 88, .high = 21 * 88};
    EXPECT_FALSE(by_sizes(report));
    // Unless another stack has blocks of it.
    report.stacks.push_back(allocates("open", blocks(100)));
    const auto finding = by_sizes(report);
    ASSERT_TRUE(finding);
    EXPECT_NEAR(finding->growth.bytes_per_second, 5 * 100, 1);
}

TEST(HeapSuspects, WereSeen) {
    // One block in the second that was seen: what leaves it may not have been.
    const Report seldom = report_of({allocates("open", blocks(88))}, {{96, 1}});
    EXPECT_FALSE(by_sizes(seldom));
    Totals one;
    one.allocated_count = one.lapsed_count = 1;
    one.allocated_bytes = one.lapsed_bytes = 88;
    one.allocated_squares = 88 * 88 / 256 + 1;
    const auto finding = by_sizes(report_of({allocates("open", one)}, {{96, 1}}));
    ASSERT_TRUE(finding);
    EXPECT_NEAR(finding->growth.bytes_per_second, 88, 1);
}

TEST(HeapSuspects, AreNotAskedForFreedBlocksThatThreadsKeep) {
    EXPECT_FALSE(by_sizes(report_of({allocates("open", blocks(88))}, {{96, 0.14}})));
}

TEST(HeapSuspects, NeedAllStacksToBeSeen) {
    Report report = report_of({allocates("open", blocks(88))}, {{96, 20}});
    report.sampling.bytes = 100'000;
    EXPECT_FALSE(by_sizes(report));
    report.sampling = {};
    EXPECT_FALSE(by_sizes(report));
}

TEST(GrowingSizes, AreThoseOfMostBytesFirst) {
    const GrowingSizes sizes = growing_sizes(report_of({}, {{96, 20}, {208, 20}, {64, 0.14}}));
    EXPECT_NEAR(sizes.bytes_per_second, 20 * 304, 1);
    EXPECT_EQ(sizes.text, "chunks of 208 and 96 bytes");
    EXPECT_EQ(growing_sizes(report_of({}, {{32, 9}, {48, 9}, {64, 9}, {80, 9}, {96, 9}})).text,
              "chunks of 96, 80, 64 bytes and 2 more sizes");
    EXPECT_TRUE(growing_sizes(report_of({}, {})).text.empty());
}

}  // namespace
}  // namespace seep
