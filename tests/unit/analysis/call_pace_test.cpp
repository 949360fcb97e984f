// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/call_pace.h"

#include <gtest/gtest.h>

#include <cmath>

#include "analysis/normal.h"

namespace seep {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr LocationId call(7);

/// A recording of ten times 10 s, of each of which 1 s is observed.
RecordingContents ten_windows() {
    RecordingContents contents;
    contents.window = {0, 10};
    contents.periods = {{.started_ns = 0, .ended_ns = 100 * second, .level = "windows"}};
    for (int i = 0; i <= 10; ++i)
        contents.snapshots.push_back({.time_ns = i * 10 * second,
                                      .unobserved_ns = static_cast<std::uint64_t>(i * 9 * second),
                                      .processes = {}});
    return contents;
}

/// In each of the ten, so many calls in its window and so many in `counted` seconds beside it.
template <typename Observed, typename Unobserved>
void count(RecordingContents& contents, Observed observed, Unobserved unobserved,
           std::uint64_t counted = 9, ProcessId process = ProcessId(1)) {
    CallCount sum{.process = process, .location = call};
    for (std::size_t i = 0; i <= 10; ++i) {
        contents.calls.push_back({i, sum});
        sum.observed_ns += second;
        sum.observed_calls += observed(i);
        sum.unobserved_ns += counted * second;
        sum.unobserved_calls += unobserved(i);
    }
}

auto always(std::uint64_t calls) {
    return [=](std::size_t) { return calls; };
}

TEST(CountedCalls, ArePacedByAllOfTheTime) {
    RecordingContents contents = ten_windows();
    count(contents, always(100), always(2'700));
    const auto calls = counted_calls(contents);
    ASSERT_EQ(calls.size(), 1U);
    EXPECT_EQ(calls[0].location, call);
    EXPECT_EQ(calls[0].observed_calls, 1'000);
    EXPECT_NEAR(calls[0].a_second, 0.1 * 100 + 0.9 * 300, 1e-9);
    EXPECT_NEAR(calls[0].scale, 2.8, 1e-9);
    EXPECT_NEAR(calls[0].error, 0, 1e-9);
    const auto scale = rate_scale(calls);
    ASSERT_TRUE(scale);
    EXPECT_NEAR(scale->middle, 2.8, 1e-9);
    EXPECT_TRUE(scale->known);
}

TEST(CountedCalls, OfSeveralProcessesAreOne) {
    RecordingContents contents = ten_windows();
    count(contents, always(100), always(2'700));
    count(contents, always(300), always(2'700), 9, ProcessId(2));
    const auto calls = counted_calls(contents);
    ASSERT_EQ(calls.size(), 1U);
    EXPECT_NEAR(calls[0].a_second, 0.1 * 400 + 0.9 * 600, 1e-9);
    EXPECT_NEAR(calls[0].scale, (0.1 * 400 + 0.9 * 600) / 400, 1e-9);
}

TEST(CountedCalls, ThatCountingSlowsDownAreMore) {
    // 100,000 a second at 0.5 us a hit, of one process that uses 1 or 0.8 processors all along.
    const auto calls_of = [](double processors, std::uint64_t a_second) {
        RecordingContents contents = ten_windows();
        contents.probes = {{.site = "emulated", .hit_cost_ps = 500'000},
                           {.site = "emulated", .hit_cost_ps = 700'000}};
        contents.processes = {{.id = ProcessId(1)}};
        for (std::size_t i = 0; i <= 10; ++i)
            contents.snapshots[i].processes = {
                {.process = ProcessId(1),
                 .cpu_ns = static_cast<std::uint64_t>(processors * 1e10) * i}};
        count(contents, always(10'000), always(9 * a_second));
        return counted_calls(contents);
    };
    const auto busy = calls_of(1, 100'000);
    ASSERT_EQ(busy.size(), 1U);
    EXPECT_NEAR(busy[0].a_second, 0.1 * 10'000 + 0.9 * 100'000 / 0.95, 1e-6);
    EXPECT_NEAR(busy[0].error, 0.05 / 2 / z_95, 1e-9);
    const auto idle = calls_of(0.8, 100'000);
    ASSERT_EQ(idle.size(), 1U);
    EXPECT_NEAR(idle[0].a_second, 0.1 * 10'000 + 0.9 * 100'000, 1e-6);
    EXPECT_TRUE(calls_of(1, 400'000).empty());
}

TEST(CountedCalls, AreAsUncertainAsTheyDiffer) {
    RecordingContents contents = ten_windows();
    // A second of each nine, in which there were 200 or 400 of them.
    count(
        contents, always(100), [](std::size_t i) { return i % 2 == 0 ? 200 : 400; }, 1);
    const auto calls = counted_calls(contents);
    ASSERT_EQ(calls.size(), 1U);
    EXPECT_NEAR(calls[0].scale, 0.1 + 0.9 * 3, 1e-9);
    // Residuals of 100 of each, with Student's quantile at 9 degrees of freedom; a fifth of the
    // time was counted.
    const double error =
        std::sqrt(0.8) * std::sqrt(10 * 100.0 * 100.0 * 10 / 9) / 3'000 * 2.26 / z_95;
    EXPECT_NEAR(calls[0].error, error, 1e-6);
    const auto scale = rate_scale(calls);
    EXPECT_NEAR(scale->high, 2.8 * std::exp(z_95 * std::hypot(error, 1 / std::sqrt(1'000))), 1e-3);
}

TEST(CountedCalls, OfAllOfTheTimeAreCertain) {
    RecordingContents contents = ten_windows();
    count(contents, always(100), [](std::size_t i) { return i % 2 == 0 ? 1'000 : 3'000; });
    const auto calls = counted_calls(contents);
    ASSERT_EQ(calls.size(), 1U);
    EXPECT_NEAR(calls[0].error, 0, 1e-9);
}

TEST(CountedCalls, ThatDifferInPaceTellItNoBetterThanThat) {
    const auto counted = [](double scale, double calls) {
        return CountedCall{.location = {}, .parts = {}, .observed_calls = calls, .scale = scale};
    };
    const auto scale = rate_scale({counted(4, 100'000), counted(2, 100'000), counted(1, 30)});
    ASSERT_TRUE(scale);
    EXPECT_EQ(scale->middle, 2);
    EXPECT_LT(scale->low, 1);
    EXPECT_GT(scale->high, 4);
    EXPECT_FALSE(rate_scale({counted(4, 19)}));
}

TEST(CountedCalls, WithoutEnoughOfThemTellNothing) {
    RecordingContents none = ten_windows();
    count(none, always(0), always(2'700));
    EXPECT_TRUE(counted_calls(none).empty());
    RecordingContents few = ten_windows();
    count(few, always(1), always(1));
    EXPECT_TRUE(counted_calls(few).empty());
    EXPECT_FALSE(rate_scale(std::vector<CountedCall>()));
    RecordingContents mixed = ten_windows();
    count(mixed, always(100), always(2'700));
    EXPECT_FALSE(counted_calls(mixed).empty());
    mixed.periods = {{.started_ns = 0, .ended_ns = 20 * second, .level = "continuous"},
                     {.started_ns = 20 * second, .ended_ns = 100 * second, .level = "windows"}};
    EXPECT_TRUE(counted_calls(mixed).empty());
}

/// A stack that goes through the call, and has so many blocks of `size` bytes more in each of the
/// ten.
template <typename Blocks>
MergedStack stack_with(Blocks blocks, std::uint64_t size, std::uint64_t freed = 0) {
    MergedStack stack;
    stack.record.locations = {LocationId(1), call, LocationId(9)};
    stack.totals.freed_count = freed;
    std::uint64_t count = 0;
    for (std::size_t i = 0; i <= 10; ++i) {
        stack.live.push_back({.snapshot = i, .live = count * size, .live_count = count});
        count += blocks(i);
    }
    return stack;
}

TEST(GrowthByCalls, IsWhatACallLeavesTimesTheCalls) {
    RecordingContents contents = ten_windows();
    // A window sees from none to nine of them, and the blocks are as many.
    const auto observed = [](std::size_t i) { return i; };
    count(contents, observed, always(126));
    const auto calls = counted_calls(contents);
    const auto growth = growth_by_calls(stack_with(observed, 300), {.low = 1}, calls, false);
    ASSERT_TRUE(growth);
    const double rate = 300 * (0.1 * 4.5 + 0.9 * 14);
    EXPECT_NEAR(growth->bytes_per_second, rate, 1e-6);
    EXPECT_GT(growth->low, 0.98 * rate);
    EXPECT_LT(growth->high, 1.02 * rate);
}

TEST(GrowthByCalls, IsAsUncertainAsBlocksComeByChance) {
    RecordingContents contents = ten_windows();
    count(contents, always(1'000), always(9'000));
    const auto growth =
        growth_by_calls(stack_with(always(10), 300), {.low = 1}, counted_calls(contents), false);
    ASSERT_TRUE(growth);
    EXPECT_NEAR(growth->bytes_per_second, 3'000, 1e-6);
    // A hundred blocks of ten thousand calls.
    EXPECT_NEAR(growth->low, 3'000 * std::exp(-z_95 * std::sqrt(0.99 / 100)), 1e-3);
}

TEST(GrowthByCalls, OfOneWindowIsAsUncertainAsItsBlocksAreFew) {
    RecordingContents contents = ten_windows();
    const auto observed = [](std::size_t i) { return i == 5 ? 64 : 0; };
    count(contents, observed, always(126));
    const auto calls = counted_calls(contents);
    ASSERT_EQ(calls.size(), 1U);
    const double rate = 300 * calls[0].a_second;
    const auto all = growth_by_calls(stack_with(observed, 300), {.low = 1}, calls, false);
    ASSERT_TRUE(all);
    EXPECT_NEAR(all->bytes_per_second, rate, 1e-6);
    EXPECT_NEAR(all->low, rate * std::exp(-z_95 / 8), 1e-6);
    // Nothing tells whether in other windows half of the calls leave a block, too.
    const auto half_of_them = [](std::size_t i) { return i == 5 ? 32 : 0; };
    const auto half = growth_by_calls(stack_with(half_of_them, 300), {.low = 1}, calls, false);
    ASSERT_TRUE(half);
    EXPECT_NEAR(half->bytes_per_second, rate / 2, 1e-6);
    EXPECT_NEAR(half->low, rate / 2 * std::exp(-z_95 / 2), 1e-6);
}

TEST(GrowthByCalls, OfBlocksThatAreFreedOrSampledIsMadeOneOfAllTheTime) {
    RecordingContents contents = ten_windows();
    count(contents, always(100), always(2'700));
    const Growth observed{.bytes_per_second = 100, .low = 90, .high = 110};
    const auto calls = counted_calls(contents);
    for (const auto& growth :
         {growth_by_calls(stack_with(always(10), 300, 5), observed, calls, false),
          growth_by_calls(stack_with(always(10), 300), observed, calls, true)}) {
        ASSERT_TRUE(growth);
        EXPECT_NEAR(growth->bytes_per_second, 280, 1e-6);
        EXPECT_NEAR(growth->low, 252, 1e-6);
    }
}

TEST(GrowthByCalls, IsOfTheStacksOwnCalls) {
    RecordingContents contents = ten_windows();
    count(contents, always(100), always(2'700));
    MergedStack other = stack_with(always(10), 300);
    other.record.locations = {LocationId(1), LocationId(2)};
    EXPECT_FALSE(growth_by_calls(other, {.low = 1}, counted_calls(contents), false));
}

/// Ten times 10 s in which allocations were sampled, and so many calls counted in each.
RecordingContents sampled(std::uint64_t calls) {
    RecordingContents contents = ten_windows();
    for (SnapshotRecord& snapshot : contents.snapshots) snapshot.unobserved_ns = 0;
    contents.periods.front().level = "continuous";
    contents.info.sampling_bytes = 1'024;
    CallCount sum{.process = ProcessId(1), .location = call};
    for (std::size_t i = 0; i <= 10; ++i) {
        contents.calls.push_back({i, sum});
        sum.observed_ns += 10 * second;
        sum.observed_calls += calls;
    }
    return contents;
}

Growth sampled_growth(std::uint64_t calls, std::uint64_t blocks, double weight = 5,
                      std::uint64_t freed = 0) {
    MergedStack stack = stack_with(always(blocks), 200, freed);
    stack.totals.allocated_count = 10 * blocks;
    stack.totals.allocated_bytes = 2'000 * blocks;
    Growth growth{.bytes_per_second = 20.0 * static_cast<double>(blocks), .low = 1, .high = 1e6};
    take_calls_that_leave_one(stack, calls_while_sampled(sampled(calls)), weight, 100, growth);
    return growth;
}

TEST(CallsWhileSampled, ThatLeaveABlockEachTellTheGrowth) {
    // A hundred calls and 120 blocks as far as a sample tells, give or take 20.
    const Growth growth = sampled_growth(10, 12);
    EXPECT_NEAR(growth.bytes_per_second, 200, 1e-9);
    EXPECT_EQ(growth.bytes, 20'000);
    EXPECT_EQ(growth.low, 1);
    EXPECT_EQ(growth.high, 1e6);
}

TEST(CallsWhileSampled, TellNothingIfTheyLeaveMoreOrLess) {
    EXPECT_NEAR(sampled_growth(10, 15).bytes_per_second, 300, 1e-9);
    EXPECT_NEAR(sampled_growth(20, 12).bytes_per_second, 240, 1e-9);
}

TEST(CallsWhileSampled, TellNothingIfNearlyAnyNumberOfBlocksCouldBeTheirs) {
    EXPECT_NEAR(sampled_growth(10, 12, 50).bytes_per_second, 240, 1e-9);
}

TEST(CallsWhileSampled, TellNothingOfBlocksThatAreFreed) {
    EXPECT_NEAR(sampled_growth(10, 12, 5, 1).bytes_per_second, 240, 1e-9);
}

TEST(CallsWhileSampled, AreNoneWhereTheProbesCameAndWent) {
    RecordingContents contents = ten_windows();
    contents.info.sampling_bytes = 1'024;
    count(contents, always(100), always(2'700));
    EXPECT_TRUE(calls_while_sampled(contents).empty());
    EXPECT_FALSE(calls_while_sampled(sampled(10)).empty());
}

}  // namespace
}  // namespace seep
