// SPDX-License-Identifier: GPL-2.0-only
#include "target/memory_reading.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>

#include "support.h"

namespace seep {
namespace {

std::uint64_t address_of(const void* pointer) {
    return reinterpret_cast<std::uint64_t>(pointer);
}

TEST(MemoryReading, ReadsEveryPieceThatIsThere) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    char* const pages = static_cast<char*>(
        mmap(nullptr, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(pages, MAP_FAILED);
    std::memset(pages, 'a', page);
    std::memset(pages + 2 * page, 'c', page);
    ASSERT_EQ(munmap(pages + page, page), 0);
    const std::vector<MemoryPiece> pieces{{address_of(pages), 3},
                                          {address_of(pages + page), 5},
                                          {address_of(pages + page - 4), 8},
                                          {address_of(pages + 2 * page), 2},
                                          {16, 8},
                                          {address_of(pages + 3 * page - 1), 1}};
    const auto contents = read_memory(getpid(), pieces);
    ASSERT_TRUE(contents) << contents.error().message;
    EXPECT_EQ(*contents, (std::vector<std::string>{"aaa", "", "", "cc", "", "c"}));
    munmap(pages, page);
    munmap(pages + 2 * page, page);
}

TEST(MemoryReading, ReadsMoreThanOneCallTakes) {
    std::vector<std::uint64_t> numbers(5000);
    std::vector<MemoryPiece> pieces;
    for (std::uint64_t& number : numbers) {
        number = 7 * pieces.size();
        pieces.push_back({address_of(&number), sizeof(number)});
    }
    pieces[2000].address = 8;
    const auto contents = read_memory(getpid(), pieces);
    ASSERT_TRUE(contents) << contents.error().message;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        std::uint64_t number = 14'000;
        if (i != 2000) {
            ASSERT_EQ((*contents)[i].size(), sizeof(number)) << i;
            std::memcpy(&number, (*contents)[i].data(), sizeof(number));
        }
        EXPECT_EQ(number, 7 * i);
    }
}

TEST(MemoryReading, NothingOfAProcessThatEnded) {
    test::Child child = test::Child::run([] { pause(); });
    const pid_t pid = child.pid();
    child.kill_and_wait();
    const std::vector<MemoryPiece> pieces{{address_of(&pid), sizeof(pid)}};
    const auto contents = read_memory(pid, pieces);
    ASSERT_FALSE(contents);
    EXPECT_NE(contents.error().message.find("cannot read"), std::string::npos);
}

}  // namespace
}  // namespace seep
