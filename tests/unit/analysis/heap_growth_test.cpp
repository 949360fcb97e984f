// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/heap_growth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace seep {
namespace {

using testing::HasSubstr;

constexpr std::int64_t second = 1'000'000'000;
constexpr ProcessId process(1);

RecordingContents hundred_seconds() {
    RecordingContents contents;
    contents.window = {0, 10};
    for (int i = 0; i <= 10; ++i)
        contents.snapshots.push_back(
            {.time_ns = i * 10 * second, .processes = {{.process = process, .alive = true}}});
    return contents;
}

/// At each snapshot, so many blocks that take so much.
void count(RecordingContents& contents, std::uint64_t chunk,
           const std::function<double(double)>& blocks_at) {
    for (std::size_t i = 0; i <= 10; ++i) {
        const auto blocks = static_cast<std::uint64_t>(blocks_at(10.0 * static_cast<double>(i)));
        contents.heap.push_back({i, {process, chunk, blocks, blocks * chunk}});
    }
    std::ranges::stable_sort(contents.heap, {}, &HeapInUseRow::snapshot);
}

TEST(HeapGrowth, IsThatFromTheFirstCountToTheLast) {
    RecordingContents contents = hundred_seconds();
    count(contents, 0, [](double) { return 0; });
    count(contents, 64, [](double t) { return 100 + 50 * t; });
    count(contents, 112, [](double t) { return 1000 + (static_cast<int>(t) % 20 == 0 ? 9 : -9); });
    const auto growth = heap_growth(contents);
    ASSERT_TRUE(growth);
    EXPECT_NEAR(growth->sizes.at(64).more, 50, 1e-9);
    EXPECT_NEAR(growth->sizes.at(64).low, 50, 0.05);
    EXPECT_LT(growth->sizes.at(112).low, 0);
    EXPECT_GT(growth->sizes.at(112).high, 0);
    EXPECT_NEAR(growth->all.growth.bytes_per_second, 50 * 64, 1);
    EXPECT_EQ(growth->all.blocks, 100U + 5000 + 1009);
    ASSERT_TRUE(growth->all.lately);
    EXPECT_NEAR(growth->all.lately->bytes_per_second, 50 * 64, 50);
}

TEST(HeapGrowth, IsNotKnownOfOtherProcesses) {
    RecordingContents contents = hundred_seconds();
    count(contents, 64, [](double t) { return t; });
    contents.snapshots.back().processes.push_back({.process = ProcessId(2), .alive = true});
    EXPECT_FALSE(heap_growth(contents));
}

TEST(HeapGrowth, TakesThreeCounts) {
    RecordingContents contents = hundred_seconds();
    count(contents, 64, [](double t) { return t; });
    std::erase_if(contents.heap, [](const auto& row) { return row.snapshot % 10 != 0; });
    EXPECT_FALSE(heap_growth(contents));
}

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

Report report_of(std::vector<ReportStack> stacks) {
    Report report;
    report.window_end_ns = 100 * second;
    report.stacks = std::move(stacks);
    return report;
}

HeapGrowth has(const std::map<std::uint64_t, double>& blocks) {
    HeapGrowth heap;
    for (const auto& [chunk, more] : blocks) heap.sizes[chunk] = {more, more - 0.1, more + 0.1};
    return heap;
}

void rate(const HeapGrowth& heap, Report& report) {
    const HeapRates rates(heap, report);
    rates.rate_stacks(report);
    rates.rate_clusters(report);
}

TEST(HeapRates, WhatTheHeapHasMoreOfASizeIsItsStacks) {
    Report report = report_of({claims("leak", 200, 15)});
    rate(has({{208, 20}}), report);
    EXPECT_NEAR(report.stacks[0].growth.bytes_per_second, 20 * 200, 1);
    EXPECT_NEAR(report.stacks[0].growth.low, 19.9 * 200, 1);
    EXPECT_TRUE(report.stacks[0].in_heap);
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
    text.totals.allocated_bytes += 7;  // of several sizes
    Report report = report_of({claims("document", 1000, 10, 1), claims("node", 100, 100, 1),
                               claims("name", 56, 20, 1), std::move(text)});
    rate(has({{1008, 12}, {112, 120}, {64, 90}}), report);
    EXPECT_NEAR(report.stacks[0].growth.bytes_per_second, 12 * 1000, 1);
    EXPECT_NEAR(report.stacks[1].growth.bytes_per_second, 120 * 100, 1);
    EXPECT_NEAR(report.stacks[2].growth.bytes_per_second, 24 * 56, 1);
    EXPECT_NEAR(report.stacks[3].growth.bytes_per_second, 120 * 50, 1);
    EXPECT_LT(report.stacks[3].growth.high, 1.1 * 120 * 50);
}

}  // namespace
}  // namespace seep
