// SPDX-License-Identifier: GPL-2.0-only
// Files that are no recording, or a damaged or hostile one, are refused with what to do.

#include <gmock/gmock.h>
#include <sqlite3.h>

#include <fstream>
#include <random>

#include "sample_recording.h"

namespace seep {
namespace {

using namespace testing;
using ::testing::HasSubstr;

/// Opens and reads everything; the first error, or none.
Result<void> read_all(const std::string& path) {
    Result<RecordingReader> reader = RecordingReader::open(path);
    if (!reader) return reader.error();
    if (const auto part = reader->objects(); !part) return part.error();
    if (const auto part = reader->locations(); !part) return part.error();
    if (const auto part = reader->stacks(); !part) return part.error();
    if (const auto part = reader->probes(); !part) return part.error();
    if (const auto part = reader->events(); !part) return part.error();
    if (const auto part = reader->periods(); !part) return part.error();
    if (const auto part = reader->lifetimes(); !part) return part.error();
    if (const auto part = reader->revisits(); !part) return part.error();
    if (const auto part = reader->reachability(); !part) return part.error();
    if (const auto part = reader->call_counts(); !part) return part.error();
    if (const auto part = reader->heap_in_use(); !part) return part.error();
    if (const auto part = reader->heap_lost(); !part) return part.error();
    return reader->for_each_totals([](const TotalsRow&) {});
}

void change(const std::string& path, const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(db) << ": " << sql;
    sqlite3_close(db);
}

void expect_refused(const Result<void>& result, const std::string& message) {
    ASSERT_FALSE(result) << "expected: " << message;
    EXPECT_EQ(result.error().kind, ErrorKind::bad_input);
    EXPECT_THAT(result.error().message, HasSubstr(message));
    EXPECT_FALSE(result.error().hint.empty()) << result.error().message;
}

TEST(Untrusted, NoSuchFile) {
    expect_refused(read_all("/no/such/file"), "No such file");
}

TEST(Untrusted, ADirectoryIsNoRecording) {
    expect_refused(read_all("/"), "not a recording");
}

TEST(Untrusted, FilesOfAnotherKind) {
    const TemporaryDirectory directory;
    std::ofstream(directory.file("empty"));
    expect_refused(read_all(directory.file("empty")), "not a recording");
    std::ofstream(directory.file("text")) << std::string(10'000, 'x');
    expect_refused(read_all(directory.file("text")), "not a database");
    change(directory.file("other.db"), "CREATE TABLE recording (id)");
    expect_refused(read_all(directory.file("other.db")), "not a recording");
}

TEST(Untrusted, ANewerFormatIsNamed) {
    const TemporaryDirectory directory;
    write_sample(directory.file());
    change(directory.file(), "PRAGMA user_version = 1000");
    expect_refused(read_all(directory.file()), "has recording format 1000, this seep reads");
}

TEST(Untrusted, AnOlderFormatIsNamed) {
    const TemporaryDirectory directory;
    write_sample(directory.file());
    change(directory.file(), "PRAGMA user_version = 1; DROP TABLE call_count");
    expect_refused(read_all(directory.file()), "has recording format 1, of an older seep");
}

TEST(Untrusted, NoSnapshot) {
    const TemporaryDirectory directory;
    write_sample(directory.file(), 0);
    expect_refused(read_all(directory.file()), "has no snapshot");
}

TEST(Untrusted, TruncatedAtAnyPage) {
    const TemporaryDirectory directory;
    write_sample(directory.file());
    const auto whole = std::filesystem::file_size(directory.file());
    for (std::uintmax_t size = whole - 1; size > 4096;
         size -= std::min<std::uintmax_t>(size, 3000)) {
        std::filesystem::resize_file(directory.file(), size);
        const Result<void> result = read_all(directory.file());
        ASSERT_FALSE(result) << size << " of " << whole;
        EXPECT_EQ(result.error().kind, ErrorKind::bad_input);
    }
}

TEST(Untrusted, FlippedBytesNeverCrash) {
    const TemporaryDirectory directory;
    write_sample(directory.file());
    std::ifstream in(directory.file(), std::ios::binary);
    const std::string whole{std::istreambuf_iterator<char>(in), {}};
    std::mt19937 random(20261120);
    int refused = 0;
    for (int round = 0; round < 300; ++round) {
        std::string bytes = whole;
        for (int flip = 0; flip < 20; ++flip)
            bytes[random() % bytes.size()] = static_cast<char>(random());
        std::ofstream(directory.file("flipped"), std::ios::binary | std::ios::trunc) << bytes;
        refused += !read_all(directory.file("flipped"));
    }
    EXPECT_GT(refused, 0);
}

struct Damage {
    const char* sql;
    const char* message;
};

class DamagedRows : public ::testing::TestWithParam<Damage> {};

TEST_P(DamagedRows, AreRefused) {
    const TemporaryDirectory directory;
    write_sample(directory.file());
    ASSERT_TRUE(read_all(directory.file()));
    change(directory.file(), GetParam().sql);
    expect_refused(read_all(directory.file()), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Untrusted, DamagedRows,
    ::testing::Values(
        Damage{"UPDATE stack SET process = 9", "table stack: column process names a process"},
        Damage{"UPDATE stack SET ending = 7", "column ending is out of range"},
        Damage{"DELETE FROM stack WHERE id > 0", "table stack_frame: column stack names a stack"},
        Damage{"DELETE FROM stack_frame; DELETE FROM stack", "table lifetime"},
        Damage{"UPDATE stack_frame SET location = 77", "names a location"},
        Damage{"UPDATE stack_frame SET position = 200 WHERE position = 1", "column position"},
        Damage{"DELETE FROM stack_frame WHERE position = 0", "leaves a gap"},
        Damage{"UPDATE location SET object = 5 WHERE id = 1", "table location: column object"},
        Damage{"UPDATE location SET is_call = 2", "column is_call is out of range"},
        Damage{"INSERT INTO symbol VALUES (99, 0, '', '', 0, 0)", "table symbol"},
        Damage{"UPDATE symbol SET line = -1", "column line is out of range"},
        Damage{"UPDATE symbol SET function = x'00'", "column function is not a text"},
        Damage{"UPDATE symbol SET file = printf('%.*c', 65537, 'x')", "column file is too long"},
        Damage{"UPDATE object SET kind = 3", "column kind is out of range"},
        Damage{"UPDATE process SET pid = 'one'", "table process: column pid is not an integer"},
        Damage{"UPDATE process SET pid = -1", "column pid is out of range"},
        Damage{"UPDATE process SET id = 0", "column id is out of range"},
        Damage{"UPDATE process SET started_ns = 1.5", "column started_ns is not an integer"},
        Damage{"UPDATE probe SET object = 9", "table probe: column object"},
        Damage{"UPDATE event SET process = 9", "table event: column process"},
        Damage{"UPDATE snapshot SET time_ns = 5 WHERE id = 2", "column time_ns does not ascend"},
        Damage{"DELETE FROM snapshot WHERE id = 2", "column snapshot names a snapshot"},
        Damage{"UPDATE process_sample SET process = 3", "table process_sample: column process"},
        Damage{"UPDATE process_sample SET rss_bytes = -1", "column rss_bytes is out of range"},
        Damage{"UPDATE process_sample SET missed_frees = 'a'", "column missed_frees"},
        Damage{"UPDATE totals SET snapshot = 9 WHERE snapshot = 4", "table totals"},
        Damage{"UPDATE totals SET stack = 3 WHERE snapshot = 2", "table totals: column stack"},
        Damage{"UPDATE totals SET freed_bytes = -5", "column freed_bytes is out of range"},
        Damage{"UPDATE lifetime SET buckets = '[1,,2]'", "column buckets is not a list of counts"},
        Damage{"UPDATE lifetime SET buckets = '[' || printf('%.*c', 99, '1') || ']'", "buckets"},
        Damage{"DELETE FROM lifetime; DELETE FROM stack_frame; DELETE FROM stack", "table revisit"},
        Damage{"UPDATE revisit SET looked = '[1'", "column looked is not a list of counts"},
        Damage{"UPDATE revisit SET gone = '[0,-1]'", "column gone is not a list of counts"},
        Damage{"UPDATE revisit SET gone = '[0,31]'", "column gone has more than were looked at"},
        Damage{"UPDATE revisit SET vague_looked = '7'", "column vague_looked is not a list"},
        Damage{"UPDATE revisit SET vague_gone = '[0,8]'", "column vague_gone has more than were"},
        Damage{"UPDATE call_count SET location = 99", "names a location that is not there"},
        Damage{"UPDATE call_count SET process = 9", "call_count"},
        Damage{"UPDATE call_count SET observed_ns = -1", "column observed_ns"},
        Damage{"UPDATE heap_in_use SET process = 9", "heap_in_use"},
        Damage{"UPDATE heap_in_use SET blocks = -1", "column blocks"},
        Damage{"UPDATE heap_lost SET process = 9", "heap_lost"},
        Damage{"UPDATE heap_lost SET bytes = -1", "column bytes"},
        Damage{"UPDATE reachability SET lost = 51", "column lost has more than were looked for"},
        Damage{"UPDATE reachability SET refuted = 13", "column refuted has more than were"},
        Damage{"UPDATE reachability SET all_known = 2", "column all_known"},
        Damage{"UPDATE reachability SET in_object = 44",
               "column in_object has more than were lost"},
        Damage{"UPDATE recording SET sampling_asked = 'x'", "column sampling_asked"},
        Damage{"UPDATE recording SET budget_ppm = 2000000", "column budget_ppm"},
        Damage{"UPDATE period SET level = 'x'", "column level"},
        Damage{"UPDATE snapshot SET unobserved_ns = 8000000000 WHERE id = 1",
               "column unobserved_ns desc"},
        Damage{"UPDATE snapshot SET pauses = 9 WHERE id = 1", "column pauses desc"},
        Damage{"UPDATE snapshot SET host_available_bytes = 1001 WHERE id = 2",
               "column host_available_bytes is more than there is"},
        Damage{"UPDATE snapshot SET host_free_swap_bytes = 201 WHERE id = 2",
               "column host_free_swap_bytes is more than there is"},
        Damage{"ALTER TABLE totals ADD COLUMN more", "table totals: is missing or not as"},
        Damage{"DROP TABLE probe", "table probe: is missing or not as"},
        Damage{"ALTER TABLE event RENAME TO e; CREATE VIEW event AS SELECT * FROM e",
               "table event: is missing or not as"}));

TEST(Untrusted, MoreFreedThanAllocatedReadsAsNothingLive) {
    const TemporaryDirectory directory;
    write_sample(directory.file());
    change(directory.file(), "UPDATE totals SET freed_bytes = 1 << 60, freed_count = 1 << 60");
    Result<RecordingReader> reader = RecordingReader::open(directory.file());
    ASSERT_TRUE(reader->for_each_totals([](const TotalsRow& row) {
        EXPECT_EQ(row.totals.live_bytes(), 0u);
        EXPECT_EQ(row.totals.live_count(), 0u);
        EXPECT_EQ(row.least_held_bytes, 0u);
    }));
}

TEST(Untrusted, MoreLapsedThanHeldReadsAsAllLapsed) {
    const TemporaryDirectory directory;
    write_sample(directory.file());
    change(directory.file(), "UPDATE totals SET lapsed_bytes = 1 << 60, lapsed_count = 1 << 60");
    Result<RecordingReader> reader = RecordingReader::open(directory.file());
    ASSERT_TRUE(reader->for_each_totals([](const TotalsRow& row) {
        EXPECT_EQ(row.totals.live_bytes(), 0u);
        EXPECT_EQ(row.totals.lapsed_count, row.totals.held_count());
    }));
}

TEST(Untrusted, TriggersAndViewsOfTheFileAreNotRun) {
    const TemporaryDirectory directory;
    write_sample(directory.file());
    change(directory.file(),
           "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
           "SELECT i FROM n");
    EXPECT_TRUE(read_all(directory.file()));
}

}  // namespace
}  // namespace seep
