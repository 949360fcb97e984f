// SPDX-License-Identifier: GPL-2.0-only
#include "symbols/perf_map.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "symbols/demangle.h"

namespace seep {
namespace {

TEST(PerfMap, FindsNamesWithBlanksInThem) {
    const PerfMap map = PerfMap::parse("7f00 20 LazyCompile:*go /app/a b.js:3\n0x7f20 0x10 next\n");
    EXPECT_EQ(map.size(), 2U);
    EXPECT_EQ(map.lookup(0x7eff), std::nullopt);
    EXPECT_EQ(map.lookup(0x7f1f), "LazyCompile:*go /app/a b.js:3");
    EXPECT_EQ(map.lookup(0x7f20), "next");
    EXPECT_EQ(map.lookup(0x7f30), std::nullopt);
}

TEST(PerfMap, LaterLinesWin) {
    const PerfMap map = PerfMap::parse("1000 100 old\n1040 10 new\n1080 100 newest");
    EXPECT_EQ(map.lookup(0x1000), "old");
    EXPECT_EQ(map.lookup(0x1040), "new");
    EXPECT_EQ(map.lookup(0x1050), "old");
    EXPECT_EQ(map.lookup(0x1080), "newest");
}

TEST(PerfMap, SkipsWhatDoesNotParse) {
    const PerfMap map = PerfMap::parse(
        "\n\n garbage\n10 name\n10 20\n10 20 \nffffffffffffffff 10 wraps\n"
        "10000000000000000 10 too_large\n-10 10 negative\n0x 10 x\n10 0 empty\n\x01\xff\n50 1 "
        "good\n");
    EXPECT_EQ(map.size(), 1U);
    EXPECT_EQ(map.lookup(0x50), "good");
}

TEST(PerfMap, ReachesTheEndOfTheAddressSpace) {
    const PerfMap map = PerfMap::parse("0 ffffffffffffffff all\n");
    EXPECT_EQ(map.lookup(0), "all");
    EXPECT_EQ(map.lookup(UINT64_MAX - 1), "all");
}

TEST(PerfMap, CutsNamesThatAreNone) {
    const PerfMap map = PerfMap::parse("10 10 " + std::string(1'000'000, 'x'));
    EXPECT_EQ(map.lookup(0x10)->size(), max_name_bytes);
}

TEST(PerfMap, StaysValidWhenMoved) {
    PerfMap map = PerfMap::parse("10 1 a\n");
    const PerfMap moved = std::move(map);
    EXPECT_EQ(moved.lookup(0x10), "a");
}

/// The perf map of this process, in place of whatever is there.
class PerfMapFile : public testing::Test {
 protected:
    PerfMapFile() { std::filesystem::remove_all(path_); }
    ~PerfMapFile() override { std::filesystem::remove_all(path_); }
    PerfMapFile(const PerfMapFile&) = delete;
    PerfMapFile& operator=(const PerfMapFile&) = delete;

    void write(const std::string& path) { std::ofstream(path) << "400000 10 jitted\n"; }
    std::string refusal() {
        const auto map = PerfMap::read(getpid());
        return map ? "read it" : map.error().message;
    }

    const std::string path_ = "/tmp/perf-" + std::to_string(getpid()) + ".map";
};

TEST_F(PerfMapFile, IsRead) {
    write(path_);
    const auto map = PerfMap::read(getpid());
    ASSERT_TRUE(map) << map.error().message;
    EXPECT_EQ(map->lookup(0x400008), "jitted");
}

TEST_F(PerfMapFile, MayBeMissing) {
    EXPECT_NE(refusal().find("No such file"), std::string::npos) << refusal();
}

TEST_F(PerfMapFile, IsRefusedIfItIsALink) {
    const std::string elsewhere = path_ + ".elsewhere";
    write(elsewhere);
    std::filesystem::create_symlink(elsewhere, path_);
    EXPECT_NE(refusal().find("symbolic link"), std::string::npos) << refusal();
    std::filesystem::remove(elsewhere);
}

TEST_F(PerfMapFile, IsRefusedIfItIsAFifo) {
    ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
    EXPECT_NE(refusal().find("not a regular file"), std::string::npos) << refusal();
}

TEST_F(PerfMapFile, IsRefusedIfItIsADirectory) {
    std::filesystem::create_directory(path_);
    EXPECT_NE(refusal().find("not a regular file"), std::string::npos) << refusal();
}

TEST_F(PerfMapFile, IsRefusedIfItIsTooLarge) {
    write(path_);
    ASSERT_EQ(truncate(path_.c_str(), (1LL << 30) + 1), 0);
    EXPECT_NE(refusal().find("over 1 GiB"), std::string::npos) << refusal();
}

TEST_F(PerfMapFile, IsRefusedIfItIsAnotherUsers) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root to give a file away";
    write(path_);
    ASSERT_EQ(chown(path_.c_str(), 65534, 65534), 0);
    EXPECT_NE(refusal().find("another user"), std::string::npos) << refusal();
}

TEST(PerfMap, OfNoProcessIsAnError) {
    EXPECT_FALSE(PerfMap::read(0x3fffffff));
}

}  // namespace
}  // namespace seep
