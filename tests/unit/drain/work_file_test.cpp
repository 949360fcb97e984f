// SPDX-License-Identifier: GPL-2.0-only
#include "drain/work_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

namespace seep {
namespace {

class WorkFileTest : public testing::Test {
 protected:
    void SetUp() override {
        const int fd = mkstemp(path_.data());
        ASSERT_GE(fd, 0);
        ::close(fd);
    }
    void TearDown() override { std::remove(path_.c_str()); }
    void write(const std::string& text) const { std::ofstream(path_) << text; }

    std::string path_ = testing::TempDir() + "seep-work-XXXXXX";
};

TEST_F(WorkFileTest, CountsFromWhenItWasOpened) {
    write("1000\n");
    auto file = WorkFile::open(path_);
    ASSERT_TRUE(file);
    EXPECT_EQ(file->read(), 0U);
    write("1250 requests\n");
    EXPECT_EQ(file->read(), 250U);
}

TEST_F(WorkFileTest, GoesOnWhereAWriterStartedAgain) {
    write("1000");
    auto file = WorkFile::open(path_);
    ASSERT_TRUE(file);
    write("1100");
    EXPECT_EQ(file->read(), 100U);
    write("7");
    EXPECT_EQ(file->read(), 107U);
    write("10");
    EXPECT_EQ(file->read(), 110U);
}

TEST_F(WorkFileTest, KeepsTheCountWhileTheFileTellsNone) {
    write("5");
    auto file = WorkFile::open(path_);
    ASSERT_TRUE(file);
    write("9");
    EXPECT_EQ(file->read(), 4U);
    write("");
    EXPECT_EQ(file->read(), 4U);
    std::remove(path_.c_str());
    EXPECT_EQ(file->read(), 4U);
    write("11");
    EXPECT_EQ(file->read(), 6U);
}

TEST_F(WorkFileTest, SaysOnceWhatIsWrong) {
    write("5");
    auto file = WorkFile::open(path_);
    ASSERT_TRUE(file);
    write("none");
    for (int misses = 1; misses <= 5; ++misses) {
        file->read();
        EXPECT_EQ(file->trouble().empty(), misses != 3) << misses;
    }
    write("9");
    file->read();
    EXPECT_EQ(file->trouble(), "");
    write("2");
    file->read();
    EXPECT_NE(file->trouble().find("went back from 9 to 2"), std::string::npos) << file->trouble();
    file->read();
    EXPECT_EQ(file->trouble(), "");
}

TEST_F(WorkFileTest, RefusesWhatIsNoCount) {
    for (const char* text : {"", "requests 5", "-3", "12abc", "99999999999999999999"}) {
        write(text);
        const auto file = WorkFile::open(path_);
        ASSERT_FALSE(file) << text;
        EXPECT_EQ(file.error().kind, ErrorKind::bad_input);
    }
    const auto absent = WorkFile::open(path_ + ".absent");
    ASSERT_FALSE(absent);
    EXPECT_EQ(absent.error().kind, ErrorKind::bad_input);
    EXPECT_NE(absent.error().message.find("No such file"), std::string::npos);
}

}  // namespace
}  // namespace seep
