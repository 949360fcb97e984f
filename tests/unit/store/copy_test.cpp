// SPDX-License-Identifier: GPL-2.0-only
// A recording is copied while it is written.

#include "store/copy.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "sample_recording.h"

namespace seep {
namespace {

using namespace testing;

/// What the header of an SQLite file says of its journal: 1 is none but a rollback journal, 2 WAL.
int journal_mark(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    file.seekg(18);
    return file.get();
}

TEST(Copy, HoldsWhatIsCommittedAndNothingElse) {
    const TemporaryDirectory directory;
    auto writer = RecordingWriter::create(directory.file("live.seep"), sample_info());
    ASSERT_TRUE(writer);
    const auto snap = [&](std::int64_t seconds) {
        ASSERT_TRUE(writer->put_snapshot({.time_ns = sample_start_ns + seconds * second_ns}));
    };
    snap(0);
    snap(1);
    ASSERT_TRUE(writer->commit());
    snap(2);

    const Result<void> copied =
        copy_recording(directory.file("live.seep"), directory.file("copy.seep"));
    ASSERT_TRUE(copied) << copied.error().message;
    struct stat status {};
    ASSERT_EQ(stat(directory.file("copy.seep").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600);
    EXPECT_EQ(journal_mark(directory.file("copy.seep")), 1);
    const auto reader = RecordingReader::open(directory.file("copy.seep"));
    ASSERT_TRUE(reader) << reader.error().message;
    EXPECT_EQ(reader->snapshots().size(), 2u);

    ASSERT_TRUE(writer->commit());
    ASSERT_TRUE(writer->close());
    EXPECT_EQ(RecordingReader::open(directory.file("live.seep"))->snapshots().size(), 3u);
}

TEST(Copy, NeverOverwritesAndLeavesNothingBehind) {
    const TemporaryDirectory directory;
    write_sample(directory.file());
    std::ofstream(directory.file("there")) << "mine";
    EXPECT_FALSE(copy_recording(directory.file(), directory.file("there")));
    EXPECT_FALSE(copy_recording(directory.file("missing.seep"), directory.file("copy.seep")));
    EXPECT_FALSE(std::filesystem::exists(directory.file("copy.seep")));
}

}  // namespace
}  // namespace seep
