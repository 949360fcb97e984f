// SPDX-License-Identifier: GPL-2.0-only
// The ledger of ranges against a model that knows every page by itself.

#include "drain/mapping_ledger.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>

namespace seep {
namespace {

constexpr std::uint64_t page = 4096;
using Kind = MappingCall::Kind;

MappingCall mapped(std::uint64_t first, std::uint64_t pages, bool writable = true,
                   bool fixed = false) {
    MappingCall call;
    call.kind = Kind::map;
    call.start = first * page;
    call.end = (first + pages) * page;
    call.fillable = true;
    call.writable = writable;
    call.fixed = fixed;
    return call;
}

MappingCall unmapped(std::uint64_t first, std::uint64_t pages) {
    MappingCall call = mapped(first, pages);
    call.kind = Kind::unmap;
    return call;
}

MappingCall protection(std::uint64_t first, std::uint64_t pages, bool writable) {
    MappingCall call = mapped(first, pages, writable);
    call.kind = Kind::protect;
    return call;
}

MappingCall remapped(std::uint64_t old_first, std::uint64_t old_pages, std::uint64_t first,
                     std::uint64_t pages, bool fixed = false) {
    MappingCall call = mapped(first, pages, false, fixed);
    call.kind = Kind::remap;
    call.old_start = old_first * page;
    call.old_end = (old_first + old_pages) * page;
    return call;
}

MappingCall heap_end(std::uint64_t first) {
    MappingCall call;
    call.kind = Kind::brk;
    call.end = first * page;
    return call;
}

Mapping line_of_maps(std::uint64_t first, std::uint64_t pages, bool writable = true) {
    Mapping mapping;
    mapping.start = first * page;
    mapping.end = (first + pages) * page;
    mapping.writable = writable;
    return mapping;
}

MappingCaller at(std::uint64_t stack, std::uint64_t time_us = 1) {
    return {StackId(stack), false, time_us};
}

/// All that was told so far, by stack.
class Told {
 public:
    explicit Told(MappingLedger& ledger) : ledger_(&ledger) {}
    const Totals& at(std::uint64_t stack) {
        for (const StackTotals& changed : ledger_->take_changed()) last_[changed.stack] = changed;
        return last_[StackId(stack)].totals;
    }
    const Lifetimes& lifetimes(std::uint64_t stack) {
        at(stack);
        return last_[StackId(stack)].lifetimes;
    }

 private:
    MappingLedger* ledger_;
    std::map<StackId, StackTotals> last_;
};

TEST(MappingLedger, PartsOfARegionAreUnmappedOneByOne) {
    MappingLedger ledger;
    Told told(ledger);
    ledger.apply(mapped(100, 16), at(1, 1000));
    ledger.apply(unmapped(104, 4), {.time_us = 2000});
    EXPECT_EQ(told.at(1).live_bytes(), 12 * page);
    EXPECT_EQ(told.at(1).live_count(), 1U);
    EXPECT_EQ(told.at(1).mean_birth_us, 1000U);
    ledger.apply(unmapped(90, 14), {.time_us = 3000});
    EXPECT_EQ(told.at(1).live_bytes(), 8 * page);
    EXPECT_EQ(told.lifetimes(1), Lifetimes{});
    ledger.apply(unmapped(108, 8), {.time_us = 1000 + 5000});
    EXPECT_EQ(told.at(1).live_bytes(), 0U);
    EXPECT_EQ(told.at(1).live_count(), 0U);
    EXPECT_EQ(told.at(1).allocated_bytes, 16 * page);
    Lifetimes once{};
    once[13] = 1;  // 5000 us: 2^12 up to 2^13
    EXPECT_EQ(told.lifetimes(1), once);
    EXPECT_EQ(ledger.mapped(), MappedBytes{});
}

TEST(MappingLedger, AFixedMappingReplacesWhatWasThere) {
    MappingLedger ledger;
    Told told(ledger);
    ledger.apply(mapped(100, 10), at(1));
    ledger.apply(mapped(103, 4, true, true), at(2));
    EXPECT_EQ(told.at(1).live_bytes(), 6 * page);
    EXPECT_EQ(told.at(2).live_bytes(), 4 * page);
    ledger.apply(unmapped(100, 10), {});
    EXPECT_EQ(told.at(1).live_bytes() + told.at(2).live_bytes(), 0U);
}

TEST(MappingLedger, AReservationIsMemoryOnceItIsWritable) {
    MappingLedger ledger;
    Told told(ledger);
    ledger.apply(mapped(100, 100, false), at(1));
    EXPECT_EQ(ledger.mapped().program, 0U);
    ledger.apply(protection(110, 20, true), at(2));
    ledger.apply(protection(120, 20, true), at(3));
    EXPECT_EQ(told.at(1).allocated_bytes, 0U);
    EXPECT_EQ(told.at(2).live_bytes(), 20 * page);
    EXPECT_EQ(told.at(3).live_bytes(), 10 * page);
    ledger.apply(protection(115, 10, false), at(4));
    EXPECT_EQ(told.at(2).live_bytes(), 10 * page);
    ledger.apply(unmapped(100, 100), {});
    EXPECT_EQ(ledger.mapped(), MappedBytes{});
}

TEST(MappingLedger, RemappingMovesGrowsAndShrinks) {
    MappingLedger ledger;
    Told told(ledger);
    ledger.apply(mapped(100, 10), at(1));
    ledger.apply(remapped(100, 10, 100, 4), at(2));
    EXPECT_EQ(told.at(1).live_bytes(), 4 * page);
    EXPECT_EQ(told.at(2).allocated_bytes, 0U);
    ledger.apply(remapped(100, 4, 300, 8), at(3));
    EXPECT_EQ(told.at(1).live_bytes(), 0U);
    EXPECT_EQ(told.at(3).live_bytes(), 8 * page);
    EXPECT_EQ(told.at(3).live_count(), 1U);
    ledger.apply(remapped(300, 8, 300, 9), at(4));
    EXPECT_EQ(told.at(3).live_bytes(), 0U);
    EXPECT_EQ(told.at(4).live_bytes(), 9 * page);
    ledger.apply(unmapped(300, 9), {});
    EXPECT_EQ(ledger.mapped(), MappedBytes{});
}

TEST(MappingLedger, TheHeapGrowsAndShrinksFromWhereItWas) {
    MappingLedger ledger;
    Told told(ledger);
    Mapping heap = line_of_maps(100, 10);
    heap.path = "[heap]";
    ledger.synchronize(std::array{heap}, 0);
    EXPECT_EQ(ledger.mapped().earlier, 10 * page);
    ledger.apply(heap_end(115), at(1));
    ledger.apply(heap_end(118), at(2));
    EXPECT_EQ(told.at(1).live_bytes(), 5 * page);
    EXPECT_EQ(told.at(2).live_bytes(), 3 * page);
    ledger.apply(heap_end(112), {});
    EXPECT_EQ(told.at(1).live_bytes(), 2 * page);
    EXPECT_EQ(told.at(2).live_bytes(), 0U);
    ledger.apply(heap_end(105), {});
    EXPECT_EQ(ledger.mapped().earlier, 5 * page);
}

TEST(MappingLedger, AnUnmappingToldLateTakesNothingFromItsSuccessor) {
    MappingLedger ledger;
    Told told(ledger);
    ledger.apply(mapped(100, 10), at(1, 10));
    // Another thread unmaps 102 to 106; a second one is given 104 to 108 before the first has
    // said so.
    ledger.apply(mapped(102, 2), at(2, 20));
    EXPECT_EQ(told.at(1).live_bytes(), 8 * page);
    ledger.apply(unmapped(102, 4), {.time_us = 21});
    EXPECT_EQ(told.at(2).live_bytes(), 2 * page);
    EXPECT_EQ(told.at(1).live_bytes(), 6 * page);
    ledger.apply(unmapped(102, 2), {.time_us = 22});
    EXPECT_EQ(told.at(2).live_bytes(), 0U);
}

TEST(MappingLedger, SharedFilesAndAllocatorsAreInNoStack) {
    MappingLedger ledger;
    Told told(ledger);
    MappingCall file = mapped(100, 10);
    file.fillable = false;
    ledger.apply(file, at(1));
    EXPECT_EQ(ledger.mapped(), MappedBytes{});
    MappingCaller allocator = at(2);
    allocator.allocator = true;
    ledger.apply(mapped(200, 5), allocator);
    EXPECT_EQ(ledger.mapped().allocator, 5 * page);
    EXPECT_EQ(told.at(2).allocated_bytes, 0U);
    MappingCall stack = mapped(300, 7);
    stack.thread_stack = true;
    ledger.apply(stack, at(3));
    EXPECT_EQ(ledger.mapped().thread_stacks, 7 * page);
    EXPECT_EQ(ledger.mapped().program, 7 * page);
}

TEST(MappingLedger, SynchronizingDropsWhatIsGoneAndAdoptsWhatIsNew) {
    MappingLedger ledger;
    Told told(ledger);
    ledger.apply(mapped(100, 10), at(1));
    ledger.synchronize(
        std::array{line_of_maps(90, 3), line_of_maps(105, 20), line_of_maps(200, 5, false)}, 50);
    EXPECT_EQ(told.at(1).live_bytes(), 5 * page);
    EXPECT_EQ(ledger.mapped().earlier, (3 + 15) * page);
    // A call that the mappings show already is no overlap with anything.
    ledger.apply(mapped(110, 5), at(2, 40));
    ledger.apply(unmapped(110, 5), {.time_us = 60});
    EXPECT_EQ(told.at(2).live_bytes(), 0U);
    EXPECT_EQ(told.at(2).allocated_bytes, 5 * page);
}

/// One entry a page: which call made it memory, if it is any.
class PageModel {
 public:
    struct Page {
        bool fillable = true;
        bool writable = false;
        std::uint64_t stack = 0;
    };

    void map(std::uint64_t first, std::uint64_t pages, Page content) {
        for (std::uint64_t i = 0; i < pages; ++i) pages_[first + i] = content;
    }
    void unmap(std::uint64_t first, std::uint64_t pages) {
        for (std::uint64_t i = 0; i < pages; ++i) pages_.erase(first + i);
    }
    void protect(std::uint64_t first, std::uint64_t pages, bool writable, std::uint64_t stack) {
        for (std::uint64_t i = first; i < first + pages; ++i) {
            const auto found = pages_.find(i);
            if (found == pages_.end()) continue;
            Page& it = found->second;
            if (writable && !it.writable) it.stack = stack;
            it.writable = writable;
        }
    }
    [[nodiscard]] bool is_free(std::uint64_t first, std::uint64_t pages) const {
        const auto next = pages_.lower_bound(first);
        return next == pages_.end() || next->first >= first + pages;
    }
    [[nodiscard]] std::optional<Page> at(std::uint64_t index) const {
        const auto found = pages_.find(index);
        return found == pages_.end() ? std::nullopt : std::optional(found->second);
    }
    [[nodiscard]] std::map<std::uint64_t, std::uint64_t> bytes_by_stack() const {
        std::map<std::uint64_t, std::uint64_t> bytes;
        for (const auto& [index, it] : pages_)
            if (it.fillable && it.writable) bytes[it.stack] += page;
        return bytes;
    }

 private:
    std::map<std::uint64_t, Page> pages_;
};

TEST(MappingLedger, AgreesWithAModelOfPages) {
    constexpr std::uint64_t space = 200;
    constexpr std::uint64_t stacks = 7;
    for (unsigned seed = 1; seed <= 40; ++seed) {
        std::mt19937 random(seed);
        const auto below = [&](std::uint64_t limit) { return random() % limit; };
        MappingLedger ledger;
        Told told(ledger);
        PageModel model;
        for (std::uint64_t time = 1; time <= 500; ++time) {
            const std::uint64_t first = 1 + below(space);
            const std::uint64_t pages = 1 + below(30);
            const std::uint64_t stack = 1 + below(stacks);
            const bool flag = below(2) == 0;
            switch (below(5)) {
                case 0:
                case 1: {
                    const bool fixed = !model.is_free(first, pages);
                    MappingCall call = mapped(first, pages, flag, fixed);
                    call.fillable = below(4) != 0;
                    ledger.apply(call, at(stack, time));
                    model.map(first, pages, {call.fillable, flag, stack});
                    break;
                }
                case 2:
                    ledger.apply(unmapped(first, pages), {.time_us = time});
                    model.unmap(first, pages);
                    break;
                case 3:
                    ledger.apply(protection(first, pages, flag), at(stack, time));
                    model.protect(first, pages, flag, stack);
                    break;
                default: {
                    // Of one page, to a place of its own: its content must be known there.
                    const auto moved = model.at(first);
                    const std::uint64_t target = 1000 + time * 100;
                    if (!moved) break;
                    ledger.apply(remapped(first, 1, target, pages), at(stack, time));
                    model.unmap(first, 1);
                    model.map(target, pages, {moved->fillable, moved->writable, stack});
                }
            }
            if (time % 25 != 0) continue;
            const auto truth = model.bytes_by_stack();
            std::uint64_t sum = 0;
            for (std::uint64_t id = 1; id <= stacks; ++id) {
                const auto found = truth.find(id);
                const std::uint64_t bytes = found == truth.end() ? 0 : found->second;
                ASSERT_EQ(told.at(id).live_bytes(), bytes) << "seed " << seed << " time " << time;
                ASSERT_EQ(told.at(id).live_count() == 0, bytes == 0);
                sum += bytes;
            }
            ASSERT_EQ(ledger.mapped().program, sum);
        }
    }
}

TEST(MappingLedger, IsBounded) {
    MappingLedger ledger;
    for (std::uint64_t i = 0; i < MappingLedger::max_ranges + 10; ++i)
        ledger.apply(mapped(1 + 2 * i, 1), at(1));
    EXPECT_EQ(ledger.refused(), 10U);
    EXPECT_EQ(ledger.mapped().program, MappingLedger::max_ranges * page);
}

}  // namespace
}  // namespace seep
