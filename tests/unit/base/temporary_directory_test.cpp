// SPDX-License-Identifier: GPL-2.0-only
#include "base/temporary_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace seep {
namespace {

TEST(TemporaryDirectory, IsPrivateAndGoesWithWhatIsInIt) {
    std::filesystem::path path;
    {
        TemporaryDirectory first = TemporaryDirectory::create().value();
        const TemporaryDirectory directory = std::move(first);
        std::ofstream(directory.file("a")) << "text";
        path = std::filesystem::path(directory.file("a")).parent_path();
        struct stat status {};
        ASSERT_EQ(stat(path.c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 07777, 0700);
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(TemporaryDirectory, SaysWhereItCannotBe) {
    setenv("TMPDIR", "/nonexistent", 1);
    const auto directory = TemporaryDirectory::create();
    unsetenv("TMPDIR");
    ASSERT_FALSE(directory);
    EXPECT_NE(directory.error().message.find("/nonexistent"), std::string::npos);
}

}  // namespace
}  // namespace seep
