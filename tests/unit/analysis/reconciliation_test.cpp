// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/reconciliation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <optional>

#include "analysis/growth.h"
#include "analysis/process_findings.h"

namespace seep {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr std::int64_t second = 1'000'000'000;
constexpr double mebibyte = 1 << 20;
constexpr std::size_t count = 21;

/// Mebibytes at each of 21 snapshots, ten seconds apart.
using Curve = std::function<double(double)>;

double flat(double) {
    return 100;
}

/// From 100 to 200.
double rising(double i) {
    return 100 + 5 * i;
}

/// From 0 to 100, and back to `end`.
Curve burst(double end) {
    return [end](double i) { return i <= 10 ? 10 * i : 100 - (100 - end) * (i - 10) / 10; };
}

std::uint64_t bytes(double mebibytes) {
    return static_cast<std::uint64_t>(mebibytes * mebibyte);
}

struct Course {
    Curve anonymous = flat;
    Curve heap = flat;
    Curve file = flat;
    double passed = 1000;        ///< Through the allocator in the window, in MiB.
    double unmatched_frees = 0;  ///< In the window.
    double swapped = 0;          ///< The share of anonymous memory that is in swap at the end.
    std::uint64_t blocks = 10;   ///< Live at each snapshot, for each MiB.
    std::uint64_t limit = 0;
    double unseen = 0;                     ///< The share of the time without probes.
    Curve net = [](double) { return 0; };  ///< Blocks by which allocations exceed frees.
    bool jemalloc = false;                 ///< Is what is called, instead of glibc.
    std::optional<HeapInUseGrowth> in_use = {};
    double allocators = -1;  ///< By which their mappings grow in the window; below 0: not traced.
};

ProcessMemory memory_of(const Course& course, double mapped = 0) {
    RecordingContents contents;
    contents.processes = {
        {ProcessId(1), 1, "app", "/app", 0, 0, "glibc (libc.so.6), jemalloc (libjemalloc.so.2)"}};
    contents.objects = {
        {ObjectId(1), {ObjectId(1), ObjectKind::file, "/lib/libc.so.6", ""}},
        {ObjectId(2), {ObjectId(2), ObjectKind::file, "/lib/libjemalloc.so.2", ""}}};
    const auto used = ObjectId(course.jemalloc ? 2 : 1);
    const auto unused = ObjectId(course.jemalloc ? 1 : 2);
    contents.probes = {{.id = 1, .process = ProcessId(1), .object = used, .hits = 1000},
                       {.id = 2, .process = ProcessId(1), .object = unused, .hits = 5}};
    LiveSeries heap;
    for (std::size_t i = 0; i < count; ++i) {
        const auto at = static_cast<double>(i);
        const double progress = at / (count - 1);
        ProcessSample sample;
        sample.process = ProcessId(1);
        sample.swap_bytes = bytes(course.anonymous(at) * course.swapped * progress);
        sample.anonymous_bytes = bytes(course.anonymous(at)) - sample.swap_bytes;
        sample.rss_bytes = sample.anonymous_bytes + bytes(course.file(at));
        sample.allocated_bytes = bytes(course.passed * progress);
        sample.freed_count = static_cast<std::uint64_t>(1e6 * (1 + progress));
        sample.allocated_count = static_cast<std::uint64_t>(1e6 * (1 + progress) + course.net(at));
        sample.losses[SEEP_LOSS_UNMATCHED_FREES] =
            static_cast<std::uint64_t>(course.unmatched_frees * progress);
        if (course.allocators >= 0)
            sample.mapped = MappedBytes{.allocator = bytes(course.allocators * progress)};
        if (course.limit > 0) {
            sample.cgroup_limit = course.limit;
            sample.cgroup_current = sample.rss_bytes;
            sample.cgroup_inactive_file = bytes(course.file(at));
        }
        SnapshotRecord& snapshot = contents.snapshots.emplace_back();
        snapshot.time_ns = static_cast<std::int64_t>(i) * 10 * second;
        snapshot.unobserved_ns =
            static_cast<std::uint64_t>(course.unseen * static_cast<double>(snapshot.time_ns));
        snapshot.pauses = course.unseen > 0 ? i : 0;
        snapshot.processes = {sample};
        LivePoint point{.snapshot = i};
        point.live = point.least = bytes(course.heap(at));
        point.live_count = course.blocks * static_cast<std::uint64_t>(course.heap(at));
        heap.push_back(point);
    }
    contents.window = {0, count - 1};
    return reconcile(contents, heap, mapped * mebibyte, course.in_use);
}

TEST(Reconciliation, CountsTheStepsInWhichMemoryGrows) {
    EXPECT_NEAR(memory_of({.anonymous = rising}).anonymous_steps, count - 1, 1e-9);
    const auto steps = [](double i) { return 100 + 30 * std::floor(i / 5); };
    EXPECT_NEAR(memory_of({.anonymous = steps}).anonymous_steps, 4, 1e-9);
    EXPECT_EQ(memory_of({}).anonymous_steps, 0);
}

TEST(Reconciliation, LeavesToTheHeapWhatTheHeapExplains) {
    const ProcessMemory leak = memory_of({.anonymous = rising, .heap = rising});
    EXPECT_THAT(leak.verdict, IsEmpty());
    EXPECT_NEAR(leak.kappa.value(), 1, 1e-9);
    EXPECT_NEAR(leak.anonymous.bytes_per_second, mebibyte / 2, 1);
    EXPECT_THAT(memory_of({}).verdict, IsEmpty());
    EXPECT_THAT(memory_of({.anonymous = flat, .heap = rising}).verdict, IsEmpty());
}

TEST(Reconciliation, TakesWhatWasSeenInWindowsForAllOfTheTime) {
    // 100 MiB seen to be taken in 50 of 200 seconds.
    const ProcessMemory seen = memory_of(
        {.anonymous = [](double i) { return 100 + 20 * i; }, .heap = rising, .unseen = 0.75});
    EXPECT_NEAR(seen.heap.bytes_per_second, 2 * mebibyte, 1);
    EXPECT_NEAR(seen.kappa.value(), 1, 1e-6);
    EXPECT_THAT(seen.verdict, IsEmpty());
    // glibc knows what of that was freed unseen.
    const HeapInUseGrowth half{.growth = {.bytes = static_cast<std::int64_t>(200 * mebibyte)}};
    const ProcessMemory known = memory_of({.anonymous = [](double i) { return 100 + 20 * i; },
                                           .heap = rising,
                                           .unseen = 0.75,
                                           .in_use = half});
    EXPECT_NEAR(known.kappa.value(), 2, 1e-6);
}

TEST(Reconciliation, SmallBlocksNeedMoreThanTheyWereAskedFor) {
    // 16-byte blocks in chunks of 32: the process grows twice as fast as the requests.
    const Course small{
        .anonymous = rising, .heap = [](double i) { return 50 + 2.5 * i; }, .blocks = 65536};
    EXPECT_THAT(memory_of(small).verdict, IsEmpty());
    EXPECT_NEAR(memory_of(small).kappa.value(), 2, 1e-9);
}

TEST(Reconciliation, MemoryThatStaysAfterItsBlocksIsKeptByTheAllocator) {
    const auto stays = [](double i) { return i <= 10 ? 10 * i : 100.0; };
    const ProcessMemory fragmented =
        memory_of({.anonymous = stays, .heap = burst(30), .blocks = 1000});
    EXPECT_EQ(fragmented.verdict, "fragmentation");
    EXPECT_THAT(fragmented.reason,
                HasSubstr("MiB that the program has freed: 100 MiB of anonymous"));
    EXPECT_THAT(fragmented.advice, HasSubstr("malloc_trim"));
    EXPECT_THAT(fragmented.advice, Not(HasSubstr("jemalloc")));  // it is mapped, but hardly called
    // 300 blocks hold 300 pages at least, and not much more.
    EXPECT_EQ(memory_of({.anonymous = stays, .heap = burst(30), .blocks = 10}).verdict,
              "retention");
    EXPECT_THAT(memory_of({.anonymous = burst(30), .heap = burst(30)}).verdict, IsEmpty());
    // The program's own mappings have taken the place of its blocks.
    EXPECT_EQ(memory_of({.anonymous = stays, .heap = burst(30), .blocks = 1000}, 70).verdict,
              "outside the heap");
}

TEST(Reconciliation, WhatJemallocDoesNotGiveBackIsHeldByBlocks) {
    const auto stays = [](double i) { return i <= 10 ? 10 * i : 100.0; };
    const ProcessMemory held =
        memory_of({.anonymous = stays, .heap = burst(30), .blocks = 10, .jemalloc = true});
    EXPECT_EQ(held.verdict, "fragmentation");
    EXPECT_THAT(held.reason, HasSubstr("jemalloc gives pages back ten seconds after"));
    EXPECT_THAT(held.advice, HasSubstr("activedefrag"));
    // It had most ten seconds ago.
    const auto late = [](double i) { return i < count - 1 ? 100.0 : 30.0; };
    EXPECT_EQ(memory_of({.heap = late, .blocks = 10, .jemalloc = true}).verdict, "retention");
}

TEST(Reconciliation, GlibcsAccountTellsWhatItKeeps) {
    const HeapInUseGrowth heap{
        .bytes = bytes(30), .blocks = 100'000, .free_bytes = bytes(65), .freed_bytes = bytes(60)};
    const ProcessMemory held = memory_of({.unseen = 0.75, .in_use = heap});
    EXPECT_EQ(held.verdict, "fragmentation");
    EXPECT_THAT(held.reason, StartsWith("the allocator keeps 60 MiB that the program has freed: by "
                                        "glibc's account 30 MiB are in use"));
    EXPECT_THAT(held.advice, HasSubstr("malloc_trim"));
    HeapInUseGrowth few = heap;
    few.blocks = 1000;
    EXPECT_EQ(memory_of({.in_use = few}).verdict, "retention");
    // Most of the memory was free before.
    few.freed_bytes = 0;
    few.kept_free_bytes = bytes(49);
    EXPECT_THAT(memory_of({.in_use = few}).verdict, IsEmpty());
    few.kept_free_bytes = bytes(51);
    EXPECT_EQ(memory_of({.in_use = few}).verdict, "retention");
    // The pages of what is free were given back.
    const auto given_back = [](double i) { return i < 10 ? 100.0 : 32.0; };
    EXPECT_THAT(memory_of({.anonymous = given_back, .unseen = 0.75, .in_use = heap}).verdict,
                IsEmpty());
}

TEST(Reconciliation, CountsFreesOfWhatWasThereBeforeAtLeast) {
    // A million blocks from before attaching are freed and nothing is given back.
    const ProcessMemory memory = memory_of({.unmatched_frees = 1e6, .blocks = 1000});
    EXPECT_EQ(memory.verdict, "fragmentation");
    EXPECT_THAT(memory_of({.unmatched_frees = 1000}).verdict, IsEmpty());
}

TEST(Reconciliation, InWindowsWhatIsKeptIsKnownByTheNumberOfBlocks) {
    // A quarter is seen: 40,000 blocks of 1 KiB become fewer by 30,000, of four times as many.
    const auto stays = [](double i) { return i <= 10 ? 20 * i : 200.0; };
    const auto net = [](double i) { return i <= 10 ? 4e3 * i : 4e4 - 6e3 * std::min(5.0, i - 10); };
    Course course{
        .anonymous = stays, .heap = burst(100), .blocks = 1024, .unseen = 0.75, .net = net};
    const ProcessMemory memory = memory_of(course);
    EXPECT_EQ(memory.verdict, "fragmentation");
    EXPECT_THAT(memory.reason, HasSubstr("keeps about 117 MiB that the program has freed: about "
                                         "120,000 more blocks were freed than allocated since it "
                                         "had most, of 1 KiB each as those that are held"));
    EXPECT_THAT(memory.advice, HasSubstr("malloc_trim"));

    // As many would come to a little more than there was: they were smaller.
    course.anonymous = [&](double i) { return stays(i) * 0.55; };
    EXPECT_THAT(memory_of(course).reason, HasSubstr("keeps up to 110 MiB"));
    // What was freed would have been given out again before the memory grows.
    course.anonymous = [&](double i) { return stays(i) + 2 * std::max(0.0, i - 10); };
    EXPECT_THAT(memory_of(course).verdict, IsEmpty());
    // The kernel has it back.
    course.anonymous = [](double i) {
        return i <= 10 ? 20 * i : 200 - 117 * std::min(5.0, i - 10) / 5;
    };
    EXPECT_THAT(memory_of(course).verdict, IsEmpty());
    // Nor can it have held what is said to have come before.
    course.anonymous = [&](double i) { return stays(i) / 10; };
    course.net = [&](double i) { return net(i) / 12; };
    EXPECT_EQ(memory_of(course).verdict, "fragmentation");
    course.net = [](double i) {
        return i <= 10 ? 4e3 * i : 4e4 - 6e3 / 12 * std::min(5.0, i - 10);
    };
    EXPECT_THAT(memory_of(course).verdict, IsEmpty());
    course.net = net;
    // It was there before, and may be of any size.
    course.anonymous = flat;
    course.blocks = 0;
    EXPECT_THAT(memory_of(course).verdict, IsEmpty());
    course.net = [&](double i) { return 10 * net(i); };
    EXPECT_THAT(memory_of(course).reason, HasSubstr("of 16 B each at least"));
    // Threads that end seem to free all the time.
    course.net = [](double i) { return 4e5 - 2e4 * i; };
    EXPECT_THAT(memory_of(course).verdict, IsEmpty());
}

TEST(Reconciliation, CreepingMemoryOfABusySteadyHeapIsFragmentation) {
    EXPECT_EQ(memory_of({.anonymous = rising}).verdict, "fragmentation");
}

TEST(Reconciliation, WhatTheAllocatorWasNeverAskedForIsOutsideTheHeap) {
    const ProcessMemory outside = memory_of({.anonymous = rising, .passed = 10});
    EXPECT_EQ(outside.verdict, "outside the heap");
    EXPECT_THAT(outside.advice, IsEmpty());
    EXPECT_EQ(memory_of({.anonymous = rising}, 90).verdict, "outside the heap");
    const ProcessMemory files = memory_of({.file = rising});
    EXPECT_EQ(files.verdict, "outside the heap");
    EXPECT_THAT(files.reason, HasSubstr("files"));
}

TEST(Reconciliation, HolesAreNoLargerThanWhatIsBetweenThem) {
    // A runtime whose own arenas are mapped: 100 MiB over a heap of 5, through which 300 passed.
    const auto small = [](double i) { return i / 4; };
    const Course runtime{.anonymous = rising, .heap = small, .passed = 300};
    EXPECT_EQ(memory_of(runtime).verdict, "outside the heap");
    EXPECT_THAT(memory_of(runtime).reason, HasSubstr("--source heap,mapping"));
    EXPECT_THAT(memory_of(runtime).advice, IsEmpty());
}

TEST(Reconciliation, WhoMappedItTellsWhereThatWasTraced) {
    // The allocator's own mappings hold the blocks of the steady heap, and nothing else.
    EXPECT_EQ(memory_of({.anonymous = rising, .allocators = 5}).verdict, "outside the heap");
    const ProcessMemory fragmented = memory_of({.anonymous = rising, .allocators = 98});
    EXPECT_EQ(fragmented.verdict, "fragmentation");
    EXPECT_THAT(fragmented.reason, Not(HasSubstr("to tell")));
    EXPECT_EQ(memory_of({.anonymous = rising, .allocators = 98}, 90).verdict, "outside the heap");
}

TEST(Reconciliation, SwappingChangesNothing) {
    const ProcessMemory memory = memory_of({.swapped = 0.9});
    EXPECT_THAT(memory.verdict, IsEmpty());
    EXPECT_EQ(memory.anonymous.bytes, 0);
    EXPECT_EQ(memory.swap_bytes, bytes(90));
}

TEST(Reconciliation, SaysWhenTheLimitIsReached) {
    // 200 MiB anonymous at the end, half a MiB a second, 300 MiB allowed; file pages do not count.
    const ProcessMemory memory =
        memory_of({.anonymous = rising, .heap = rising, .limit = bytes(300)});
    EXPECT_NEAR(memory.limit.expected.value(), 200, 1);
    EXPECT_THAT(limit_text(memory.limit), HasSubstr("3m2"));
    EXPECT_THAT(limit_text(memory_of({.limit = bytes(300)}).limit), IsEmpty());
    EXPECT_EQ(limit_text({.earliest = 3600, .expected = 7200, .latest = std::nullopt}),
              "2h (1h to never)");
    EXPECT_EQ(limit_text({.earliest = 7200}), "2h at the earliest, or never");
    EXPECT_EQ(limit_text({.earliest = 500 * 86400}), "");
}

TEST(Reconciliation, SpeaksOfTheHostsEndWhereItMayBeNear) {
    const auto sentence = [](double bytes_per_second, const char* verdict = "leak") {
        Report report;
        report.memory.limited_by = MemoryLimit::host;
        report.memory.limit_bytes = bytes(300);
        report.memory.used_bytes = bytes(200);
        report.findings.resize(1);
        report.findings[0].verdict = verdict;
        report.findings[0].sentence = "`f` leaks";
        report.findings[0].growth = {bytes_per_second, bytes_per_second, bytes_per_second};
        conclude(report);
        EXPECT_TRUE(report.findings[0].limit.expected);
        return report.findings[0].sentence;
    };
    EXPECT_THAT(sentence(mebibyte), HasSubstr("fills the host's memory in 1m40s"));
    EXPECT_EQ(sentence(1), "`f` leaks");                    // in three years
    EXPECT_EQ(sentence(mebibyte, "warming"), "`f` leaks");  // never, as it is slowing down
}

TEST(Reconciliation, SaysWhereTheMemoryGrowsByLessThanALeak) {
    Report report;
    report.memory = memory_of({.anonymous = rising, .limit = bytes(300)});
    report.findings.resize(1);
    report.findings[0].verdict = "leak";
    report.findings[0].sentence = "`f` leaks";
    report.findings[0].growth = {10 * mebibyte, 9 * mebibyte, 11 * mebibyte};
    conclude(report);
    EXPECT_THAT(report.findings[0].sentence,
                HasSubstr("; the memory grows by 1.76 GiB an hour alone, and reaches the control "
                          "group's limit in"));
}

TEST(Reconciliation, AProcessWithoutMemoryHasNoVerdict) {
    RecordingContents contents;
    contents.snapshots.resize(3);
    contents.window = {0, 2};
    EXPECT_THAT(reconcile(contents, {}, 0).verdict, IsEmpty());
}

TEST(Reconciliation, ConcludesWithTheLeaksFirst) {
    Report report;
    report.memory = memory_of({.anonymous = rising, .passed = 10, .limit = bytes(300)});
    report.findings.resize(2);
    report.findings[0].verdict = "leak";
    report.findings[0].sentence = "`f` leaks";
    report.findings[0].growth = {mebibyte / 2, mebibyte / 2, mebibyte / 2};
    report.findings[1].verdict = "growing";
    conclude(report);
    ASSERT_EQ(report.findings.size(), 3U);
    EXPECT_EQ(report.findings[0].sentence,
              "`f` leaks; by itself it reaches the control group's limit in 3m20s");
    EXPECT_EQ(report.findings[1].verdict, "outside the heap");
    EXPECT_EQ(report.verdict, "outside the heap");
}

TEST(Reconciliation, AnOpenProcessWhoseHeapGrowsByAFindingGrows) {
    const auto verdict = [](double least_in_use, double least_found) {
        Report report;
        report.verdict = "undetermined";
        report.findings.resize(1);
        report.findings[0].verdict = "growing";
        report.findings[0].growth = {mebibyte, least_found, 2 * mebibyte};
        report.memory.in_use.emplace().growth = {mebibyte, least_in_use, 2 * mebibyte};
        conclude(report);
        return report.verdict;
    };
    EXPECT_EQ(verdict(mebibyte / 2, mebibyte / 2), "growing");
    EXPECT_EQ(verdict(-mebibyte, mebibyte / 2), "undetermined");
    EXPECT_EQ(verdict(mebibyte / 2, 0), "undetermined");
}

TEST(Reconciliation, SaysThatMemoryGrowsUnseen) {
    const auto sentence = [](double found, double seen, const Curve& anonymous) {
        Report report;
        report.snapshots = 2 * least_snapshots;
        report.window_end_ns = 100'000'000'000;
        report.memory = memory_of({.anonymous = anonymous, .unseen = 1 - seen});
        report.sampling.observed_share = seen;
        report.findings.resize(1);
        report.findings[0].verdict = "growing";
        report.findings[0].growth.bytes_per_second = found * mebibyte;
        conclude(report);
        return report.findings[0].sentence;
    };
    EXPECT_THAT(sentence(0.1, 0.1, rising), HasSubstr("does not tell from where"));
    EXPECT_THAT(sentence(0.4, 0.1, rising), IsEmpty());
    EXPECT_THAT(sentence(0.1, 1, rising), Not(HasSubstr("does not tell from where")));
    EXPECT_THAT(sentence(0.1, 0.1, flat), IsEmpty());
    EXPECT_THAT(sentence(0.1, 0.1, rising), HasSubstr("--sample exact"));
    EXPECT_THAT(sentence(0.1, 0.9, rising), Not(HasSubstr("--sample exact")));
    // Three quarters of it came in the first half.
    const Curve slowing = [](double i) { return 100 + 12 * i - std::max(0.0, i - 10) * 8; };
    EXPECT_THAT(sentence(0.01, 0.1, slowing), HasSubstr("and slows down"));
    // Evenly, by 400 KiB and 200 KiB in the window.
    const auto by = [](double a_second) {
        return [a_second](double i) { return 100 + a_second * i; };
    };
    EXPECT_THAT(sentence(0, 0.1, by(0.04)), HasSubstr("does not tell from where"));
    EXPECT_THAT(sentence(0, 0.1, by(0.02)), IsEmpty());
}

/// In 100 s, of which a tenth was seen.
Report growing_unseen() {
    Report report;
    report.snapshots = 2 * least_snapshots;
    report.window_end_ns = 100'000'000'000;
    report.memory = memory_of({.anonymous = rising, .unseen = 0.9});
    report.sampling.observed_share = 0.1;
    return report;
}

TEST(Reconciliation, TellsWhatTheHeapHasFromWhatIsBesideIt) {
    const auto sentence = [](double in_use) {
        Report report = growing_unseen();
        const Growth growth{in_use * mebibyte, in_use * mebibyte, in_use * mebibyte,
                            static_cast<std::int64_t>(in_use * 100 * mebibyte)};
        Growth lately = growth;
        lately.bytes /= 2;
        report.memory.in_use = {.growth = growth, .lately = lately};
        conclude(report);
        return report.findings.empty() ? std::string() : report.findings.front().sentence;
    };
    // Of 0.5 MiB a second of the anonymous memory.
    EXPECT_THAT(sentence(0.4), AllOf(StartsWith("What glibc has in use grows by 1.41 GiB an hour"),
                                     HasSubstr("does not tell from where")));
    EXPECT_THAT(sentence(0.1), StartsWith("What glibc has in use grows by 360 MiB an hour"));
    EXPECT_THAT(sentence(0), AllOf(StartsWith("The anonymous memory grows by 1.76 GiB an hour"),
                                   HasSubstr("or mapped past them")));
}

TEST(Reconciliation, SaysThatItMayBeTheLoad) {
    Report report = growing_unseen();
    const auto sentence = [&](double rise) {
        report.sampling.load_rise = rise;
        report.findings.clear();
        conclude(report);
        return report.findings.front().sentence;
    };
    EXPECT_THAT(sentence(1.5),
                HasSubstr("it may be the load: in the later half of the window there "
                          "were 1.5 times as many"));
    EXPECT_THAT(sentence(1.1), Not(HasSubstr("load")));
}

TEST(Reconciliation, NamesWhatMayHaveGrownUnseen) {
    Report report = growing_unseen();
    for (const auto& [function, rate] : {std::pair{"swap_page", 10.0},
                                         {"load_page", 20.0},
                                         {"open_page", 5.0},
                                         {"load_page", 0.0}}) {
        ReportStack stack;
        stack.frames = {{.function = "malloc"}, {.function = function}};
        stack.culprit = 1;
        stack.growth.bytes_per_second = rate;
        report.stacks.push_back(stack);
    }
    conclude(report);
    ASSERT_EQ(report.findings.size(), 1U);
    EXPECT_THAT(report.findings[0].sentence, HasSubstr("it may be of `load_page` or `swap_page`:"));
}

TEST(Reconciliation, SaysThatMemoryGrowsInWhatCannotBeToldYet) {
    Report report;
    report.snapshots = 2 * least_snapshots;
    report.window_end_ns = 60'000'000'000;
    report.memory.anonymous = report.memory.anonymous_lately = {
        .bytes_per_second = mebibyte, .low = mebibyte, .high = mebibyte, .bytes = 60 << 20};
    report.findings.resize(1);
    report.findings[0].verdict = "leak";
    report.findings[0].growth.bytes_per_second = mebibyte / 4;
    ReportStack undecided;
    undecided.frames = {{.function = "malloc"}, {.function = "load_page"}};
    undecided.culprit = 1;
    undecided.growth.bytes = 50 << 20;
    undecided.evidence.decidable_at_ns = 260'000'000'000;
    report.stacks = {undecided};
    Report decided = report;
    Report little = report;
    conclude(report);
    ASSERT_EQ(report.findings.size(), 2U);
    EXPECT_EQ(report.findings[1].verdict, "growing");
    EXPECT_THAT(report.findings[1].sentence,
                HasSubstr("as those of `load_page`, of which it cannot be told yet: record for "
                          "4m20s or longer"));
    EXPECT_EQ(report.verdict, "leak");

    decided.stacks[0].verdict = Verdict::steady;
    conclude(decided);
    EXPECT_EQ(decided.findings.size(), 1U);

    little.memory.anonymous_lately = {.bytes_per_second = mebibyte / 60, .low = 1};
    little.findings.clear();
    Report in_steps = little;
    conclude(little);
    EXPECT_EQ(little.findings.size(), 0U);
    in_steps.memory.anonymous_steps = 8;
    Report early = in_steps;
    conclude(in_steps);
    EXPECT_EQ(in_steps.findings.size(), 1U);
    early.snapshots = 2 * least_snapshots - 1;
    conclude(early);
    EXPECT_EQ(early.findings.size(), 0U);
}

TEST(Reconciliation, NothingFillsTheMemoryWhileItDoesNotGrow) {
    const auto sentence = [](const char* verdict, const Curve& anonymous) {
        Report report;
        report.memory = memory_of({.anonymous = anonymous, .heap = anonymous, .limit = bytes(300)});
        report.findings.resize(1);
        report.findings[0].verdict = verdict;
        report.findings[0].growth = {mebibyte, mebibyte, mebibyte};
        conclude(report);
        return report.findings[0].sentence;
    };
    EXPECT_THAT(sentence("growing", rising), HasSubstr("3m20s"));
    EXPECT_THAT(sentence("growing", burst(100)), IsEmpty());  // stands for half of the time
    EXPECT_THAT(sentence("leak", burst(100)), HasSubstr("limit in"));
    EXPECT_THAT(sentence("load", rising), IsEmpty());
}

TEST(RetentionAdvice, IsOfTheAllocatorsThatAreThere) {
    EXPECT_THAT(retention_advice("jemalloc (redis-server)"), HasSubstr("dirty_decay_ms"));
    EXPECT_THAT(retention_advice("tcmalloc (libtcmalloc.so.4)"), HasSubstr("RELEASE_RATE"));
    EXPECT_THAT(retention_advice("mimalloc (libmimalloc.so.2)"), HasSubstr("PURGE_DELAY"));
    EXPECT_THAT(retention_advice("glibc (libc.so.6)"), HasSubstr("MALLOC_ARENA_MAX"));
    EXPECT_THAT(retention_advice("musl (ld-musl-x86_64.so.1)"), IsEmpty());
}

}  // namespace
}  // namespace seep
