// SPDX-License-Identifier: GPL-2.0-only
#include "drain/fault_ledger.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace seep {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t block = FaultLedger::block_bytes;
constexpr StackId a{1};
constexpr StackId b{2};

std::uint64_t at(std::uint64_t pages) {
    return block + pages * page;
}

PageRun run(std::uint64_t first, std::uint64_t count) {
    return {at(first), at(first + count)};
}

/// A ledger, and the totals that it has told so far.
class Process {
 public:
    void touch(std::uint64_t first, std::uint64_t count, StackId stack, bool was_there = false) {
        for (std::uint64_t i = 0; i < count; ++i)
            ledger_.touch(at(first + i) + 17 * (i % 100), stack, was_there);
    }
    void snapshot(const std::vector<PageRun>& pages, std::uint64_t time_us = 0) {
        ledger_.reconcile(pages, time_us);
        for (const StackTotals& stack : ledger_.take_changed()) told_[stack.stack] = stack;
    }
    [[nodiscard]] std::uint64_t live(StackId stack) const {
        const auto found = told_.find(stack);
        return found == told_.end() ? 0 : found->second.totals.live_count();
    }
    [[nodiscard]] const StackTotals& told(StackId stack) const { return told_.at(stack); }
    FaultLedger& operator*() { return ledger_; }
    FaultLedger* operator->() { return &ledger_; }

 private:
    FaultLedger ledger_{page};
    std::map<StackId, StackTotals> told_;
};

TEST(FaultLedger, CountsWhatWasTouchedAndIsThere) {
    Process process;
    process.touch(0, 10, a);
    process.touch(20, 5, b);
    process.touch(40, 3, b);  // a page of a file: not the process's own
    EXPECT_EQ(process->faulted(), FaultedBytes{});
    process.snapshot({run(0, 10), run(20, 5)}, 3'000'000);
    EXPECT_EQ(process.live(a), 10);
    EXPECT_EQ(process.live(b), 5);
    EXPECT_EQ(process.told(a).totals.allocated_bytes, 10 * page);
    EXPECT_EQ(process.told(a).totals.allocated_squares, 10 * page * page / 256);
    EXPECT_EQ(process.told(a).totals.mean_birth_us, 3'000'000);
    EXPECT_EQ(process->faulted(), (FaultedBytes{15 * page, 0, 0}));
    EXPECT_TRUE(process->take_changed().empty());
}

TEST(FaultLedger, WhatIsNotThereAnyMoreIsFreed) {
    Process process;
    process.touch(0, 10, a);
    process.snapshot({run(0, 10)}, 1'000'000);
    process.snapshot({run(2, 3), run(8, 2)}, 5'000'000);
    const StackTotals& told = process.told(a);
    EXPECT_EQ(told.totals.live_count(), 5);
    EXPECT_EQ(told.totals.freed_bytes, 5 * page);
    EXPECT_EQ(told.lifetimes[22], 5);  // four seconds
    process.snapshot({}, 6'000'000);
    EXPECT_EQ(process.live(a), 0);
    EXPECT_EQ(process.told(a).totals.freed_count, 10);
}

TEST(FaultLedger, WhatWasThereBeforeIsNobodys) {
    Process process;
    process->begin(std::vector{run(0, 100)});
    process.touch(3, 2, a, true);  // written again after a fork
    process.touch(50, 1, a);       // gone, and touched anew
    process.snapshot({run(0, 100)});
    EXPECT_EQ(process.live(a), 1);
    EXPECT_EQ(process->faulted(), (FaultedBytes{page, 0, 99 * page}));
}

TEST(FaultLedger, APageThatCouldBeReadStaysItsOwners) {
    Process process;
    process.touch(0, 10, a);
    process.snapshot({run(0, 10)});
    process.touch(0, 10, b, true);
    process.snapshot({run(0, 10)});
    EXPECT_EQ(process.live(a), 10);
    EXPECT_EQ(process.live(b), 0);
    // Within one snapshot, too: read first (the page of zeros), then written.
    process.touch(20, 1, a, true);
    process.snapshot({run(0, 10), run(20, 1)});
    EXPECT_EQ(process.live(a), 11);
}

TEST(FaultLedger, APageThatWasGoneIsItsNewOwners) {
    Process process;
    process.touch(0, 10, a);
    process.snapshot({run(0, 10)}, 1'000'000);
    process.touch(4, 2, b);
    process.snapshot({run(0, 10)}, 2'000'000);
    EXPECT_EQ(process.live(a), 8);
    EXPECT_EQ(process.told(a).totals.freed_count, 2);
    EXPECT_EQ(process.live(b), 2);
    // By the same stack: one freed, one new.
    process.touch(0, 1, a);
    process.snapshot({run(0, 10)}, 3'000'000);
    EXPECT_EQ(process.live(a), 8);
    EXPECT_EQ(process.told(a).totals.freed_count, 3);
    EXPECT_EQ(process.told(a).totals.allocated_count, 11);
}

TEST(FaultLedger, BetweenSnapshotsTheLastToBringAPageHasIt) {
    Process process;
    process.touch(0, 9, a);
    process.touch(4, 1, b);
    process.touch(5, 1, b, true);
    process.snapshot({run(0, 9)});
    EXPECT_EQ(process.live(a), 8);
    EXPECT_EQ(process.live(b), 1);
}

TEST(FaultLedger, AFaultToldJustBeforeItsPageIsThereIsKept) {
    Process process;
    process.touch(0, 10, a);
    process.snapshot({run(0, 4), run(6, 3)});
    EXPECT_EQ(process.live(a), 7);
    process.snapshot({run(0, 9)});
    EXPECT_EQ(process.live(a), 9);
    // But not for longer.
    process.snapshot({run(0, 10)});
    EXPECT_EQ(process.live(a), 9);
    EXPECT_EQ(process->faulted(), (FaultedBytes{9 * page, page, 0}));
    // What was touched again meanwhile, by another, is that one's.
    process.touch(20, 2, a);
    process.snapshot({run(0, 10)});
    process.touch(21, 1, b);
    process.snapshot({run(0, 10), run(20, 2)});
    EXPECT_EQ(process.live(a), 10);
    EXPECT_EQ(process.live(b), 1);
}

TEST(FaultLedger, ALargePageIsWholeItsTouchers) {
    Process process;
    process->begin(std::vector{run(1024, 5)});
    process.touch(100, 1, a);
    process.touch(512, 1, b);
    process.snapshot({run(0, 1029)});
    EXPECT_EQ(process.live(a), 512);
    EXPECT_EQ(process.live(b), 512);
    EXPECT_EQ(process->faulted(), (FaultedBytes{1024 * page, 0, 5 * page}));
}

TEST(FaultLedger, WhatCameWithoutAFaultIsUntold) {
    Process process;
    process.touch(10, 1, a);
    process.snapshot({run(10, 1), run(20, 30), run(512, 1000)});
    EXPECT_EQ(process.live(a), 1);
    EXPECT_EQ(process->faulted(), (FaultedBytes{page, 1030 * page, 0}));
    // It stays so, and may be touched anew.
    process.touch(21, 1, a);
    process.snapshot({run(10, 1), run(20, 30)});
    EXPECT_EQ(process->faulted(), (FaultedBytes{2 * page, 29 * page, 0}));
}

TEST(FaultLedger, AFaultWithoutAKnownStackIsUntold) {
    Process process;
    process.touch(0, 3, StackId());
    process.snapshot({run(0, 3)});
    EXPECT_EQ(process->faulted(), (FaultedBytes{0, 3 * page, 0}));
}

TEST(FaultLedger, AddsUpToThePagesInMemory) {
    // Whatever happens: each page that is there is in one sum, and counters only grow.
    std::mt19937 random(3);
    const auto below = [&](std::uint64_t limit) { return random() % limit; };
    Process process;
    constexpr std::uint64_t pages = 3000;
    std::vector<bool> there(pages);
    const auto runs = [&] {
        std::vector<PageRun> result;
        for (std::uint64_t i = 0; i < pages; ++i) {
            if (!there[i]) continue;
            if (!result.empty() && result.back().end == at(i))
                result.back().end = at(i + 1);
            else
                result.push_back(run(i, 1));
        }
        return result;
    };
    std::map<StackId, Totals> before;
    for (int round = 0; round < 200; ++round) {
        for (int change = 0; change < 20; ++change) {
            const std::uint64_t first = below(pages);
            const std::uint64_t count = std::min<std::uint64_t>(1 + below(90), pages - first);
            const bool come = below(2) == 0;
            for (std::uint64_t i = first; i < first + count; ++i) there[i] = come;
            if (come && below(4) != 0)
                process.touch(first, count, StackId(1 + below(5)), below(3) == 0);
        }
        process.snapshot(runs(), static_cast<std::uint64_t>(round) * 1000);
        std::uint64_t sum = 0;
        for (std::uint64_t id = 1; id <= 5; ++id) {
            sum += process.live(StackId(id)) * page;
            if (process.live(StackId(id)) == 0) continue;
            const Totals& now = process.told(StackId(id)).totals;
            Totals& last = before[StackId(id)];
            EXPECT_GE(now.allocated_count, last.allocated_count);
            EXPECT_GE(now.freed_count, last.freed_count);
            last = now;
        }
        const FaultedBytes faulted = process->faulted();
        EXPECT_EQ(faulted.touched, sum);
        EXPECT_EQ(faulted.touched + faulted.untold,
                  page * static_cast<std::uint64_t>(std::ranges::count(there, true)));
    }
    EXPECT_EQ(process->refused(), 0);
}

}  // namespace
}  // namespace seep
