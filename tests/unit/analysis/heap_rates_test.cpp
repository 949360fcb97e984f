// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/heap_rates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace seep {
namespace {

using testing::HasSubstr;

/// A stack that claims so many blocks of a size a second, give or take a half.
ReportStack claims(const char* function, std::uint64_t size, double blocks,
                   std::uint32_t cluster = 0) {
    ReportStack stack;
    stack.id = function;
    stack.verdict = Verdict::growing;
    stack.seen_to_leak = true;
    const double bytes = blocks * static_cast<double>(size);
    stack.growth = {.bytes_per_second = bytes, .low = bytes / 2, .high = bytes * 3 / 2};
    stack.totals.allocated_count = stack.totals.lapsed_count = 30;
    stack.totals.allocated_bytes = stack.totals.lapsed_bytes = 30 * size;
    stack.frames = {{.function = function, .module = "program"}};
    stack.evidence.cluster = cluster;
    return stack;
}

/// Its blocks are of several sizes.
void make_various(ReportStack& stack) {
    stack.totals.allocated_squares = stack.totals.allocated_count * (100 * 100 / 256);
}

Report report_of(std::vector<ReportStack> stacks) {
    Report report;
    report.window_end_ns = 100'000'000'000;
    report.stacks = std::move(stacks);
    return report;
}

HeapInUseGrowth has(const std::map<std::uint64_t, double>& blocks) {
    HeapInUseGrowth heap;
    for (const auto& [chunk, more] : blocks) heap.sizes[chunk] = {more, more - 0.1, more + 0.1};
    return heap;
}

void rate(const HeapInUseGrowth& heap, Report& report) {
    const HeapRates rates(heap, report);
    rates.rate_stacks(report);
    rates.rate_clusters(report);
    rates.bound_sizes(report);
}

TEST(HeapRates, WhatTheHeapHasMoreOfASizeIsItsStacks) {
    Report report = report_of({claims("leak", 200, 15)});
    rate(has({{208, 20}}), report);
    EXPECT_NEAR(report.stacks[0].growth.bytes_per_second, 20 * 200, 1);
    EXPECT_NEAR(report.stacks[0].growth.low, 19.9 * 200, 1);
    EXPECT_TRUE(report.stacks[0].in_heap);
}

TEST(HeapRates, WhatHasBlocksOfSeveralSizesMayHaveWhatThereIsMoreOfOne) {
    // Ten elements a second, of an entry each, and of six texts and six names in the same chunks.
    ReportStack names = claims("names", 7, 60, 1);
    make_various(names);
    Report report =
        report_of({claims("entry", 88, 10, 1), claims("text", 12, 60, 1), std::move(names)});
    for (ReportStack& stack : report.stacks) {
        stack.growth.low = 0.99 * stack.growth.bytes_per_second;
        stack.growth.high = 1.01 * stack.growth.bytes_per_second;
    }
    rate(has({{32, 120}, {96, 10}}), report);
    EXPECT_NEAR(report.stacks[0].growth.bytes_per_second, 10 * 88, 10);
    EXPECT_NEAR(report.stacks[1].growth.bytes_per_second, 60 * 12, 10);
    EXPECT_NEAR(report.stacks[2].growth.bytes_per_second, 60 * 7, 10);
}

TEST(HeapRates, TwoStacksHaveTheirParts) {
    Report report = report_of({claims("one", 200, 30), claims("other", 200, 10)});
    rate(has({{208, 20}}), report);
    EXPECT_NEAR(report.stacks[0].growth.bytes_per_second, 15 * 200, 1);
    EXPECT_NEAR(report.stacks[1].growth.bytes_per_second, 5 * 200, 1);
    EXPECT_LT(report.stacks[0].growth.low, 15 * 200);
}

TEST(HeapRates, AFullCacheClaimsWhatIsNotThere) {
    Report report = report_of({claims("cache", 200, 15)});
    rate(has({{208, 0.5}}), report);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::undetermined);
    EXPECT_FALSE(report.stacks[0].seen_to_leak);
    EXPECT_LE(report.stacks[0].growth.high, 0.6 * 200 + 1);
    EXPECT_THAT(report.stacks[0].reason, HasSubstr("replaces its entries"));
}

TEST(HeapRates, WhatIsReplacedHasOnlyWhatNobodyElseClaims) {
    ReportStack cache = claims("cache", 200, 1000);
    cache.is_replaced = true;
    Report report = report_of({cache, claims("leak", 200, 15)});
    rate(has({{208, 15}}), report);
    EXPECT_FALSE(report.stacks[0].in_heap);
    EXPECT_NEAR(report.stacks[1].growth.bytes_per_second, 15 * 200, 1);
    EXPECT_EQ(report.stacks[1].verdict, Verdict::growing);
    // The leak may be of the very stack.
    report = report_of({cache});
    rate(has({{208, 15}}), report);
    EXPECT_NEAR(report.stacks[0].growth.bytes_per_second, 15 * 200, 1);
    EXPECT_TRUE(report.stacks[0].surely_in_heap);
}

TEST(HeapRates, ObjectsThatAreReplacedLeaveOthersTheirSizes) {
    std::vector<ReportStack> stacks{claims("entry", 200, 1000, 1), claims("text", 100, 1000, 1)};
    for (ReportStack& stack : stacks) stack.is_replaced = true;
    const std::vector<ReportStack> cache = stacks;
    stacks.push_back(claims("lost entry", 200, 16, 2));
    stacks.push_back(claims("lost text", 100, 14, 2));
    Report report = report_of(stacks);
    rate(has({{208, 15}, {112, 15}}), report);
    EXPECT_FALSE(report.stacks[0].in_heap);
    EXPECT_FALSE(report.stacks[1].in_heap);
    EXPECT_NEAR(report.stacks[2].growth.bytes_per_second, 15 * 200, 200);
    EXPECT_NEAR(report.stacks[3].growth.bytes_per_second, 15 * 100, 100);
    report = report_of(cache);
    rate(has({{208, 15}, {112, 15}}), report);
    EXPECT_NEAR(report.stacks[0].growth.bytes_per_second, 15 * 200, 200);
    EXPECT_TRUE(report.stacks[0].surely_in_heap);
}

TEST(HeapRates, OfASizeThatOthersMayHaveNothingIsSure) {
    std::vector<ReportStack> stacks{claims("entry", 200, 15, 1), claims("text", 100, 15, 1)};
    Report report = report_of(stacks);
    rate(has({{208, 15}, {112, 15}}), report);
    EXPECT_TRUE(report.stacks[0].surely_in_heap);
    stacks.push_back(claims("other entry", 200, 12));
    stacks.push_back(claims("other text", 100, 12));
    for (ReportStack& stack : stacks) stack.growth.low = 0.9 * stack.growth.bytes_per_second;
    report = report_of(stacks);
    rate(has({{208, 27}, {112, 27}}), report);
    EXPECT_TRUE(report.stacks[0].in_heap);
    EXPECT_TRUE(report.stacks[0].surely_in_heap) << "they have 18 of 27 at most";
    report = report_of(stacks);
    rate(has({{208, 17}, {112, 17}}), report);
    EXPECT_FALSE(report.stacks[0].surely_in_heap);
}

TEST(HeapRates, WhereTheHeapHasHaltedItTellsNoRate) {
    HeapInUseGrowth heap = has({{208, 20}});
    heap.growth.bytes_per_second = 20 * 208;
    heap.most_at_end = 208;
    Report report = report_of({claims("burst", 200, 15)});
    report.stacks[0].verdict = Verdict::undetermined;
    rate(heap, report);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::undetermined);
    EXPECT_FALSE(report.stacks[0].in_heap);
    heap.most_at_end = 19 * 208;
    rate(heap, report);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::growing);
}

TEST(HeapRates, OfASizeThatThereIsNoMoreOfNothingGrows) {
    HeapInUseGrowth heap;
    heap.sizes[208] = {-1, -15, 13};  // it may be as much as half of the claim
    Report report = report_of({claims("cache", 200, 15)});
    rate(heap, report);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::undetermined);
    EXPECT_EQ(report.stacks[0].growth.bytes_per_second, 0);
    EXPECT_NEAR(report.stacks[0].growth.high, 13 * 200, 1);
}

TEST(HeapRates, OfASizeThatWasNotCountedThereIsNoMore) {
    Report report = report_of({claims("cache", 200, 15)});
    rate(has({{64, 20}}), report);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::undetermined);
    EXPECT_EQ(report.stacks[0].growth.high, 0);
}

TEST(HeapRates, LargeBlocksAreInNoHeap) {
    Report report = report_of({claims("large", 200'000, 15)});
    rate(has({{64, 20}}), report);
    EXPECT_EQ(report.stacks[0].verdict, Verdict::growing);
    EXPECT_EQ(report.stacks[0].growth.low, 15 * 100'000);
}

TEST(HeapRates, WhatMoreIsThereThanIsClaimedMayBeAnothers) {
    Report report = report_of({claims("leak", 200, 15)});
    rate(has({{208, 40}}), report);
    EXPECT_FALSE(report.stacks[0].in_heap);
    EXPECT_EQ(report.stacks[0].growth.bytes_per_second, 15 * 200);
}

TEST(HeapRates, TheSizesOfAnObjectTellHowManyThereAre) {
    // Of 64 bytes, something else becomes more as well, which was not seen.
    ReportStack text = claims("text", 50, 100, 1);
    make_various(text);
    Report report = report_of({claims("document", 1000, 10, 1), claims("node", 100, 100, 1),
                               claims("name", 56, 20, 1), std::move(text)});
    rate(has({{1008, 12}, {112, 120}, {64, 90}}), report);
    EXPECT_NEAR(report.stacks[0].growth.bytes_per_second, 12 * 1000, 1);
    EXPECT_NEAR(report.stacks[1].growth.bytes_per_second, 120 * 100, 1);
    EXPECT_NEAR(report.stacks[2].growth.bytes_per_second, 24 * 56, 1);
    EXPECT_NEAR(report.stacks[3].growth.bytes_per_second, 120 * 50, 1);
    EXPECT_LT(report.stacks[3].growth.high, 1.1 * 120 * 50);
}

TEST(HeapRates, ASizeThatIsOfOneClusterAloneTellsItBest) {
    // A history replaces its entries, in chunks of a size that what leaks has as well.
    ReportStack history = claims("history", 24, 27);
    history.growth.low = 5 * 24;
    Report report = report_of({claims("node", 288, 180, 1), claims("number", 8, 360, 1), history});
    report.stacks[0].growth.low = 179 * 288;
    report.stacks[1].growth.low = 358 * 8;
    report.stacks[1].totals.lapsed_count *= 2;
    rate(has({{304, 180}, {32, 360}}), report);
    EXPECT_NEAR(report.stacks[0].growth.bytes_per_second, 180 * 288, 1);
    EXPECT_NEAR(report.stacks[1].growth.bytes_per_second, 360 * 8, 0.02 * 360 * 8);
    EXPECT_LT(report.stacks[2].growth.bytes_per_second, 7 * 24);
    // Nor is it sure that there is any more of its blocks.
    EXPECT_FALSE(report.stacks[2].surely_in_heap);
    EXPECT_TRUE(report.stacks[0].surely_in_heap);
}

TEST(HeapRates, SomeBlocksTakeTheNextSize) {
    Report report = report_of({claims("leak", 200, 15)});
    rate(has({{208, 15}, {224, 5}}), report);
    EXPECT_NEAR(report.stacks[0].growth.bytes_per_second, 20 * 200, 1);
    // Unless another stack has blocks of that.
    report = report_of({claims("leak", 200, 15), claims("other", 216, 5)});
    rate(has({{208, 15}, {224, 5}}), report);
    EXPECT_NEAR(report.stacks[0].growth.bytes_per_second, 15 * 200, 1);
    EXPECT_GT(report.stacks[0].growth.high, 15 * 200);
    EXPECT_NEAR(report.stacks[1].growth.bytes_per_second, 5 * 216, 1);
}

TEST(HeapRates, BlocksThatTakeTheNextSizeTellHowManyObjectsThereAreAsWell) {
    // Twice as many as were seen; most of their blocks are nodes.
    const auto text_rate = [](double of_32, double of_48) {
        ReportStack node = claims("node", 24, 400, 1);
        node.totals.allocated_count = node.totals.lapsed_count = 300;
        node.totals.allocated_bytes = node.totals.lapsed_bytes = 300 * 24;
        ReportStack text = claims("text", 50, 100, 1);
        make_various(text);
        Report report = report_of({std::move(node), claims("name", 40, 100, 1),
                                   claims("entry", 184, 100, 1), std::move(text)});
        rate(has({{32, of_32}, {48, of_48}, {192, 200}}), report);
        return report.stacks[3].growth.bytes_per_second / 50;
    };
    EXPECT_NEAR(text_rate(800, 200), 200, 0.1);
    EXPECT_NEAR(text_rate(770, 230), 200, 0.1);
    // What there is much more of is another's.
    EXPECT_NEAR(text_rate(770, 500), 770.0 / 4, 0.1);
}

TEST(HeapRates, AllThatGrowTogetherHaveNoMoreOfASizeThanThereIs) {
    // Two stacks have blocks of chunks of 64 bytes, and one of them in hand alone.
    Report report = report_of({claims("document", 1000, 10, 1), claims("node", 100, 100, 1),
                               claims("name", 56, 20, 1), claims("in_hand", 48, 20, 1)});
    for (ReportStack& stack : report.stacks) stack.growth.low = 1;
    rate(has({{1008, 10}, {112, 100}, {64, 25}}), report);
    EXPECT_NEAR(report.stacks[0].growth.bytes_per_second, 10 * 1000, 1);
    EXPECT_NEAR(report.stacks[2].growth.bytes_per_second, 12.5 * 56, 1);
    EXPECT_NEAR(report.stacks[3].growth.bytes_per_second, 12.5 * 48, 1);
    EXPECT_THAT(report.stacks[3].reason, HasSubstr("the heap has 24.9 to 25.1 more a second"));
}

}  // namespace
}  // namespace seep
