// SPDX-License-Identifier: GPL-2.0-only
#include "target/memory_reading.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "base/handles.h"
#include "support.h"
#include "target/kept_pointers.h"

namespace seep {
namespace {

using testing::Contains;
using testing::ElementsAre;

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

TEST(MemoryReading, HandsOverAllWordsOfPages) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t count = 700;  // more than are read at once
    auto* const words = static_cast<std::uint64_t*>(
        mmap(nullptr, count * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(words, MAP_FAILED);
    const std::size_t each = page / sizeof *words;
    for (std::size_t i = 0; i < count * each; ++i) words[i] = i;
    ASSERT_EQ(munmap(words + 300 * each, page), 0);
    std::vector<PageRun> runs{{address_of(words), address_of(words + 2 * each)},
                              {address_of(words + 3 * each), address_of(words + 301 * each)},
                              {address_of(words + 302 * each), address_of(words + count * each)}};
    std::size_t seen = 0;
    const Result<void> read = read_words(
        getpid(), runs, [&](std::uint64_t address, std::span<const std::uint64_t> piece) {
            const std::uint64_t first = (address - address_of(words)) / sizeof *words;
            for (std::size_t i = 0; i < piece.size(); ++i) ASSERT_EQ(piece[i], first + i);
            seen += piece.size();
        });
    EXPECT_TRUE(read);
    EXPECT_EQ(seen, (count - 3) * each);
    munmap(words, count * page);
    EXPECT_TRUE(read_words(getpid(), {}, {}));
}

TEST(MemoryReading, DataIsPrivateAndSharedMemory) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const auto map = [&](int flags) {
        void* const memory = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, flags, -1, 0);
        static_cast<char*>(memory)[0] = 1;
        return address_of(memory);
    };
    const std::uint64_t own = map(MAP_PRIVATE | MAP_ANONYMOUS);
    const std::uint64_t shared = map(MAP_SHARED | MAP_ANONYMOUS);
    const auto has = [](const std::vector<PageRun>& runs, std::uint64_t address) {
        return std::ranges::any_of(
            runs, [&](const PageRun& run) { return run.start <= address && address < run.end; });
    };
    const auto data = read_data_pages(getpid());
    const auto anonymous = read_anonymous_pages(getpid());
    ASSERT_TRUE(data && anonymous);
    EXPECT_TRUE(has(*data, own) && has(*data, shared));
    EXPECT_TRUE(has(*anonymous, own) && !has(*anonymous, shared));
    EXPECT_FALSE(has(*data, own + page) || has(*data, shared + page));
    for (const std::uint64_t address : {own, shared})
        munmap(reinterpret_cast<void*>(address), 2 * page);  // NOLINT
}

TEST(MemoryReading, TheKernelTellsWhatEpollKeeps) {
    const UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
    const UniqueFd event(eventfd(0, EFD_CLOEXEC));
    epoll_event kept{};
    kept.events = EPOLLIN;
    kept.data.u64 = 0x7f12'3456'7890;
    ASSERT_EQ(epoll_ctl(epoll.get(), EPOLL_CTL_ADD, event.get(), &kept), 0);
    EXPECT_THAT(pointers_in_epoll(getpid()), Contains(kept.data.u64));
    EXPECT_THAT(parse_epoll_data("pos:\t0\ntfd:  5 events:  19 data:     7f12  pos:0\n"
                                 "tfd: 6 events: 1 data: ffffffffffffffff pos:0\ndata:"),
                ElementsAre(0x7f12, ~std::uint64_t{0}));
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
