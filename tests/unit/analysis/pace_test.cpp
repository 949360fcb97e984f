// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/pace.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace seep {
namespace {

constexpr std::int64_t second = 1'000'000'000;

/// 100 s with probes in place for a tenth of each ten; `faults` in each, `observed` of them with
/// probes, and in every other part by `uneven` more. The probes take `cost` of the time they are in
/// place.
std::vector<SnapshotRecord> in_windows(std::uint64_t faults, std::uint64_t observed,
                                       std::uint64_t uneven = 0, double cost = 1) {
    std::vector<SnapshotRecord> snapshots;
    ProcessSample sample{.process = ProcessId(1)};
    sample.page_faults = 1'000'000;
    for (int i = 0; i <= 10; ++i) {
        snapshots.push_back({.time_ns = i * 10 * second,
                             .unobserved_ns = static_cast<std::uint64_t>(i * 9 * second),
                             .processes = {sample}});
        sample.overhead_ns += static_cast<std::uint64_t>(cost * second);
        sample.page_faults += faults;
        sample.unobserved_page_faults += faults - observed - (i % 2 == 0 ? uneven : 0);
    }
    return snapshots;
}

constexpr Window all{0, 10};

TEST(RateScale, IsTheShareOfTheTimeOverTheShareOfTheFaults) {
    const RateScale scale = rate_scale(in_windows(10'000, 100), all);
    EXPECT_NEAR(scale.middle, 10, 1e-9);
    EXPECT_NEAR(scale.low, 10, 1e-9);
    EXPECT_NEAR(rate_scale(in_windows(10'000, 800), all).middle, 1.25, 1e-9);
}

TEST(RateScale, IsAsUncertainAsTheSharesDiffer) {
    // Shares of 1.5 % and 0.5 %, five times each: the sum of squared residuals is 10 * 50^2 faults.
    const RateScale scale = rate_scale(in_windows(10'000, 50, 100), all);
    const double error = std::sqrt(10.0) * 50 / 1000;
    EXPECT_NEAR(scale.middle, 10, 1e-9);
    EXPECT_NEAR(scale.low, 10 * std::exp(-1.96 * error), 1e-9);
    EXPECT_NEAR(scale.high, 10 * std::exp(1.96 * error), 1e-9);
}

TEST(RateScale, IsNoneAtTheUsualPaceOrWithoutEvidence) {
    EXPECT_EQ(rate_scale(in_windows(10'000, 1'000), all).middle, 1);
    EXPECT_EQ(rate_scale(in_windows(10'000, 5'000), all).middle, 1);
    EXPECT_EQ(rate_scale(in_windows(10'000, 700, 500), all).middle, 1);
    EXPECT_EQ(rate_scale(in_windows(10'000, 10, 900), all).middle, 1);
    EXPECT_EQ(rate_scale(in_windows(0, 0), all).middle, 1);
    EXPECT_EQ(rate_scale(in_windows(10'000, 1'000, 1), all).middle, 1);
    EXPECT_EQ(rate_scale(in_windows(10'000, 100), {0, 5}).middle, 1);
    auto observed = in_windows(10'000, 10'000);
    for (SnapshotRecord& snapshot : observed) snapshot.unobserved_ns = 0;
    EXPECT_EQ(rate_scale(observed, all).middle, 1);
}

TEST(RateScale, IsNotKnownWhereNextToNoFaultsCameWithProbes) {
    EXPECT_FALSE(rate_scale(in_windows(100, 0), all).known);  // of ninety that should have come
    EXPECT_EQ(rate_scale(in_windows(100, 0), all).middle, 1);
    EXPECT_TRUE(rate_scale(in_windows(5, 0), all).known);  // of five none may come by chance
    EXPECT_TRUE(rate_scale(in_windows(100, 1), all).known);
    EXPECT_TRUE(rate_scale(in_windows(0, 0), all).known);
}

TEST(RateScale, IsNotKnownWhereItComesFromTooFewTimes) {
    // Two of the ten have all that should have come.
    const auto of_two = [](std::uint64_t observed) {
        auto snapshots = in_windows(10'000, observed);
        for (std::size_t i = 3; i < snapshots.size(); ++i) {
            ProcessSample& sample = snapshots[i].processes.front();
            sample.page_faults = snapshots[2].processes.front().page_faults;
            sample.unobserved_page_faults = snapshots[2].processes.front().unobserved_page_faults;
        }
        return rate_scale(snapshots, all);
    };
    EXPECT_FALSE(of_two(100).known);
    EXPECT_TRUE(of_two(900).known);
    EXPECT_EQ(of_two(900).high, 1);
}

TEST(RateScale, IsNoMoreThanTheProbesCost) {
    // Faults in bunches, none of which came with probes in place: those took a tenth of that time.
    const RateScale scale = rate_scale(in_windows(10'000, 100, 0, 0.1), all);
    EXPECT_NEAR(scale.middle, 1.25, 1e-9);
    EXPECT_NEAR(scale.high, 1.25, 1e-9);
    const RateScale few = rate_scale(in_windows(100, 0, 0, 0.1), all);
    EXPECT_TRUE(few.known);
    EXPECT_EQ(few.middle, 1);
    EXPECT_NEAR(few.high, 1.25, 1e-9);
}

TEST(RateScale, IsAnyOfWhatWaitsForAProcessor) {
    // The probes took what the target could get, which others use as well.
    auto contended = in_windows(10'000, 100, 0, 0.1);
    for (std::size_t i = 0; i < contended.size(); ++i)
        contended[i].processes[0].waited_ns = i * 3 * second;
    EXPECT_NEAR(rate_scale(contended, all).middle, 10, 1e-9);
}

TEST(RateScale, IsNotThatOfAMomentOfWhichLittleWasSeen) {
    // A program that fills its memory at once, with probes in place for a hundredth of that, and
    // for half of the rest.
    auto filled = in_windows(10, 5);
    for (std::size_t i = 1; i < filled.size(); ++i) {
        filled[i].unobserved_ns = 9'900'000'000 + (i - 1) * 5 * second;
        filled[i].processes[0].page_faults += 100'000;
        filled[i].processes[0].unobserved_page_faults += 99'000;
    }
    EXPECT_EQ(rate_scale(filled, all).middle, 1);
}

/// Cycles of ten seconds, a snapshot a second: 100 faults a second for the first `observed_s` of
/// each, with probes in place, and 1,000 a second for the rest.
std::vector<SnapshotRecord> slowed_down_for(double observed_s) {
    std::vector<SnapshotRecord> snapshots;
    ProcessSample sample{.process = ProcessId(1)};
    double unobserved_s = 0;
    for (int i = 0; i <= 100; ++i) {
        snapshots.push_back({.time_ns = i * second,
                             .unobserved_ns = static_cast<std::uint64_t>(unobserved_s * second),
                             .processes = {sample}});
        const double observed = std::clamp(observed_s - i % 10, 0.0, 1.0);
        sample.overhead_ns += static_cast<std::uint64_t>(observed * second);
        const auto in_pause = static_cast<std::uint64_t>(1'000 * (1 - observed));
        sample.page_faults += in_pause + static_cast<std::uint64_t>(100 * observed);
        sample.unobserved_page_faults += in_pause;
        unobserved_s += 1 - observed;
    }
    return snapshots;
}

TEST(RateScale, IsOfTheWholeTimeWhereWindowsSlowSomeOfItDown) {
    // All of the time has 955 faults a second, half of the seconds with a window 550.
    EXPECT_NEAR(rate_scale(slowed_down_for(0.5), {0, 100}).middle, 9.55, 1e-6);
    // Windows longer than the time between snapshots.
    EXPECT_NEAR(rate_scale(slowed_down_for(2.5), {0, 100}).middle, 7.75, 1e-6);
}

TEST(RateScale, WidensAnInterval) {
    const RateScale scale{.low = 2, .middle = 3, .high = 4};
    const Growth growth = scaled(Growth{.bytes_per_second = 10, .low = -2, .high = 20}, scale);
    EXPECT_EQ(growth.bytes_per_second, 30);
    EXPECT_EQ(growth.low, -8);
    EXPECT_EQ(growth.high, 80);
    const auto by_work =
        scaled(std::optional(GrowthPerWork{.bytes = 1, .low = 1, .high = 1}), scale);
    EXPECT_EQ(by_work->low, 2);
    EXPECT_EQ(by_work->high, 4);
}

}  // namespace
}  // namespace seep
