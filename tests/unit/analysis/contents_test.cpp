// SPDX-License-Identifier: GPL-2.0-only
// A recording read for a window of it.

#include "analysis/contents.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "analysis/ranking.h"
#include "store/writer.h"

namespace seep {
namespace {

constexpr std::int64_t second = 1'000'000'000;

/// Five snapshots 10 s apart; one stack grows by 100 bytes each, the other appears in the fourth.
void write_recording(const std::string& path) {
    Result<RecordingWriter> writer = RecordingWriter::create(path, {.sampling_asked = "exact"});
    ASSERT_TRUE(writer) << writer.error().message;
    ASSERT_TRUE(writer->put(ProcessRecord{ProcessId(1), 11, "app", "/usr/bin/app", 0, 0, ""}));
    ASSERT_TRUE(writer->put(ProcessRecord{ProcessId(2), 12, "idle", "/usr/bin/idle", 0, 0, ""}));
    ASSERT_TRUE(writer->put(ObjectRecord{ObjectId(1), ObjectKind::file, "/usr/bin/app", ""}));
    ASSERT_TRUE(writer->put(LocationRecord{LocationId(1), ObjectId(1), 0x10, true, false, {}}));
    ASSERT_TRUE(writer->put(LocationRecord{LocationId(2), ObjectId(1), 0x20, true, false, {}}));
    ASSERT_TRUE(
        writer->put(StackRecord{StackId(7), ProcessId(1), StackEnd::complete, {LocationId(1)}}));
    ASSERT_TRUE(
        writer->put(StackRecord{StackId(8), ProcessId(1), StackEnd::complete, {LocationId(2)}}));
    for (std::uint64_t i = 0; i < 5; ++i) {
        Snapshot snapshot;
        snapshot.time_ns = 1'763'662'000 * second + static_cast<std::int64_t>(i) * 10 * second;
        snapshot.changed.push_back(
            {StackId(7), {.allocated_count = i, .allocated_bytes = i * 100}});
        if (i == 3)
            snapshot.changed.push_back(
                {StackId(8), {.allocated_count = 1, .allocated_bytes = 5000}});
        ASSERT_TRUE(writer->put_snapshot(snapshot));
    }
    ASSERT_TRUE(writer->close());
}

class Loading : public ::testing::Test {
 protected:
    void SetUp() override {
        std::string name = (std::filesystem::temp_directory_path() / "seep-test-XXXXXX").string();
        directory_ = mkdtemp(name.data());
        write_recording(directory_ + "/r.seep");
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }
    Result<RecordingContents> load(const char* window) {
        Result<RecordingReader> reader = RecordingReader::open(directory_ + "/r.seep");
        if (!reader) return reader.error();
        return load_contents(*reader, *parse_window(window));
    }

 private:
    std::string directory_;
};

TEST_F(Loading, TheWholeRecording) {
    const Result<RecordingContents> contents = load(":");
    ASSERT_TRUE(contents) << contents.error().message;
    const Report report = build_report(*contents, {});
    ASSERT_EQ(report.stacks.size(), 2u);
    // A single block is no certain growth.
    EXPECT_EQ(report.stacks[0].growth.bytes, 400);
    EXPECT_EQ(report.stacks[1].growth.bytes, 5000);
    EXPECT_EQ(report.totals.live_bytes(), 5400u);
}

TEST_F(Loading, AWindowHidesWhatCameAfterIt) {
    const Result<RecordingContents> contents = load("10s:20s");
    ASSERT_TRUE(contents) << contents.error().message;
    const Report report = build_report(*contents, {});
    ASSERT_EQ(report.stacks.size(), 1u);
    EXPECT_EQ(report.stacks[0].growth.bytes, 100);
    EXPECT_EQ(report.stacks[0].totals.live_bytes(), 200u);
    EXPECT_DOUBLE_EQ(report.stacks[0].growth.bytes_per_second, 10);
}

TEST_F(Loading, AWindowThatDoesNotFitIsAnError) {
    const Result<RecordingContents> contents = load("2m:");
    ASSERT_FALSE(contents);
    EXPECT_EQ(contents.error().kind, ErrorKind::bad_input);
}

TEST_F(Loading, OneProcessAsIfItHadBeenAlone) {
    const Result<RecordingContents> contents = load(":");
    ASSERT_TRUE(contents) << contents.error().message;
    const auto report_of = [&](std::int64_t pid) {
        return build_report(
            only_processes(*contents, [pid](const auto& process) { return process.pid == pid; }),
            {});
    };
    const Report app = report_of(11);
    ASSERT_EQ(app.targets.size(), 1u);
    EXPECT_EQ(app.stacks.size(), 2u);
    EXPECT_EQ(app.totals.live_bytes(), 5400u);
    const Report idle = report_of(12);
    ASSERT_EQ(idle.targets.size(), 1u);
    EXPECT_EQ(idle.targets[0].command, "idle");
    EXPECT_TRUE(idle.stacks.empty());
    EXPECT_EQ(idle.snapshots, 5u);
}

}  // namespace
}  // namespace seep
