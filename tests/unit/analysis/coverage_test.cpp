// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/coverage.h"

#include <gmock/gmock.h>

#include "analysis/comparison.h"
#include "analysis/ranking.h"

namespace seep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::int64_t second = 1'000'000'000;

/// One process whose probes are in place in every second of five, for 200 s; a snapshot each 5 s.
RecordingContents in_windows() {
    RecordingContents contents;
    contents.info.sampling_asked = "auto";
    contents.info.budget_ppm = 50'000;
    contents.processes = {{.id = ProcessId(1), .pid = 11}};
    contents.locations.emplace(LocationId(1), LocationRecord{.id = LocationId(1)});
    for (std::int64_t i = 0; i <= 40; ++i) {
        ProcessSample sample{.process = ProcessId(1)};
        sample.cpu_ns = static_cast<std::uint64_t>(i * second);
        sample.overhead_ns = static_cast<std::uint64_t>(i * second / 100);
        contents.snapshots.push_back({.time_ns = i * 5 * second + second,
                                      .unobserved_ns = static_cast<std::uint64_t>(i * 4 * second),
                                      .processes = {sample}});
    }
    contents.window = {0, 40};
    contents.periods = {{1, second, 201 * second, "windows", 0, 160 * second}};
    return contents;
}

/// Held bytes at each snapshot; all but the last window's lapsed.
void add_stack(RecordingContents& contents, std::uint64_t id, std::uint64_t a_window,
               std::uint64_t most) {
    StackHistory stack{.record = {.id = StackId(id), .process = ProcessId(1)}};
    stack.record.locations.assign(id, LocationId(1));
    for (std::size_t i = 0; i < contents.snapshots.size(); ++i) {
        const std::uint64_t held = std::min<std::uint64_t>(i * a_window, most);
        stack.at_end.allocated_bytes = i * a_window;
        stack.at_end.allocated_count = i * a_window / 10;
        stack.at_end.freed_bytes = i * a_window - held;
        stack.at_end.freed_count = stack.at_end.freed_bytes / 10;
        stack.live.push_back({i, held, held});
    }
    stack.at_end.lapsed_bytes = stack.at_end.held_bytes() - std::min(a_window, most);
    stack.at_end.lapsed_count = stack.at_end.lapsed_bytes / 10;
    contents.stacks.push_back(std::move(stack));
}

TEST(Coverage, IsTheShareOfTheWindowThatWasObserved) {
    RecordingContents contents = in_windows();
    const ReportSampling sampling = sampling_of(contents);
    EXPECT_DOUBLE_EQ(sampling.observed_share, 0.2);
    ASSERT_THAT(sampling.periods, SizeIs(1));
    EXPECT_DOUBLE_EQ(sampling.periods[0].seconds, 200);
    EXPECT_DOUBLE_EQ(sampling.periods[0].observed_seconds, 40);
    EXPECT_TRUE(sampling.periods[0].windows);
    for (SnapshotRecord& snapshot : contents.snapshots) snapshot.unobserved_ns = 0;
    EXPECT_EQ(sampling_of(contents).observed_share, 1);
}

TEST(Coverage, TheLoadIsToldByHalves) {
    RecordingContents contents = in_windows();
    EXPECT_FALSE(sampling_of(contents).load_rise);
    // 1,000 in each window, then 1,500.
    for (std::size_t i = 0; i <= 40; ++i)
        contents.snapshots[i].processes[0].allocated_count =
            1'000 * i + (i > 20 ? 500 * (i - 20) : 0);
    ASSERT_TRUE(sampling_of(contents).load_rise);
    EXPECT_NEAR(*sampling_of(contents).load_rise, 1.5, 1e-9);
}

TEST(Coverage, ALeaksRateIsThatOfTheTimeObserved) {
    RecordingContents contents = in_windows();
    add_stack(contents, 1, 1000, 1'000'000);  // 1000 bytes a second, all of which stay
    add_stack(contents, 2, 50'000, 150'000);  // more, but its addresses come back
    const Report report = build_report(contents, {});
    ASSERT_THAT(report.stacks, SizeIs(2));
    const ReportStack& leak = report.stacks[0];
    EXPECT_THAT(leak.frames, SizeIs(1));
    EXPECT_NEAR(leak.growth.bytes_per_second, 1000, 1e-6);
    EXPECT_EQ(leak.growth.bytes, 200'000);
    EXPECT_EQ(leak.verdict, Verdict::growing) << leak.reason;
    EXPECT_THAT(leak.reason, HasSubstr("seen for 20 % of the time"));
    EXPECT_EQ(leak.totals.live_bytes(), 1000u);
    EXPECT_EQ(leak.totals.lapsed_bytes, 39'000u);
    EXPECT_NE(report.stacks[1].verdict, Verdict::growing) << report.stacks[1].reason;
}

TEST(Coverage, ABufferThatIsEnlargedGrowsBetweenWindowsToo) {
    RecordingContents contents = in_windows();
    // 1000 bytes more every five seconds, in one block that is replaced twice a second.
    StackHistory stack{.record = {.id = StackId(1), .process = ProcessId(1)}};
    stack.record.locations.assign(1, LocationId(1));
    for (std::size_t i = 0; i < contents.snapshots.size(); ++i) {
        const std::uint64_t held = 10'000 + 1000 * i;
        stack.live.push_back({i, held, held, 1, 2 * i + 1});
        stack.at_end.allocated_bytes += 2 * held;
        stack.at_end.freed_bytes = stack.at_end.allocated_bytes - held;
    }
    stack.at_end.allocated_count = 2 * contents.snapshots.size() - 1;
    stack.at_end.freed_count = stack.at_end.allocated_count - 1;
    stack.at_end.lapsed_count = 1;
    stack.at_end.lapsed_bytes = stack.at_end.held_bytes();
    contents.stacks.push_back(std::move(stack));
    const Report report = build_report(contents, {});
    EXPECT_NEAR(report.stacks[0].growth.bytes_per_second, 200, 1e-6);
    EXPECT_EQ(report.stacks[0].growth.bytes, 40'000);
    EXPECT_TRUE(report.stacks[0].seen_to_leak) << report.stacks[0].reason;
}

TEST(Coverage, WhatHasLapsedRanksAsLive) {
    RecordingContents contents = in_windows();
    add_stack(contents, 1, 10, 1000);
    add_stack(contents, 2, 1000, 1'000'000);
    contents.stacks[1].at_end.lapsed_bytes = contents.stacks[1].at_end.held_bytes();
    contents.stacks[1].at_end.lapsed_count = contents.stacks[1].at_end.held_count();
    for (const SortBy sort : {SortBy::live, SortBy::count})
        EXPECT_THAT(build_report(contents, {.sort = sort}).stacks[0].frames, SizeIs(2));
}

TEST(Coverage, ComparedRatesAreThoseOfTheTimeObserved) {
    RecordingContents slow = in_windows();
    add_stack(slow, 1, 1000, 1'000'000);
    RecordingContents fast = in_windows();
    add_stack(fast, 1, 3000, 1'000'000);
    const auto comparison = compare(slow, fast, ComparedPer::time);
    ASSERT_TRUE(comparison);
    EXPECT_NEAR(comparison->base.growth, 3600 * 1000, 1);
    EXPECT_NEAR(comparison->stacks[0].current.growth, 3600 * 3000, 1);
    EXPECT_EQ(comparison->stacks[0].current.live_bytes, 120'000u);
    EXPECT_THAT(comparison->warnings,
                ::testing::Contains(HasSubstr("base: seen for 20 % of the time")));

    for (RecordingContents* contents : {&slow, &fast})
        for (std::size_t i = 0; i <= 40; ++i) contents->snapshots[i].work = i * 500;
    const auto by_work = compare(slow, fast, ComparedPer::work);
    ASSERT_TRUE(by_work);
    EXPECT_NEAR(by_work->base.measure, 4, 1e-6);  // thousands, a fifth of which were seen
}

TEST(Coverage, AnUpperBoundIsNoLeak) {
    const ReportSampling partly{.observed_share = 0.25};
    EXPECT_EQ(tempered({Verdict::leak, "r"}, partly).verdict, Verdict::growing);
    EXPECT_EQ(tempered({Verdict::undetermined, "r"}, partly).verdict, Verdict::undetermined);
    EXPECT_EQ(tempered({Verdict::warming, "r"}, partly).verdict, Verdict::undetermined);
    // What is held at most has not grown, so that what is live has not.
    EXPECT_EQ(tempered({Verdict::steady, "r"}, partly).verdict, Verdict::steady);
    EXPECT_THAT(tempered({Verdict::steady, "r"}, partly).reason, HasSubstr("25 %"));
    EXPECT_EQ(tempered({Verdict::leak, "r"}, {}).verdict, Verdict::leak);
    EXPECT_EQ(tempered({Verdict::leak, "r"}, {}).reason, "r");
}

TEST(Coverage, TheClockStandsStillBetweenWindows) {
    RecordingContents contents;
    contents.snapshots = {{.time_ns = 10},
                          {.time_ns = 20, .unobserved_ns = 5},
                          {.time_ns = 30, .unobserved_ns = 15},
                          {.time_ns = 40, .unobserved_ns = 15}};
    const auto clock = on_observed_clock(contents).snapshots;
    std::vector<std::int64_t> times;
    for (const SnapshotRecord& snapshot : clock) times.push_back(snapshot.time_ns);
    EXPECT_THAT(times, ElementsAre(10, 15, 15, 25));
}

TEST(Coverage, TooLittleOrTooDearIsSaid) {
    Report report;
    EXPECT_THAT(coverage_warnings(report), IsEmpty());
    report.sampling.observed_share = 0.001;
    EXPECT_THAT(coverage_warnings(report), ElementsAre(HasSubstr("--source mapping")));
    report.sampling = {.asked = "exact"};
    report.over_budget = true;
    EXPECT_THAT(coverage_warnings(report), ElementsAre(HasSubstr("--sample auto keeps it below")));
    RecordingContents contents = in_windows();
    EXPECT_FALSE(build_report(contents, {}).over_budget);
    contents.info.budget_ppm = 9'000;
    EXPECT_TRUE(build_report(contents, {}).over_budget);
}

}  // namespace
}  // namespace seep
