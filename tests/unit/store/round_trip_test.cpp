// SPDX-License-Identifier: GPL-2.0-only
// What is written is what is read.

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "sample_recording.h"

namespace seep {
namespace {

using namespace testing;

TEST(RoundTrip, EveryRecordComesBack) {
    const TemporaryDirectory directory;
    write_sample(directory.file());
    Result<RecordingReader> reader = RecordingReader::open(directory.file());
    ASSERT_TRUE(reader) << reader.error().message;

    EXPECT_EQ(reader->info().attach_mode, "session");
    EXPECT_EQ(reader->info().started_ns, sample_start_ns);
    ASSERT_EQ(reader->processes().size(), 1u);
    EXPECT_EQ(reader->processes()[0].command, "leaky --fast");
    EXPECT_EQ(reader->processes()[0].pid, 4242);
    ASSERT_EQ(reader->snapshots().size(), 4u);
    const ProcessSample& sample = reader->snapshots()[3].processes.at(0);
    EXPECT_EQ(sample.rss_bytes, 1'000'000u + 3 * 4096);
    EXPECT_EQ(sample.cgroup_limit, 1u << 30);
    EXPECT_EQ(sample.cgroup_current, std::nullopt);
    EXPECT_EQ(sample.losses[SEEP_LOSS_UNMATCHED_FREES], 3u);
    EXPECT_EQ(sample.losses[SEEP_LOSS_MISSED_FREES], 0u);

    const auto objects = reader->objects();
    ASSERT_TRUE(objects);
    ASSERT_EQ(objects->size(), 2u);
    EXPECT_EQ((*objects)[0].build_id, "ab12");
    const auto locations = reader->locations();
    ASSERT_TRUE(locations) << locations.error().message;
    const auto expected = sample_locations();
    ASSERT_EQ(locations->size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ((*locations)[i].object, expected[i].object);
        EXPECT_EQ((*locations)[i].address, expected[i].address);
        EXPECT_EQ((*locations)[i].is_call, expected[i].is_call);
        EXPECT_EQ((*locations)[i].symbolized, expected[i].symbolized);
        EXPECT_EQ((*locations)[i].frames, expected[i].frames);
    }
    const auto stacks = reader->stacks();
    ASSERT_TRUE(stacks) << stacks.error().message;
    ASSERT_EQ(stacks->size(), 2u);
    EXPECT_EQ((*stacks)[0].id, leak_stack);  // Negative as SQLite has it, so it comes first.
    EXPECT_EQ((*stacks)[0].locations.size(), 3u);
    EXPECT_EQ((*stacks)[1].end, StackEnd::broken);
    const auto probes = reader->probes();
    ASSERT_TRUE(probes);
    EXPECT_EQ(probes->at(0).site, "emulated");
    EXPECT_EQ(probes->at(0).hit_cost_ps, 600'000u);
    EXPECT_EQ(reader->info().frame_cost_ps, 290'000u);
    const auto events = reader->events();
    ASSERT_TRUE(events);
    EXPECT_EQ(events->at(0).text, "42 probes");
    EXPECT_EQ(reader->info().budget_ppm, 50'000u);
    const auto periods = reader->periods();
    ASSERT_TRUE(periods);
    ASSERT_EQ(periods->size(), 1u);
    EXPECT_EQ(periods->at(0).level, "windows");
    EXPECT_EQ(periods->at(0).sampling_bytes, 4096u);
    EXPECT_EQ(periods->at(0).unobserved_ns, std::uint64_t{7 * second_ns});
    EXPECT_EQ(reader->snapshots()[3].unobserved_ns, std::uint64_t{7 * second_ns});
    EXPECT_EQ(reader->snapshots()[3].pauses, 3u);
    EXPECT_EQ(reader->snapshots()[0].host, std::nullopt);
    EXPECT_EQ(reader->snapshots()[3].host, (HostMemory{1000, 700, 200, 3}));
    EXPECT_EQ(sample.waited_ns, 30'000u);
    EXPECT_EQ(sample.overhead_ns, 5000u);
    EXPECT_EQ(sample.page_faults, 7000u);
    EXPECT_EQ(sample.unobserved_page_faults, 600u);
}

TEST(RoundTrip, TotalsAreExactAndOnlyWhereTheyChanged) {
    const TemporaryDirectory directory;
    write_sample(directory.file());
    Result<RecordingReader> reader = RecordingReader::open(directory.file());
    ASSERT_TRUE(reader);
    std::vector<TotalsRow> rows;
    ASSERT_TRUE(reader->for_each_totals([&](const TotalsRow& row) { rows.push_back(row); }));
    ASSERT_EQ(rows.size(), 5u);
    EXPECT_EQ(rows[1].stack, steady_stack);
    EXPECT_EQ(rows[1].totals, totals_of(5, 500));
    EXPECT_EQ(rows[4].snapshot, 3u);
    EXPECT_EQ(rows[4].totals, totals_of(6, 600, 3, 300));
    EXPECT_EQ(rows[4].least_held_bytes, 300u);
}

TEST(RoundTrip, OnlyTheLatestLifetimesAreKept) {
    const TemporaryDirectory directory;
    write_sample(directory.file());
    Result<RecordingReader> reader = RecordingReader::open(directory.file());
    const auto lifetimes = reader->lifetimes();
    ASSERT_TRUE(lifetimes);
    ASSERT_EQ(lifetimes->size(), 2u);
    EXPECT_EQ((*lifetimes)[0].first, leak_stack);
    EXPECT_EQ((*lifetimes)[0].second, (Lifetimes{3, 0, 7}));
    EXPECT_EQ((*lifetimes)[1].second, Lifetimes{});
}

TEST(RoundTrip, CountsOfCallsAreKeptASnapshot) {
    const TemporaryDirectory directory;
    write_sample(directory.file());
    Result<RecordingReader> reader = RecordingReader::open(directory.file());
    const auto calls = reader->call_counts();
    ASSERT_TRUE(calls);
    ASSERT_EQ(calls->size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
        const CallCountRow& row = (*calls)[i];
        EXPECT_EQ(row.snapshot, i + 1);
        EXPECT_EQ(row.count.process, ProcessId(1));
        EXPECT_EQ(row.count.location, LocationId(2));
        EXPECT_EQ(row.count.observed_ns, (i + 1) * second_ns);
        EXPECT_EQ(row.count.observed_calls, 7 * (i + 1));
        EXPECT_EQ(row.count.unobserved_ns, 9 * (i + 1) * second_ns);
        EXPECT_EQ(row.count.unobserved_calls, 70 * (i + 1));
    }
}

TEST(RoundTrip, WhatTheHeapHasInUseIsThatOfEachSnapshot) {
    const TemporaryDirectory directory;
    write_sample(directory.file());
    Result<RecordingReader> reader = RecordingReader::open(directory.file());
    const auto rows = reader->heap_in_use();
    ASSERT_TRUE(rows);
    ASSERT_EQ(rows->size(), 6U);
    for (std::size_t i = 0; i < rows->size(); ++i) {
        const HeapInUseRow& row = (*rows)[i];
        const std::uint64_t index = i / 2 + 1;
        EXPECT_EQ(row.snapshot, index);
        EXPECT_EQ(row.size.process, ProcessId(1));
        EXPECT_EQ(row.size.chunk_bytes, i % 2 == 0 ? 0 : 112);
        EXPECT_EQ(row.size.blocks, i % 2 == 0 ? 0 : 5 * index);
        EXPECT_EQ(row.size.bytes, i % 2 == 0 ? 900 : 560 * index);
    }
}

TEST(RoundTrip, WhatOfTheHeapIsLostIsThatOfEachSnapshot) {
    const TemporaryDirectory directory;
    write_sample(directory.file());
    Result<RecordingReader> reader = RecordingReader::open(directory.file());
    const auto rows = reader->heap_lost();
    ASSERT_TRUE(rows);
    ASSERT_EQ(rows->size(), 3U);
    for (std::size_t i = 0; i < rows->size(); ++i) {
        const HeapInUseRow& row = (*rows)[i];
        EXPECT_EQ(row.snapshot, i + 1);
        EXPECT_EQ(row.size.process, ProcessId(1));
        EXPECT_EQ(row.size.chunk_bytes, 112U);
        EXPECT_EQ(row.size.blocks, 2 * (i + 1));
        EXPECT_EQ(row.size.bytes, 224 * (i + 1));
    }
}

TEST(RoundTrip, OnlyTheLatestSearchIsKept) {
    const TemporaryDirectory directory;
    write_sample(directory.file());
    Result<RecordingReader> reader = RecordingReader::open(directory.file());
    const auto reachability = reader->reachability();
    ASSERT_TRUE(reachability);
    ASSERT_EQ(reachability->size(), 1U);
    EXPECT_EQ(reachability->front(), (StackReachability{leak_stack, 27'000'000, 50, 43, 4'000,
                                                        5'000'000, 12, 3, true, steady_stack, 33}));
}

TEST(RoundTrip, OnlyTheLatestRevisitsAreKept) {
    const TemporaryDirectory directory;
    write_sample(directory.file());
    Result<RecordingReader> reader = RecordingReader::open(directory.file());
    const auto revisits = reader->revisits();
    ASSERT_TRUE(revisits);
    ASSERT_EQ(revisits->size(), 1u);
    EXPECT_EQ((*revisits)[0].stack, leak_stack);
    EXPECT_EQ((*revisits)[0].sure, (Looks{{0, 30, 4}, {0, 1, 3}}));
    EXPECT_EQ((*revisits)[0].vague, (Looks{{3, 7}, {0, 7}}));
}

TEST(RoundTrip, PuttingALocationAgainReplacesItsSymbols) {
    const TemporaryDirectory directory;
    Result<RecordingWriter> writer = RecordingWriter::create(directory.file(), sample_info());
    put_static_parts(*writer);
    LocationRecord location = sample_locations()[1];
    location.frames = {{"better", "/src/b.c", 1, false}};
    ASSERT_TRUE(writer->put(location));
    ASSERT_TRUE(writer->put_snapshot(sample_snapshot(0)));
    ASSERT_TRUE(writer->close());
    Result<RecordingReader> reader = RecordingReader::open(directory.file());
    EXPECT_EQ(reader->locations()->at(1).frames, location.frames);
}

TEST(RoundTrip, TextOfTheTargetComesBackByteForByteUpToTheLimit) {
    const TemporaryDirectory directory;
    const std::string hostile("a'\";--\0\xff\n", 9);
    {
        Result<RecordingWriter> writer = RecordingWriter::create(directory.file(), sample_info());
        ASSERT_TRUE(writer->put(
            ProcessRecord{ProcessId(1), 1, hostile, std::string(300'000, 'x'), 0, 0, ""}));
        ASSERT_TRUE(writer->put_snapshot(sample_snapshot(9'999)).has_value());
    }
    Result<RecordingReader> reader = RecordingReader::open(directory.file());
    ASSERT_TRUE(reader) << reader.error().message;
    EXPECT_EQ(reader->processes()[0].command, hostile);
    EXPECT_EQ(reader->processes()[0].executable, std::string(65536, 'x'));
}

TEST(RoundTrip, AClockThatIsSetBackDoesNotTakeTheRecordingBack) {
    const TemporaryDirectory directory;
    {
        Result<RecordingWriter> writer = RecordingWriter::create(directory.file(), sample_info());
        put_static_parts(*writer);
        ASSERT_TRUE(writer->put_snapshot(sample_snapshot(5)));
        ASSERT_TRUE(writer->put_snapshot(sample_snapshot(1)));
        ASSERT_TRUE(writer->put_snapshot(sample_snapshot(6)));
    }
    Result<RecordingReader> reader = RecordingReader::open(directory.file());
    ASSERT_TRUE(reader) << reader.error().message;
    ASSERT_EQ(reader->snapshots().size(), 3u);
    EXPECT_EQ(reader->snapshots()[1].time_ns, sample_start_ns + 50 * second_ns + 1);
}

TEST(RoundTrip, ACloseLeavesOnePrivateFile) {
    const TemporaryDirectory directory;
    Result<RecordingWriter> writer = RecordingWriter::create(directory.file(), sample_info());
    put_static_parts(*writer);
    ASSERT_TRUE(writer->put_snapshot(sample_snapshot(0)));
    ASSERT_TRUE(writer->commit());
    const auto mode_of = [&](const std::string& name) {
        struct stat status {};
        return stat(directory.file(name).c_str(), &status) == 0 ? status.st_mode & 07777 : 0u;
    };
    EXPECT_EQ(mode_of("r.seep"), 0600u);
    EXPECT_EQ(mode_of("r.seep-wal"), 0600u);
    EXPECT_EQ(mode_of("r.seep-shm"), 0600u);
    ASSERT_TRUE(writer->close());
    std::vector<std::string> left;
    for (const auto& entry : std::filesystem::directory_iterator(directory.path()))
        left.push_back(entry.path().filename());
    EXPECT_THAT(left, ::testing::ElementsAre("r.seep"));
}

TEST(RoundTrip, NamesThatSqliteWouldInterpretAreFileNames) {
    const TemporaryDirectory directory;
    const std::filesystem::path before = std::filesystem::current_path();
    std::filesystem::current_path(directory.path());
    for (const std::string name : {":memory:", "file:x?mode=memory", "a%41#b?c", "-o"}) {
        write_sample(name, 1);
        EXPECT_TRUE(std::filesystem::exists(directory.file(name))) << name;
        EXPECT_TRUE(RecordingReader::open(name)) << name;
    }
    std::filesystem::current_path(before);
}

TEST(RoundTrip, ARecordingIsNeverOverwritten) {
    const TemporaryDirectory directory;
    write_sample(directory.file());
    const Result<RecordingWriter> again = RecordingWriter::create(directory.file(), sample_info());
    ASSERT_FALSE(again);
    EXPECT_THAT(again.error().message, ::testing::HasSubstr("File exists"));
    EXPECT_TRUE(RecordingReader::open(directory.file()));
}

TEST(RoundTrip, AReaderSeesOneMomentWhileTheRecordingGoesOn) {
    const TemporaryDirectory directory;
    Result<RecordingWriter> writer = RecordingWriter::create(directory.file(), sample_info());
    put_static_parts(*writer);
    ASSERT_TRUE(writer->put_snapshot(sample_snapshot(0)));
    ASSERT_TRUE(writer->commit());
    Result<RecordingReader> reader = RecordingReader::open(directory.file());
    ASSERT_TRUE(reader) << reader.error().message;
    ASSERT_TRUE(writer->put_snapshot(sample_snapshot(1)));
    ASSERT_TRUE(writer->commit());
    std::size_t rows = 0;
    ASSERT_TRUE(reader->for_each_totals([&](const TotalsRow&) { ++rows; }));
    EXPECT_EQ(rows, 2u);
    EXPECT_EQ(RecordingReader::open(directory.file())->snapshots().size(), 2u);
    // The reader holds the -wal file back: closing succeeds all the same, and loses nothing.
    EXPECT_TRUE(writer->close());
    EXPECT_EQ(RecordingReader::open(directory.file())->snapshots().size(), 2u);
}

TEST(RoundTrip, EveryLossHasItsName) {
    EXPECT_STREQ(loss_name(SEEP_LOSS_UNMATCHED_FREES), "unmatched_frees");
    EXPECT_STREQ(loss_name(SEEP_LOSS_TRUNCATED_STACKS), "truncated_stacks");
    EXPECT_STREQ(loss_name(SEEP_LOSS_UNREADABLE_RESULTS), "unreadable_results");
}

}  // namespace
}  // namespace seep
