// SPDX-License-Identifier: GPL-2.0-only
// A recording that forgot its beginning tells of what is left what a whole one tells of that
// window.

#include <gtest/gtest.h>

#include <filesystem>

#include "analysis/contents.h"
#include "analysis/ranking.h"
#include "store/writer.h"

namespace seep {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t start = 1'763'662'000 * second;
constexpr std::uint64_t snapshots = 600;

/// Blocks of 100 bytes: `a_second` are born a second, and each is freed after `life` seconds.
StackTotals stack_at(std::uint64_t id, std::uint64_t a_second, std::uint64_t life,
                     std::uint64_t seconds) {
    const std::uint64_t allocated = a_second * seconds;
    const std::uint64_t freed = seconds > life ? a_second * (seconds - life) : 0;
    StackTotals stack{StackId(id), {}, {}};
    // Squares are in units of 256 bytes^2.
    stack.totals = {.allocated_count = allocated,
                    .allocated_bytes = allocated * 100,
                    .freed_count = freed,
                    .freed_bytes = freed * 100,
                    .allocated_squares = allocated * 40,
                    .freed_squares = freed * 40,
                    .mean_birth_us = (seconds - std::min(life, seconds) / 2) * 1'000'000};
    stack.lifetimes[SEEP_LIFETIME_BUCKETS / 2] = freed;
    return stack;
}

void write_recording(const std::string& path, WriterOptions options) {
    RecordingInfo info{.started_ns = start, .sampling_asked = "exact", .budget_ppm = 50'000};
    Result<RecordingWriter> writer = RecordingWriter::create(path, info, options);
    ASSERT_TRUE(writer) << writer.error().message;
    ASSERT_TRUE(writer->put(ProcessRecord{ProcessId(1), 11, "app", "/usr/bin/app", start, 0, ""}));
    ASSERT_TRUE(writer->put(ObjectRecord{ObjectId(1), ObjectKind::file, "/usr/bin/app", ""}));
    for (std::uint32_t i = 1; i <= 3; ++i) {
        const LocationId location(i);
        ASSERT_TRUE(writer->put(LocationRecord{location, ObjectId(1), i, true, false, {}}));
        ASSERT_TRUE(
            writer->put(StackRecord{StackId(i), ProcessId(1), StackEnd::complete, {location}}));
    }
    for (std::uint64_t i = 0; i < snapshots; ++i) {
        Snapshot snapshot;
        snapshot.time_ns = start + static_cast<std::int64_t>(i) * second;
        ProcessSample sample;
        sample.process = ProcessId(1);
        sample.rss_bytes = 10'000'000 + i * 1000;
        sample.cpu_ns = 3'000'000'000 + i * 100'000'000;
        sample.overhead_ns = i * 1'000'000;
        snapshot.processes = {sample};
        snapshot.changed = {stack_at(1, 10, 1'000'000, i), stack_at(2, 1000, 5, i),
                            stack_at(3, 2, 100, i)};
        ASSERT_TRUE(writer->put_snapshot(snapshot));
    }
    ASSERT_TRUE(writer->close());
}

Report report_of(const std::string& path, const WindowRequest& window) {
    Result<RecordingReader> reader = RecordingReader::open(path);
    EXPECT_TRUE(reader);
    return build_report(*load_contents(*reader, window), {});
}

TEST(KeptRecording, IsReadLikeAWindowOfAWholeOne) {
    std::string directory = (std::filesystem::temp_directory_path() / "seep-test-XXXXXX").string();
    ASSERT_NE(mkdtemp(directory.data()), nullptr);
    write_recording(directory + "/whole", {});
    write_recording(directory + "/kept", {.keep = std::chrono::seconds(200)});
    const Report kept = report_of(directory + "/kept", {});
    EXPECT_GT(kept.window_start_ns, start + 300 * second);
    const Report whole = report_of(directory + "/whole", {kept.window_start_ns - start, {}});
    ASSERT_EQ(whole.window_start_ns, kept.window_start_ns);

    ASSERT_EQ(kept.stacks.size(), 3u);
    for (std::size_t i = 0; i < kept.stacks.size(); ++i) {
        const ReportStack& of_kept = kept.stacks[i];
        const ReportStack& of_whole = whole.stacks[i];
        EXPECT_EQ(of_kept.id, of_whole.id);
        EXPECT_EQ(of_kept.totals, of_whole.totals);
        EXPECT_EQ(of_kept.growth.bytes, of_whole.growth.bytes);
        EXPECT_DOUBLE_EQ(of_kept.growth.low, of_whole.growth.low);
        EXPECT_DOUBLE_EQ(of_kept.growth.high, of_whole.growth.high);
        EXPECT_EQ(of_kept.verdict, of_whole.verdict) << of_kept.reason << " / " << of_whole.reason;
    }
    EXPECT_EQ(kept.stacks[0].verdict, Verdict::leak) << kept.stacks[0].reason;
    EXPECT_EQ(kept.stacks[1].verdict, Verdict::steady) << kept.stacks[1].reason;
    EXPECT_EQ(kept.stacks[2].verdict, Verdict::steady) << kept.stacks[2].reason;
    EXPECT_EQ(kept.findings.size(), whole.findings.size());
    // 1 ms of each 100 ms.
    EXPECT_NEAR(kept.overhead_cpu_percent, 1, 1e-9);
    EXPECT_NEAR(whole.overhead_cpu_percent, 1, 1e-9);
    std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace seep
