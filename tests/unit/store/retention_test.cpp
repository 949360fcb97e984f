// SPDX-License-Identifier: GPL-2.0-only
// A recording that keeps its last hours: what is left is exact and whole, and stays within a size.

#include <gmock/gmock.h>

#include "long_recording.h"

namespace seep {
namespace {

using namespace testing;
using std::chrono::seconds;

TEST(Retention, WhatIsKeptReachesBackAsFarAsAskedForAndIsExact) {
    const TemporaryDirectory directory;
    const Workload workload{.stacks = 30,
                            .seconds = 1000,
                            .changed_every = 7,
                            .max_rows = 1'000'000,
                            .keep = seconds(100)};
    record(workload, directory);
    Result<RecordingReader> reader = RecordingReader::open(directory.file());
    ASSERT_TRUE(reader) << reader.error().message;
    const std::vector<std::uint64_t> kept = kept_seconds(*reader);
    EXPECT_GE(kept.front(), 999u - 100 - 100 / 8 - 1);
    EXPECT_LE(kept.front(), 999u - 100);
    EXPECT_EQ(kept.back(), 999u);
    EXPECT_EQ(kept.size(), kept.back() - kept.front() + 1);
    expect_exact(workload, *reader);
}

TEST(Retention, OldSnapshotsAreMergedWithinIt) {
    const TemporaryDirectory directory;
    const Workload workload{
        .stacks = 20, .seconds = 1500, .changed_every = 3, .max_rows = 500, .keep = seconds(400)};
    record(workload, directory);
    Result<RecordingReader> reader = RecordingReader::open(directory.file());
    ASSERT_TRUE(reader) << reader.error().message;
    const std::vector<std::uint64_t> kept = kept_seconds(*reader);
    EXPECT_LT(kept.size(), 200u);
    EXPECT_LE(kept.front(), 1499u - 400);
    EXPECT_GT(kept.front(), 700u);
    expect_exact(workload, *reader);
}

TEST(Retention, AShortRecordingIsKeptWhole) {
    const TemporaryDirectory directory;
    const Workload workload{.stacks = 5, .seconds = 50, .max_rows = 1000, .keep = seconds(60)};
    record(workload, directory);
    Result<RecordingReader> reader = RecordingReader::open(directory.file());
    EXPECT_EQ(kept_seconds(*reader).size(), 50u);
    expect_exact(workload, *reader);
}

TEST(Retention, TheFileStaysWithinItsSize) {
    Workload workload{.stacks = 200, .seconds = 300, .max_rows = 1'000'000, .keep = seconds(30)};
    const TemporaryDirectory shorter;
    const std::uintmax_t before = record(workload, shorter).greatest_bytes;
    const TemporaryDirectory longer;
    workload.seconds = 1500;
    EXPECT_LT(record(workload, longer).greatest_bytes, before + before / 4);
}

/// A server that forks a child every ten seconds, which makes three stacks and ends.
void record_children(RecordingWriter& writer, std::uint32_t children) {
    put_static_parts(writer);
    const auto stack_of = [](std::uint32_t child, std::uint64_t number) {
        return StackId(0x9e3779b97f4a7c15 * (100 + child * 3 + number));
    };
    for (std::uint32_t child = 0; child < children; ++child) {
        const std::int64_t began = sample_start_ns + child * 10 * second_ns;
        ProcessRecord process{
            ProcessId(child + 2), 5000 + child, "child", "/usr/bin/leaky", began, 0, "glibc"};
        EXPECT_TRUE(writer.put(process));
        EXPECT_TRUE(writer.put(
            ProbeRecord{child + 2, process.id, ObjectId(1), "malloc", 0x98890, "emulated", 1, 0}));
        EXPECT_TRUE(writer.put_event(began, process.id, "fork", "child"));
        EXPECT_TRUE(
            writer.put(PeriodRecord{child + 1, began, began + 10 * second_ns, "continuous", 0, 0}));
        for (std::uint64_t number = 0; number < 3; ++number)
            EXPECT_TRUE(writer.put(StackRecord{stack_of(child, number),
                                               process.id,
                                               StackEnd::complete,
                                               {LocationId(1), LocationId(2)}}));
        for (std::int64_t second = 0; second < 10; ++second) {
            Snapshot snapshot;
            snapshot.time_ns = began + second * second_ns;
            ProcessSample sample = sample_of(1 << 20, second < 9);
            sample.process = process.id;
            snapshot.processes = {sample_of(1 << 20), sample};
            for (std::uint64_t number = 0; number < 3; ++number)
                snapshot.changed.push_back({stack_of(child, number),
                                            totals_of(1 + static_cast<std::uint64_t>(second), 100),
                                            {}});
            if (second == 9) {
                process.ended_ns = snapshot.time_ns - second_ns / 2;
                EXPECT_TRUE(writer.put(process));
            }
            EXPECT_TRUE(writer.put_snapshot(snapshot));
            EXPECT_TRUE(writer.commit());
        }
    }
}

TEST(Retention, ProcessesThatEndedBeforeGoWithAllThatWasTheirs) {
    // Merging moves the rows of ended processes about; what refers to them must still go with them.
    for (const std::uint64_t max_rows : {std::uint64_t{1'000'000}, std::uint64_t{60}}) {
        const TemporaryDirectory directory;
        {
            Result<RecordingWriter> writer = RecordingWriter::create(
                directory.file(), sample_info(), {.max_rows = max_rows, .keep = seconds(100)});
            ASSERT_TRUE(writer) << writer.error().message;
            record_children(*writer, 100);
            ASSERT_TRUE(writer->close());
        }
        Result<RecordingReader> reader = RecordingReader::open(directory.file());
        ASSERT_TRUE(reader) << reader.error().message;
        // Of 112 s, twelve children; where snapshots were merged, there is a gap before.
        EXPECT_LE(reader->processes().size(), 1u + 12 + (max_rows == 60 ? 12 : 0));
        EXPECT_GE(reader->processes().size(), 1u + 10);
        EXPECT_EQ(reader->processes().front().id, ProcessId(1));
        EXPECT_EQ(reader->processes().back().id, ProcessId(101));
        const std::size_t children = reader->processes().size() - 1;
        const auto stacks = reader->stacks();
        ASSERT_TRUE(stacks) << stacks.error().message;
        EXPECT_EQ(stacks->size(), children * 3 + 2);
        const auto probes = reader->probes();
        ASSERT_TRUE(probes) << probes.error().message;
        EXPECT_EQ(probes->size(), children + 1);
        const auto events = reader->events();
        ASSERT_TRUE(events) << events.error().message;
        EXPECT_LE(events->size(), children + 1);
        const auto periods = reader->periods();
        ASSERT_TRUE(periods) << periods.error().message;
        EXPECT_LE(periods->size(), children + 1);
        EXPECT_EQ(periods->back().id, 100u);
        const auto lifetimes = reader->lifetimes();
        ASSERT_TRUE(lifetimes) << lifetimes.error().message;
        EXPECT_EQ(lifetimes->size(), children * 3);
        EXPECT_TRUE(reader->for_each_totals([](const TotalsRow&) {}));
    }
}

TEST(Retention, AClockThatIsSetBackForgetsNothingThatIsReferredTo) {
    const TemporaryDirectory directory;
    {
        Result<RecordingWriter> writer =
            RecordingWriter::create(directory.file(), sample_info(), {.keep = seconds(100)});
        put_static_parts(*writer);
        ProcessRecord process{ProcessId(1),    4242, "leaky", "/usr/bin/leaky",
                              sample_start_ns, 0,    ""};
        for (std::int64_t second = 0; second < 600; ++second) {
            Snapshot snapshot = sample_snapshot(static_cast<std::uint64_t>(second));
            // An hour back in the middle; the process ends after that, and so before all by time.
            const std::int64_t set = second >= 200 ? -3600 : 0;
            snapshot.time_ns = sample_start_ns + (second + set) * second_ns;
            snapshot.processes = {sample_of(1 << 20, second < 300)};
            if (second == 300) {
                process.ended_ns = snapshot.time_ns;
                ASSERT_TRUE(writer->put(process));
            }
            if (second > 300) snapshot.changed.clear(), snapshot.processes.clear();
            ASSERT_TRUE(writer->put_snapshot(snapshot));
            ASSERT_TRUE(writer->commit());
        }
        ASSERT_TRUE(writer->close());
    }
    Result<RecordingReader> reader = RecordingReader::open(directory.file());
    ASSERT_TRUE(reader) << reader.error().message;
    EXPECT_TRUE(reader->stacks());
    EXPECT_TRUE(reader->for_each_totals([](const TotalsRow&) {}));
}

}  // namespace
}  // namespace seep
