// SPDX-License-Identifier: GPL-2.0-only
// What waits to be delivered: in order, bounded, and there after a crash. And how long it waits.

#include "triggers/spool.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "triggers/ingest.h"

namespace seep {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class Spools : public ::testing::Test {
 protected:
    Spools() {
        std::string name = (fs::temp_directory_path() / "seep-test-XXXXXX").string();
        directory_ = mkdtemp(name.data());
    }
    ~Spools() override { fs::remove_all(directory_); }
    [[nodiscard]] std::string path() const { return directory_ + "/spool"; }

    std::string directory_;
};

TEST_F(Spools, GiveBackWhatWasAddedOldestFirst) {
    auto spool = Spool::open(path(), 1000);
    ASSERT_TRUE(spool) << spool.error().message;
    EXPECT_EQ(spool->oldest(), nullptr);
    ASSERT_TRUE(spool->add("one", 10, 20));
    ASSERT_TRUE(spool->add("two", 20, 30));
    const Spool::Entry first = *spool->oldest();
    EXPECT_EQ(*spool->read(first), "one");
    EXPECT_EQ(first.from, 10);
    EXPECT_EQ(first.until, 20);
    spool->remove(first);
    spool->remove(first);
    EXPECT_EQ(*spool->read(*spool->oldest()), "two");
    EXPECT_EQ(spool->size(), 1u);
    struct stat status {};
    ASSERT_EQ(stat(path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0700u);
}

TEST_F(Spools, DropTheOldestToMakeRoomAndCountThem) {
    auto spool = Spool::open(path(), 100);
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(spool->add(std::string(30, 'a' + i), i, i + 1));
    EXPECT_EQ(spool->size(), 3u);
    EXPECT_EQ(spool->dropped(), 7u);
    EXPECT_EQ(*spool->read(*spool->oldest()), std::string(30, 'h'));
    std::uintmax_t bytes = 0;
    for (const auto& file : fs::directory_iterator(path())) bytes += file.file_size();
    EXPECT_EQ(bytes, 90u);
    EXPECT_FALSE(spool->add(std::string(101, 'x'), 1, 2));
    EXPECT_EQ(spool->size(), 3u);
    EXPECT_EQ(spool->dropped(), 8u);
}

TEST_F(Spools, AreThereAfterACrashAndTakeNothingElse) {
    {
        auto spool = Spool::open(path(), 1000);
        ASSERT_TRUE(spool->add("one", 10, 20));
        ASSERT_TRUE(spool->add("two", 20, 30));
    }
    std::ofstream(path() + "/notes.txt") << "mine";
    std::ofstream(path() + "/new") << "cut off";
    std::ofstream(path() + "/1-2.pb.gz") << "not ours";
    fs::create_symlink("/etc/passwd", path() + "/000000000000001-000000000000002-000001.pb.gz");
    auto spool = Spool::open(path(), 1000);
    ASSERT_TRUE(spool) << spool.error().message;
    EXPECT_EQ(spool->size(), 2u);
    EXPECT_EQ(*spool->read(*spool->oldest()), "one");
    ASSERT_TRUE(spool->add("three", 20, 30));
    EXPECT_EQ(spool->size(), 3u);
    EXPECT_TRUE(fs::exists(path() + "/notes.txt"));
}

TEST_F(Spools, BelongToOneRecorder) {
    const auto spool = Spool::open(path(), 1000);
    const auto other = Spool::open(path(), 1000);
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().kind, ErrorKind::bad_input);
    EXPECT_THAT(other.error().message, HasSubstr("another recorder"));
    EXPECT_FALSE(Spool::open("/no/such/place/spool", 1000));
}

TEST(BackOff, DoublesUpToFiveMinutesWithinItsRange) {
    using std::chrono::milliseconds;
    EXPECT_EQ(back_off(1, 0), milliseconds(500));
    EXPECT_EQ(back_off(1, 1), milliseconds(1000));
    EXPECT_EQ(back_off(4, 1), milliseconds(8000));
    EXPECT_EQ(back_off(9, 1), milliseconds(256'000));
    EXPECT_EQ(back_off(10, 1), milliseconds(300'000));
    EXPECT_EQ(back_off(4'000'000'000U, 0), milliseconds(150'000));
}

TEST(IngestTarget, MustBeAUrlWithoutSecrets) {
    for (const char* url :
         {"ftp://host/", "host", "", "file:///etc/passwd", "http://", "http://user:password@host/"})
        EXPECT_FALSE(check_target({.url = url})) << url;
    EXPECT_TRUE(check_target({.url = "https://host:4040/pyroscope/"}));
    EXPECT_FALSE(check_target({.url = "http://host", .header_file = "/no/such/file"}));
    EXPECT_FALSE(check_target({.url = "http://host", .ca_file = "/no/such/file"}));
}

}  // namespace
}  // namespace seep
