// SPDX-License-Identifier: GPL-2.0-only
// A recording stays within its size, and what is kept stays exact.

#include <gmock/gmock.h>

#include "long_recording.h"

namespace seep {
namespace {

using namespace testing;

TEST(Thinning, EveryKeptNumberIsExactWhenAllStacksChange) {
    const TemporaryDirectory directory;
    const Workload workload{.stacks = 20, .seconds = 400, .changed_every = 1, .max_rows = 1000};
    record(workload, directory);
    Result<RecordingReader> reader = RecordingReader::open(directory.file());
    ASSERT_TRUE(reader) << reader.error().message;
    EXPECT_LT(reader->snapshots().size(), 50u);
    expect_exact(workload, *reader);
}

TEST(Thinning, EveryKeptNumberIsExactWhenFewStacksChange) {
    const TemporaryDirectory directory;
    const Workload workload{.stacks = 30, .seconds = 600, .changed_every = 7, .max_rows = 800};
    record(workload, directory);
    Result<RecordingReader> reader = RecordingReader::open(directory.file());
    ASSERT_TRUE(reader) << reader.error().message;
    EXPECT_LT(reader->snapshots().size(), 200u);
    expect_exact(workload, *reader);
}

TEST(Thinning, FirstAndLastStayAndResolutionFallsWithAge) {
    const TemporaryDirectory directory;
    record({.stacks = 10, .seconds = 1000, .changed_every = 1, .max_rows = 1200}, directory);
    const std::vector<std::uint64_t> seconds =
        kept_seconds(*RecordingReader::open(directory.file()));
    ASSERT_GT(seconds.size(), 80u);
    EXPECT_EQ(seconds.front(), 0u);
    EXPECT_EQ(seconds.back(), 999u);
    // About 100 snapshots over 1000 s: age * ln(1000)/100 apart, here with a factor of 3 to spare.
    for (std::size_t i = 0; i + 1 < seconds.size(); ++i) {
        const double gap = static_cast<double>(seconds[i + 1] - seconds[i]);
        EXPECT_LE(gap, 1 + 0.21 * static_cast<double>(999 - seconds[i])) << "at " << seconds[i];
    }
}

TEST(Thinning, WhatIsHalvedReadsAsIfRecordedSo) {
    for (const std::uint64_t halved_at : {8u, 9u}) {
        const TemporaryDirectory directory;
        const Workload workload{.stacks = 6,
                                .seconds = 12,
                                .changed_every = 3,
                                .max_rows = 1000,
                                .halved_at = halved_at};
        record(workload, directory);
        Result<RecordingReader> reader = RecordingReader::open(directory.file());
        const std::vector<std::uint64_t> seconds = kept_seconds(*reader);
        EXPECT_THAT(seconds, ::testing::ElementsAre(0, 2, 4, 6, 8, 9, 10, 11));
        std::size_t rows = 0;
        ASSERT_TRUE(reader->for_each_totals([&](const TotalsRow& row) {
            ++rows;
            std::uint64_t changed = seconds[row.snapshot];
            const std::uint64_t stack = row.totals.allocated_bytes % 100;
            while (changed > 0 && !workload.changes(stack, changed)) --changed;
            EXPECT_EQ(row.totals, Workload::totals(stack, changed));
            EXPECT_EQ(row.least_held_bytes, row.totals.held_bytes());
        }));
        EXPECT_EQ(rows, 6u + 4 * 4 + 3 * 2);
    }
}

TEST(Thinning, RowsOfHeapsAreCounted) {
    // With as many more rows gone than came, none would ever seem to fit.
    const TemporaryDirectory directory;
    record({.stacks = 1,
            .seconds = 60,
            .changed_every = 1,
            .max_rows = 100'000,
            .heap_sizes = 100,
            .halved_at = 20},
           directory);
    EXPECT_EQ(RecordingReader::open(directory.file())->snapshots().size(), 50u);
    // And many are too many.
    const TemporaryDirectory full;
    record({.stacks = 1, .seconds = 60, .changed_every = 1, .max_rows = 2000, .heap_sizes = 100},
           full);
    EXPECT_LT(RecordingReader::open(full.file())->snapshots().size(), 21u);
}

TEST(Thinning, IdleSnapshotsAreBoundedToo) {
    const TemporaryDirectory directory;
    record({.stacks = 1, .seconds = 500, .changed_every = 1'000'000, .max_rows = 100}, directory);
    Result<RecordingReader> reader = RecordingReader::open(directory.file());
    EXPECT_LE(reader->snapshots().size(), 50u);
    EXPECT_EQ(kept_seconds(*reader).back(), 499u);
}

TEST(Thinning, TheFileStaysWithinItsSize) {
    const TemporaryDirectory directory;
    const Workload workload{.stacks = 500, .seconds = 360, .changed_every = 1, .max_rows = 50'000};
    const Outcome outcome = record(workload, directory);
    // 180,000 rows were written. A row takes under 100 bytes; a WAL of 1000 pages and a
    // transaction.
    EXPECT_LT(outcome.greatest_bytes, 50'000u * 100 + 6'000'000);
    EXPECT_GT(RecordingReader::open(directory.file())->snapshots().size(), 90u);
}

// One hour at one snapshot a second, 10,000 stacks that all change: the size that docs/recording.md
// states. Takes minutes: --gtest_also_run_disabled_tests --gtest_filter='*AnHour*'.
TEST(Thinning, DISABLED_AnHourOfTenThousandStacksStaysUnder200Megabytes) {
    const TemporaryDirectory directory;
    const Workload workload{.stacks = 10'000,
                            .seconds = 3600,
                            .changed_every = 1,
                            .max_rows = WriterOptions{}.max_rows};
    const Outcome outcome = record(workload, directory);
    std::printf("greatest size %ju bytes, mean %.1f ms, worst %.1f ms, %zu snapshots kept\n",
                outcome.greatest_bytes, outcome.mean_ms, outcome.worst_ms,
                RecordingReader::open(directory.file())->snapshots().size());
    EXPECT_LT(outcome.greatest_bytes, 200'000'000u);
}

}  // namespace
}  // namespace seep
