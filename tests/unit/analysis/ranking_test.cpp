// SPDX-License-Identifier: GPL-2.0-only
// From a recording's contents to the report.

#include "analysis/ranking.h"

#include <gmock/gmock.h>

#include "analysis/merging.h"
#include "analysis/sampling.h"
#include "analysis/verdict.h"
#include "analysis/warnings.h"

namespace seep {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t start = 1'763'662'000 * second;

/// Contents that tests add stacks to: two processes of one program, snapshots 10 s apart.
class Contents {
 public:
    explicit Contents(std::size_t snapshots, std::uint64_t rss_step = 0) {
        contents_.info.sampling_asked = "exact";
        contents_.info.started_ns = start;
        contents_.info.interval_ns = 10 * second;
        contents_.probes = {
            {1, ProcessId(1), ObjectId(1), "malloc", 0x100, "emulated", 500, 400'000},
            {2, ProcessId(2), ObjectId(1), "free", 0x200, "single_stepped", 300, 2'000'000}};
        contents_.processes = {
            {ProcessId(1), 11, "app one", "/usr/bin/app", start, 0, "glibc (libc.so.6)"},
            {ProcessId(2), 22, "app two", "/usr/bin/app", start, 0, "glibc (libc.so.6)"}};
        for (std::size_t i = 0; i < snapshots; ++i) {
            SnapshotRecord snapshot{start + static_cast<std::int64_t>(i) * 10 * second};
            for (std::uint32_t id = 1; id <= 2; ++id) {
                ProcessSample sample;
                sample.process = ProcessId(id);
                sample.rss_bytes = (10 << 20) + i * rss_step;
                sample.cpu_ns = 7'000'000 + i * 10'000'000;
                sample.probe_hits = 100 * i;
                sample.overhead_ns = 100'000 * i;
                snapshot.processes.push_back(sample);
            }
            contents_.snapshots.push_back(snapshot);
        }
        contents_.window = {0, snapshots - 1};
        contents_.objects = {
            {ObjectId(1), {ObjectId(1), ObjectKind::file, "/lib/libc.so.6", "abcd"}},
            {ObjectId(2), {ObjectId(2), ObjectKind::file, "/usr/bin/app", ""}},
            {ObjectId(3), {ObjectId(3), ObjectKind::anonymous, "", ""}},
            {ObjectId(4), {ObjectId(4), ObjectKind::anonymous, "", ""}}};
        add_location(1, 1, 0x100, {{"inlined_helper", "", 0, true}, {"malloc", "", 0, false}});
        add_location(2, 2, 0x200, {{"inner", "a.h", 3, true}, {"outer", "a.c", 9, false}});
        add_location(3, 2, 0x300, {});
        add_location(4, 3, 0x7f0000000100, {{"jit:render", "", 0, false}});
        add_location(5, 4, 0x7f0000999900, {{"jit:render", "", 0, false}});
        add_location(6, 0, 0x1234, {});
    }

    void add_location(std::uint32_t id, std::uint32_t object, std::uint64_t address,
                      std::vector<FrameRecord> frames) {
        contents_.locations[LocationId(id)] = {LocationId(id), ObjectId(object), address, true,
                                               true,           std::move(frames)};
    }

    /// `live` at each snapshot; allocated: that and as much again, freed since. Blocks of 10 bytes,
    /// those that are freed live for up to a second.
    StackHistory& add(std::uint32_t process, const std::vector<std::uint32_t>& locations,
                      const std::vector<std::uint64_t>& live) {
        StackHistory stack;
        stack.record.id = StackId(contents_.stacks.size() + 1);
        stack.record.process = ProcessId(process);
        for (const std::uint32_t id : locations) stack.record.locations.emplace_back(id);
        for (std::size_t i = 0; i < live.size(); ++i)
            stack.live.push_back({i, live[i], live[i], live[i] / 10, live[i] / 5,
                                  twice(live[i]).allocated_squares - twice(live[i]).freed_squares});
        stack.at_start = twice(live.front());
        stack.at_end = twice(live.back());
        stack.lifetimes[20] = stack.at_end.freed_count;
        return contents_.stacks.emplace_back(std::move(stack));
    }

    static Totals twice(std::uint64_t live) {
        return {.allocated_count = live / 5,
                .allocated_bytes = live * 2,
                .freed_count = live / 10,
                .freed_bytes = live,
                .allocated_squares = live / 5 * 100 / 256,
                .freed_squares = live / 10 * 100 / 256,
                .mean_birth_us = 40'000'000};
    }

    RecordingContents* operator->() { return &contents_; }
    RecordingContents& operator*() { return contents_; }
    [[nodiscard]] Report report(SortBy sort = SortBy::growth) const {
        return build_report(contents_, {sort});
    }

 private:
    RecordingContents contents_;
};

std::vector<std::uint64_t> linear(std::uint64_t first, std::uint64_t step, std::size_t count) {
    std::vector<std::uint64_t> values;
    for (std::size_t i = 0; i < count; ++i) values.push_back(first + step * i);
    return values;
}

std::vector<std::uint64_t> live_bytes(const Report& report) {
    std::vector<std::uint64_t> values;
    for (const ReportStack& stack : report.stacks) values.push_back(stack.totals.live_bytes());
    return values;
}

TEST(Ranking, WhatLostBlocksArePartsOfIsNamedByCodeInWhicheverProcess) {
    Contents contents(3);
    for (const std::uint32_t process : {1U, 2U}) {
        const StackId head = contents.add(process, {1, 2}, linear(100, 100, 3)).record.id;
        StackReachability& part = contents.add(process, {1, 3}, linear(100, 50, 3)).reachability;
        part.looked = part.lost = part.in_object = 2 + process;
        part.object = head;
    }
    const Report report = contents.report();
    ASSERT_EQ(report.stacks.size(), 2u);
    EXPECT_THAT(report.stacks[0].evidence.lost_object, IsEmpty());
    EXPECT_EQ(report.stacks[1].evidence.lost_object, report.stacks[0].id);
    EXPECT_EQ(report.stacks[1].reachability.in_object, 7u);
}

TEST(Ranking, GrowthOverTheWindowIsEndLessStart) {
    Contents contents(3);
    contents.add(1, {1, 2}, {1000, 4000, 3000});
    const Report report = contents.report();
    ASSERT_EQ(report.stacks.size(), 1u);
    EXPECT_EQ(report.stacks[0].growth.bytes, 2000);
    EXPECT_DOUBLE_EQ(report.stacks[0].growth.bytes_per_second, 100);
    EXPECT_EQ(report.stacks[0].totals.live_bytes(), 3000u);
    EXPECT_EQ(report.totals.allocated_bytes, 6000u);
    EXPECT_EQ(report.snapshots, 3u);
    EXPECT_EQ(report.window_end_ns - report.window_start_ns, 20 * second);
}

TEST(Ranking, FramesRunOutwardsFromTheAllocatorsFunction) {
    Contents contents(2);
    contents.add(1, {1, 2, 3, 6}, {1, 2});
    const auto frames = contents.report().stacks[0].frames;
    std::vector<std::string> names;
    for (const ReportFrame& frame : frames) names.push_back(frame_name(frame));
    EXPECT_THAT(names, ElementsAre("malloc", "inner", "outer", "[app+0x300]", "[unknown+0x1234]"));
    EXPECT_EQ(frames[0].module, "libc.so.6");
    EXPECT_TRUE(frames[1].inlined);
    EXPECT_EQ(frames[2].file, "a.c");
    EXPECT_EQ(frames[2].line, 9u);
}

TEST(Ranking, TheSameCodeInTwoProcessesIsOneStack) {
    Contents contents(2);
    contents.add(1, {1, 2}, {100, 300});
    contents.add(2, {1, 2}, {10, 1000});
    contents.add(2, {1, 3}, {5, 5});
    const Report report = contents.report();
    EXPECT_THAT(live_bytes(report), ElementsAre(1300, 5));
    EXPECT_EQ(report.stacks[0].growth.bytes, 1190);
    EXPECT_EQ(report.stacks[0].totals.allocated_count, 260u);
}

TEST(Ranking, JitCodeIsTheSameByItsName) {
    Contents contents(2);
    contents.add(1, {1, 4}, {1, 2});
    contents.add(2, {1, 5}, {1, 2});
    EXPECT_EQ(contents.report().stacks.size(), 1u);
    contents->locations[LocationId(5)].frames.clear();
    EXPECT_EQ(contents.report().stacks.size(), 2u);
}

TEST(Ranking, IdsNameTheCodeAndNotTheRecording) {
    Contents one(2);
    one.add(1, {1, 3}, {1, 2});
    Contents other(4);
    other.add_location(77, 2, 0x300, {{"now_known", "", 0, false}});
    other.add(2, {1, 2}, {9, 9, 9, 10});
    other.add(2, {1, 77}, {1, 1, 1, 1'000'000});
    EXPECT_EQ(one.report().stacks[0].id, other.report().stacks[0].id);
    // Computed apart, in Python, over "abcd\0" 0x100 "app\0" 0x300, little-endian 64-bit addresses.
    EXPECT_EQ(one.report().stacks[0].id, "ba135231f244a8ac");
}

TEST(Ranking, ATruncatedStackStaysApart) {
    Contents contents(2);
    contents.add(1, {1, 2}, {100, 300});
    contents.add(1, {1, 2}, {100, 100}).record.end = StackEnd::broken;
    const Report report = contents.report();
    ASSERT_EQ(report.stacks.size(), 2u);
    EXPECT_FALSE(report.stacks[0].truncated);
    EXPECT_TRUE(report.stacks[1].truncated);
    EXPECT_DOUBLE_EQ(report.truncated_share, 20.0 / 80);
    ASSERT_EQ(report.truncated.size(), 1u);
    EXPECT_EQ(report.truncated[0].module, "app");
    EXPECT_EQ(report.truncated[0].reason, StackEnd::broken);
    EXPECT_EQ(report.truncated[0].allocations, 20u);
    EXPECT_TRUE(report.warnings.empty());
}

TEST(Ranking, SortsByWhatIsAsked) {
    Contents contents(2);
    contents.add(1, {1, 2}, {0, 500});
    contents.add(1, {1, 3}, {9000, 9000}).at_end.allocated_count = 901;
    contents.add(1, {1, 6}, {1000, 1200}).at_end.allocated_count = 5000;
    EXPECT_THAT(live_bytes(contents.report(SortBy::growth)), ElementsAre(500, 1200, 9000));
    EXPECT_THAT(live_bytes(contents.report(SortBy::live)), ElementsAre(9000, 1200, 500));
    EXPECT_THAT(live_bytes(contents.report(SortBy::count)), ElementsAre(1200, 500, 9000));
    EXPECT_THAT(live_bytes(contents.report(SortBy::allocated)), ElementsAre(9000, 1200, 500));
    EXPECT_EQ(*parse_sort("count"), SortBy::count);
    EXPECT_EQ(parse_sort("size").error().kind, ErrorKind::bad_input);
}

TEST(Ranking, ActivityIsOfTheLastSnapshotsAndOfWhatWasSeenBetween) {
    Contents contents(3);
    EXPECT_EQ(contents.report().activity->allocations, 0);
    ProcessSample& first = contents->snapshots[2].processes[0];
    first.allocated_count = 500;
    first.allocated_bytes = 9000;
    first.freed_count = 100;
    ProcessSample& other = contents->snapshots[1].processes[1];
    other.allocated_count = 1000;
    contents->snapshots[2].processes[1].allocated_count = 2500;
    const Activity all = *contents.report().activity;
    EXPECT_DOUBLE_EQ(all.allocations, (500 + 1500) / 10.0);
    EXPECT_DOUBLE_EQ(all.allocated_bytes, 900);
    EXPECT_DOUBLE_EQ(all.frees, 10);
    contents->snapshots[2].unobserved_ns = 8 * second;
    EXPECT_DOUBLE_EQ(contents.report().activity->frees, 50);
    contents->snapshots[2].unobserved_ns = 10 * second;
    EXPECT_FALSE(contents.report().activity);
    EXPECT_FALSE(Contents(1).report().activity);
}

TEST(Ranking, SureGrowthComesBeforeALuckyEnd) {
    Contents contents(40);
    auto sawtooth = std::vector<std::uint64_t>(40, 1000);
    sawtooth.back() = 900'000;
    contents.add(1, {1, 2}, sawtooth);
    contents.add(1, {1, 3}, linear(500, 100, 40));
    EXPECT_THAT(live_bytes(contents.report()), ElementsAre(4400, 900'000));
}

TEST(Ranking, EqualStacksComeInTheOrderOfTheirIds) {
    Contents contents(2);
    contents.add(1, {1, 3}, {1, 2});
    contents.add(1, {1, 2}, {1, 2});
    contents.add(1, {1, 6}, {1, 2});
    const Report report = contents.report();
    EXPECT_LT(report.stacks[0].id, report.stacks[1].id);
    EXPECT_LT(report.stacks[1].id, report.stacks[2].id);
}

TEST(Ranking, OverheadAndRssAreOfAllProcesses) {
    Contents contents(5, 4096);
    const Report report = contents.report();
    EXPECT_EQ(report.probe_hits, 800u);
    // 0.4 ms each, in 80 ms of CPU time.
    EXPECT_DOUBLE_EQ(report.overhead_cpu_percent, 1);
    EXPECT_EQ(report.rss_bytes, 2u * ((10 << 20) + 4 * 4096));
    EXPECT_DOUBLE_EQ(report.rss_growth_bytes_per_second, 2.0 * 4096 / 10);
}

TEST(Ranking, OverheadIsOfTheHitsUntilTheWindowsEnd) {
    Contents contents(5);
    contents->window.last = 2;
    const Report report = contents.report();
    EXPECT_EQ(report.probe_hits, 400u);
    EXPECT_DOUBLE_EQ(report.overhead_cpu_percent, 1);
}

TEST(Ranking, OverheadIsAtMostAll) {
    Contents contents(5);
    for (SnapshotRecord& snapshot : contents->snapshots)
        for (ProcessSample& sample : snapshot.processes) sample.overhead_ns *= 1000;
    EXPECT_DOUBLE_EQ(contents.report().overhead_cpu_percent, 100);
}

TEST(Ranking, RssIsThatBeforeTheEndIfAllEnded) {
    Contents contents(3, 4096);
    for (ProcessSample& sample : contents->snapshots[2].processes) sample = {sample.process, false};
    EXPECT_EQ(contents.report().rss_bytes, 2u * ((10 << 20) + 4096));
    EXPECT_DOUBLE_EQ(contents.report().rss_growth_bytes_per_second, 2.0 * 4096 / 10);
}

TEST(Ended, MemoryOfAnEndedProcessIsFreedIfAnotherOutlivesIt) {
    Contents contents(4);
    contents.add(1, {1, 2}, {100, 300, 300, 300});
    contents.add(2, {1, 3}, {10, 20, 30, 40});
    contents->processes[0].ended_ns = start + 15 * second;
    const Report report = contents.report();
    EXPECT_THAT(live_bytes(report), ElementsAre(40, 0));
    EXPECT_EQ(report.stacks[1].growth.bytes, -100);
    EXPECT_EQ(report.totals.live_bytes(), 40u);
    EXPECT_THAT(report.warnings, ElementsAre(HasSubstr("process 11 (app one) ended at "
                                                       "2025-11-20T18:06:55")));
    contents->window.last = 1;
    EXPECT_THAT(contents.report().warnings, IsEmpty());
}

TEST(Ended, SoAreItsMappingsAndPages) {
    Contents contents(4);
    for (ProcessSample& sample : contents->snapshots[3].processes) {
        sample.mapped = MappedBytes{100, 20, 3, 4};
        sample.faulted = FaultedBytes{500, 60, 7};
    }
    EXPECT_EQ(contents.report().mapped, (MappedBytes{200, 40, 6, 8}));
    EXPECT_EQ(contents.report().faulted, (FaultedBytes{1000, 120, 14}));
    contents->processes[0].ended_ns = start + 15 * second;
    EXPECT_EQ(contents.report().mapped, (MappedBytes{100, 20, 3, 4}));
    EXPECT_EQ(contents.report().faulted, (FaultedBytes{500, 60, 7}));
}

TEST(Pages, AreNotAddedToBlocks) {
    Contents contents(4);
    contents->info.sources.faults = true;
    for (SnapshotRecord& snapshot : contents->snapshots) snapshot.processes[0].faulted.emplace();
    contents.add(1, {1, 2}, {100, 100, 100, 100});
    contents.add(1, {2, 3}, {0, 1000, 2000, 4000}).record.kind = StackKind::fault;
    const Report report = contents.report();
    EXPECT_EQ(report.totals.live_bytes(), 100u);
    EXPECT_EQ(report.fault_totals.live_bytes(), 4000u);
    EXPECT_THAT(live_bytes(report), ElementsAre(4000, 100));
    // What is inlined into the function that touched a page is shown.
    EXPECT_EQ(report.stacks[0].frames[0].function, "inner");
    EXPECT_EQ(report.stacks[0].culprit, 0u);
}

TEST(Pages, GoByLineAndInARuntimeLibraryByFunction) {
    Contents contents(2);
    contents->info.sources.faults = true;
    for (SnapshotRecord& snapshot : contents->snapshots) snapshot.processes[0].faulted.emplace();
    contents.add_location(7, 1, 0x500, {{"memcpy", "memcpy.S", 1, false}});
    contents.add_location(8, 1, 0x510, {{"memcpy", "memcpy.S", 2, false}});
    contents.add_location(9, 2, 0x400, {{"fill", "a.c", 5, false}});
    contents.add_location(10, 2, 0x410, {{"fill", "a.c", 5, false}});
    contents.add_location(11, 2, 0x420, {{"fill", "a.c", 6, false}});
    std::uint64_t bytes = 10;
    for (const std::uint32_t location : {7, 8, 9, 10, 11})
        contents.add(1, {location, 3}, {0, bytes *= 2}).record.kind = StackKind::fault;
    EXPECT_THAT(live_bytes(contents.report(SortBy::live)), ElementsAre(320, 80 + 160, 20 + 40));
    for (StackHistory& stack : contents->stacks) stack.record.kind = StackKind::heap;
    EXPECT_EQ(contents.report().stacks.size(), 5u);
}

TEST(Ended, WhatTheLastProcessHeldIsShown) {
    Contents contents(4);
    contents.add(1, {1, 2}, {100, 300, 300, 300});
    for (ProcessRecord& process : contents->processes) process.ended_ns = start + 25 * second;
    const Report report = contents.report();
    EXPECT_THAT(live_bytes(report), ElementsAre(300));
    EXPECT_THAT(report.warnings, Contains(HasSubstr("25s after the recording's start")).Times(2));
}

TEST(Ended, ManyEndsAreCounted) {
    Contents contents(2);
    for (std::uint32_t id = 3; id < 50; ++id)
        contents->processes.push_back(
            {ProcessId(id), id, "worker", "/usr/bin/app", start, start + second, ""});
    const auto warnings = contents.report().warnings;
    EXPECT_EQ(warnings.size(), 4u);
    EXPECT_EQ(warnings.back(), "44 more processes ended");
}

TEST(Warnings, LossesAreSummedAndExplained) {
    Contents contents(3);
    EXPECT_THAT(contents.report().warnings, IsEmpty());
    for (ProcessSample& sample : contents->snapshots[2].processes) {
        sample.losses[SEEP_LOSS_UNMATCHED_FREES] = 1000;
        sample.losses[SEEP_LOSS_LOST_ALLOCATIONS] = 617;
    }
    const Report report = contents.report();
    EXPECT_EQ(report.losses[SEEP_LOSS_LOST_ALLOCATIONS], 1234u);
    EXPECT_THAT(report.warnings, ElementsAre(HasSubstr("lost_allocations (1,234): allocations")));
}

TEST(Warnings, SilentProbesUnderAMovingRss) {
    Contents contents(3, 1 << 20);
    for (SnapshotRecord& snapshot : contents->snapshots) snapshot.processes[1].probe_hits = 0;
    const auto warnings = contents.report().warnings;
    ASSERT_EQ(warnings.size(), 1u);
    EXPECT_THAT(warnings[0], HasSubstr("process 22 (app two): no probe on glibc (libc.so.6)"));
    Contents still(3, 4096);
    for (SnapshotRecord& snapshot : still->snapshots) snapshot.processes[1].probe_hits = 0;
    EXPECT_THAT(still.report().warnings, IsEmpty());
}

TEST(Warnings, OverheadThatIsNotKnown) {
    Contents contents(3);
    contents->probes[1].hit_cost_ps = 0;
    EXPECT_THAT(contents.report().warnings, ElementsAre(HasSubstr("could not be measured")));
    contents->probes[1].hits = 0;
    EXPECT_THAT(contents.report().warnings, IsEmpty());
}

TEST(Warnings, OneSnapshot) {
    Contents contents(1);
    contents.add(1, {1, 2}, {100});
    const Report report = contents.report();
    EXPECT_THAT(report.warnings, ElementsAre(HasSubstr("only one snapshot")));
    EXPECT_EQ(report.stacks[0].verdict, Verdict::undetermined);
}

struct VerdictCase {
    const char* name;
    std::vector<std::uint64_t> live;
    Verdict verdict;
    const char* reason;
};

class VerdictOf : public ::testing::TestWithParam<VerdictCase> {};

TEST_P(VerdictOf, TheStackAndTheProcess) {
    const VerdictCase& test = GetParam();
    Contents contents(test.live.size());
    contents.add(1, {1, 2}, test.live);
    const Report report = contents.report();
    EXPECT_EQ(report.stacks[0].verdict, test.verdict) << report.stacks[0].reason;
    EXPECT_THAT(report.stacks[0].reason, HasSubstr(test.reason));
    EXPECT_EQ(report.verdict, verdict_name(test.verdict));
    EXPECT_THAT(report.reason, HasSubstr(test.reason));
}

INSTANTIATE_TEST_SUITE_P(
    Verdicts, VerdictOf,
    ::testing::Values(
        VerdictCase{"a_line", linear(1000, 100, 9), Verdict::leak,
                    "its troughs rise steadily by 10"},
        VerdictCase{"too_short", linear(1000, 100, 7), Verdict::undetermined, "7 snapshots are"},
        VerdictCase{"no_change", linear(1000, 0, 9), Verdict::steady, "as much is live"},
        VerdictCase{"shrunk", {900, 800, 700}, Verdict::steady, "200 B less"},
        VerdictCase{"up_and_down",
                    {500, 800, 400, 700, 500, 900, 400, 800, 600},
                    Verdict::steady,
                    "since its blocks were first replaced"},
        VerdictCase{"cycles",
                    {500, 400, 800, 400, 900, 500, 1000, 400, 1200},
                    Verdict::undetermined,
                    "in cycles"}),
    [](const auto& test) { return test.param.name; });

TEST(Verdicts, GrowthWithinTheSamplingsNoiseIsNotCalledGrowth) {
    EXPECT_DOUBLE_EQ(sampling_noise(100, 50, 44), 3 * 120);
    Contents contents(9);
    contents.add(1, {1, 2}, linear(1'000'000, 100'000, 9));
    EXPECT_EQ(contents.report().stacks[0].verdict, Verdict::leak);
    contents->info.sampling_bytes = 524'288;
    EXPECT_EQ(contents.report().stacks[0].verdict, Verdict::undetermined);
    EXPECT_THAT(contents.report().stacks[0].reason, HasSubstr("sampling alone"));
}

TEST(Verdicts, MissedFreesThatCouldBeItAllWithholdOne) {
    Contents contents(9);
    contents.add(1, {1, 2}, linear(1000, 100, 9));  // 70 live blocks more since the second one.
    contents->snapshots.back().processes[0].losses[SEEP_LOSS_MISSED_FREES] = 69;
    EXPECT_EQ(contents.report().stacks[0].verdict, Verdict::leak);
    contents->snapshots.back().processes[0].losses[SEEP_LOSS_MISSED_FREES] = 70;
    EXPECT_EQ(contents.report().stacks[0].verdict, Verdict::undetermined);
}

}  // namespace
}  // namespace seep
