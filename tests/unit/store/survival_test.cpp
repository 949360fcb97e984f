// SPDX-License-Identifier: GPL-2.0-only
// What a recording is worth after its recorder was killed, the disk was full, or the file was taken
// away; and where it can be read.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "sample_recording.h"

namespace seep {
namespace {

using namespace testing;
using ::testing::HasSubstr;

/// Runs in a child process; the child's exit status.
int in_child(const std::function<int()>& body) {
    const pid_t child = fork();
    if (child == 0) _exit(body());
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Records without end, telling of each commit through the pipe.
[[noreturn]] void record_until_killed(const std::string& path, int pipe_end) {
    Result<RecordingWriter> writer = RecordingWriter::create(path, sample_info(), {.max_rows = 40});
    put_static_parts(*writer);
    for (std::uint64_t index = 0;; ++index) {
        if (!writer->put_snapshot(sample_snapshot(index)) || !writer->commit()) _exit(1);
        if (write(pipe_end, "", 1) != 1) _exit(2);
    }
}

/// Kills a recorder some microseconds after its first commit; the number of commits it told of.
std::size_t record_and_kill(const std::string& path, useconds_t delay) {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) return 0;
    const pid_t child = fork();
    if (child == 0) record_until_killed(path, ends[1]);
    close(ends[1]);
    std::array<char, 4096> told{};
    auto commits = static_cast<std::size_t>(read(ends[0], told.data(), 1));
    usleep(delay);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    for (ssize_t got = 0; (got = read(ends[0], told.data(), told.size())) > 0;)
        commits += static_cast<std::size_t>(got);
    close(ends[0]);
    return commits;
}

TEST(Survival, KilledAtAnyMomentItIsReadableUpToItsLastCommit) {
    for (useconds_t round = 0; round < 60; ++round) {
        const TemporaryDirectory directory;
        const std::size_t commits = record_and_kill(directory.file(), round * 211);
        ASSERT_GT(commits, 0u);
        Result<RecordingReader> reader = RecordingReader::open(directory.file());
        ASSERT_TRUE(reader) << round << ": " << reader.error().message;
        // Killed between commit and telling of it: one more is there.
        const std::int64_t last = reader->snapshots().back().time_ns - sample_start_ns;
        EXPECT_GE(last / (10 * second_ns), static_cast<std::int64_t>(commits) - 1);
        std::uint64_t live = 0;
        ASSERT_TRUE(reader->stacks());
        ASSERT_TRUE(reader->for_each_totals([&](const TotalsRow& row) {
            if (row.stack == leak_stack) live = row.totals.live_bytes();
        }));
        EXPECT_EQ(live, static_cast<std::uint64_t>(last / (10 * second_ns)) * 100);
    }
}

TEST(Survival, KilledInCreateOrCloseItIsWholeOrSaysThatItIsEmpty) {
    for (useconds_t round = 0; round < 60; ++round) {
        const TemporaryDirectory directory;
        const pid_t child = fork();
        if (child == 0) {
            write_sample(directory.file(), 3);
            pause();
        }
        usleep(round * 997);
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        const Result<RecordingReader> reader = RecordingReader::open(directory.file());
        if (reader) continue;
        EXPECT_EQ(reader.error().kind, ErrorKind::bad_input);
        EXPECT_THAT(reader.error().message,
                    ::testing::AnyOf(HasSubstr("No such file"), HasSubstr("not a recording"),
                                     HasSubstr("has no snapshot"), HasSubstr("cannot read")));
    }
}

/// As a user who may only read: root is let through everywhere.
int readable_without_privilege(const std::string& path) {
    return in_child([&] {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) return 9;
        const Result<RecordingReader> reader = RecordingReader::open(path);
        if (!reader) std::fprintf(stderr, "%s\n", reader.error().message.c_str());
        return reader ? 0 : 1;
    });
}

void make_read_only(const TemporaryDirectory& directory) {
    for (const auto& entry : std::filesystem::directory_iterator(directory.path()))
        chmod(entry.path().c_str(), 0444);
    chmod(directory.path().c_str(), 0555);
}

TEST(Survival, AClosedRecordingIsReadFromAReadOnlyDirectory) {
    const TemporaryDirectory directory;
    write_sample(directory.file());
    make_read_only(directory);
    EXPECT_EQ(readable_without_privilege(directory.file()), 0);
    chmod(directory.path().c_str(), 0755);
}

TEST(Survival, AKilledRecordersFilesAreReadFromAReadOnlyDirectory) {
    const TemporaryDirectory directory;
    ASSERT_GT(record_and_kill(directory.file(), 3000), 0u);
    ASSERT_TRUE(std::filesystem::exists(directory.file("r.seep-wal")));
    make_read_only(directory);
    EXPECT_EQ(readable_without_privilege(directory.file()), 0);
    chmod(directory.path().c_str(), 0755);
}

TEST(Survival, AKilledRecordersFilesAreReadWithoutTheirSharedMemory) {
    const TemporaryDirectory directory;
    ASSERT_GT(record_and_kill(directory.file(), 3000), 0u);
    std::filesystem::remove(directory.file("r.seep-shm"));
    EXPECT_TRUE(RecordingReader::open(directory.file()));
}

/// Writes until it fails, in a child because of what it does to its process. 0: failed as it
/// should.
int record_until_error(const std::string& path, const std::string& message) {
    Result<RecordingWriter> writer = RecordingWriter::create(path, sample_info());
    if (!writer) return 2;
    put_static_parts(*writer);
    for (std::uint64_t index = 0; index < 100'000; ++index) {
        Result<void> done = writer->put_snapshot(sample_snapshot(index));
        if (done) done = writer->commit();
        if (done) continue;
        const Result<void> again = writer->put_snapshot(sample_snapshot(index + 1));
        const Error& error = done.error();
        std::fprintf(stderr, "%s\n  %s\n", error.message.c_str(), error.hint.c_str());
        const bool told = error.message.find(message) != std::string::npos &&
                          error.message.find(path) != std::string::npos && !error.hint.empty() &&
                          error.kind == ErrorKind::failed;
        return !again && told ? 0 : 3;
    }
    return 4;
}

void expect_readable(const std::string& path) {
    Result<RecordingReader> reader = RecordingReader::open(path);
    ASSERT_TRUE(reader) << reader.error().message << "\n" << reader.error().hint;
    EXPECT_GT(reader->snapshots().size(), 10u);
    EXPECT_TRUE(reader->for_each_totals([](const TotalsRow&) {}));
}

TEST(Survival, AFileSizeLimitIsAnErrorAndWhatWasCommittedStays) {
    const TemporaryDirectory directory;
    EXPECT_EQ(in_child([&] {
                  signal(SIGXFSZ, SIG_IGN);
                  const rlimit limit{600'000, 600'000};
                  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 9;
                  return record_until_error(directory.file(), "cannot write recording");
              }),
              0);
    expect_readable(directory.file());
}

TEST(Survival, AFullDiskIsAnErrorAndWhatWasCommittedStays) {
    const TemporaryDirectory directory;
    if (mount("none", directory.path().c_str(), "tmpfs", 0, "size=1m") != 0)
        GTEST_SKIP() << "mounting a small file system needs root";
    EXPECT_EQ(in_child([&] { return record_until_error(directory.file(), "full"); }), 0);
    expect_readable(directory.file());
    EXPECT_EQ(umount(directory.path().c_str()), 0);
}

TEST(Survival, AVanishedDirectoryIsAnErrorAtTheNextCommit) {
    const TemporaryDirectory directory;
    const std::string inner = directory.file("inner");
    std::filesystem::create_directory(inner);
    Result<RecordingWriter> writer = RecordingWriter::create(inner + "/r.seep", sample_info());
    put_static_parts(*writer);
    ASSERT_TRUE(writer->put_snapshot(sample_snapshot(0)));
    ASSERT_TRUE(writer->commit());
    std::filesystem::remove_all(inner);
    ASSERT_TRUE(writer->put_snapshot(sample_snapshot(1)));
    const Result<void> done = writer->commit();
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, HasSubstr("deleted or replaced"));
    EXPECT_FALSE(writer->close());
}

TEST(Survival, AMissingDirectoryIsAnErrorAndLeavesNothing) {
    const Result<RecordingWriter> writer =
        RecordingWriter::create("/no/such/r.seep", sample_info());
    ASSERT_FALSE(writer);
    EXPECT_THAT(writer.error().message, HasSubstr("/no/such/r.seep"));
    EXPECT_FALSE(writer.error().hint.empty());
}

}  // namespace
}  // namespace seep
