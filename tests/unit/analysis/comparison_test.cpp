// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "drain/lifetime_bucket.h"

namespace seep {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr std::int64_t second = 1'000'000'000;

/// One build of a program: the same functions at addresses of its own.
class Build {
 public:
    explicit Build(std::uint64_t base, double hours = 1) : base_(base) {
        contents_.processes = {{ProcessId(1), 1, "app", "/app", 0, 0, ""}};
        contents_.objects = {
            {ObjectId(1), {ObjectId(1), ObjectKind::file, "/app", std::to_string(base)}}};
        contents_.snapshots = {{0, {}}, {static_cast<std::int64_t>(hours * 3600) * second, {}}};
        contents_.window = {0, 1};
    }

    /// `blocks` of 100 bytes allocated in the window, `kept` of them still live; an empty name:
    /// none.
    void add(const std::string& function, std::uint64_t blocks, std::uint64_t kept) {
        const auto id = static_cast<std::uint32_t>(contents_.locations.size() + 1);
        std::vector<FrameRecord> frames;
        if (!function.empty()) frames.push_back({function, "", 0, false});
        contents_.locations[LocationId(id)] = {LocationId(id), ObjectId(1), base_ + id,
                                               true,           true,        frames};
        StackHistory stack;
        stack.record.id = StackId(id);
        stack.record.process = ProcessId(1);
        stack.record.locations = {LocationId(id)};
        constexpr std::uint64_t size = 100;
        stack.at_end = {.allocated_count = blocks,
                        .allocated_bytes = blocks * size,
                        .freed_count = blocks - kept,
                        .freed_bytes = (blocks - kept) * size,
                        .allocated_squares = blocks * size * size / 256,
                        .freed_squares = (blocks - kept) * size * size / 256};
        contents_.stacks.push_back(std::move(stack));
    }

    void add_pages(const std::string& function, std::uint64_t pages, std::uint64_t kept) {
        add(function, pages, kept);
        contents_.stacks.back().record.kind = StackKind::fault;
        contents_.info.sources.faults = true;
    }

    /// Of the last one's blocks, those that were freed had lived for so long.
    void lived(double seconds) {
        StackHistory& stack = contents_.stacks.back();
        stack.lifetimes[lifetime_bucket(static_cast<std::uint64_t>(seconds * 1e6))] =
            stack.at_end.freed_count;
    }
    /// The window begins so long after the process came to be traced.
    void begins_after(double seconds) {
        contents_.processes.front().started_ns = -static_cast<std::int64_t>(seconds) * second;
    }

    /// Of blocks from before.
    void frees_others(std::uint64_t blocks) {
        ProcessSample sample;
        sample.process = ProcessId(1);
        sample.losses[SEEP_LOSS_UNMATCHED_FREES] = blocks;
        contents_.snapshots.back().processes = {sample};
    }

    void count_work(std::uint64_t at_start, std::uint64_t at_end) {
        contents_.snapshots.front().work = at_start;
        contents_.snapshots.back().work = at_end;
    }

    [[nodiscard]] const RecordingContents& operator*() const { return contents_; }

 private:
    std::uint64_t base_;
    RecordingContents contents_;
};

const ComparedStack& named(const Comparison& comparison, const std::string& function) {
    for (const ComparedStack& stack : comparison.stacks)
        if (stack.frames.front().function == function) return stack;
    throw std::runtime_error(function);
}

TEST(Comparison, MatchesByNamesAcrossBuilds) {
    Build base(0x1000);
    Build current(0x9000);
    base.add("f", 100, 0);
    current.add("f", 100, 0);
    base.add("", 10, 0);
    current.add("", 10, 0);
    const auto comparison = compare(*base, *current, ComparedPer::time);
    ASSERT_TRUE(comparison);
    ASSERT_THAT(comparison->stacks, SizeIs(2));
    for (const ComparedStack& stack : comparison->stacks) {
        EXPECT_TRUE(stack.base.seen && stack.current.seen);
        EXPECT_EQ(stack.change, Change::same);
    }
}

TEST(Comparison, KeepsPagesApartFromBlocks) {
    Build base(0x1000);
    Build current(0x9000);
    for (Build* build : {&base, &current}) {
        build->add("f", 100, 10);
        build->add_pages("f", 300, 200);
    }
    const auto both = compare(*base, *current, ComparedPer::allocated);
    ASSERT_TRUE(both);
    EXPECT_EQ(both->stacks.size(), 2u);
    EXPECT_EQ(both->base.live_bytes, 1000u);
    EXPECT_DOUBLE_EQ(both->base.measure, 0.1);
}

TEST(Comparison, RanksSignificantDifferenceFirst) {
    Build base(1);
    Build current(2);
    base.add("busy", 2'000'000, 1000);
    current.add("busy", 2'000'000, 1010);  // 1,000 bytes more, a fifth of a deviation
    base.add("leak", 1000, 0);
    current.add("leak", 1000, 300);  // 30,000 bytes, seventeen deviations
    base.add("mended", 1000, 500);
    current.add("mended", 1000, 0);
    current.add("new", 100, 100);
    const auto comparison = compare(*base, *current, ComparedPer::time);
    ASSERT_TRUE(comparison);
    EXPECT_EQ(comparison->stacks[0].frames[0].function, "leak");
    EXPECT_EQ(comparison->stacks[0].change, Change::more);
    EXPECT_NEAR(comparison->stacks[0].difference, 30'000, 1e-6);
    // V = 300 blocks of 100^2 bytes, kept in units of 256.
    EXPECT_NEAR(comparison->stacks[0].z.value(), 30'000 / std::sqrt(300 * 100.0 * 100), 0.1);
    EXPECT_EQ(comparison->stacks[1].frames[0].function, "new");
    EXPECT_FALSE(comparison->stacks[1].base.seen);
    EXPECT_EQ(comparison->stacks[2].frames[0].function, "mended");
    EXPECT_EQ(comparison->stacks[2].change, Change::less);
    EXPECT_EQ(named(*comparison, "busy").change, Change::same);
}

TEST(Comparison, DividesByTimeOrByAllocations) {
    Build base(1, 1);
    Build current(2, 2);  // twice as long, and twice as busy by the hour
    base.add("f", 1000, 500);
    current.add("f", 4000, 2000);
    const auto by_time = compare(*base, *current, ComparedPer::time);
    EXPECT_NEAR(by_time->stacks[0].base.growth, 50'000, 1e-6);
    EXPECT_NEAR(by_time->stacks[0].current.growth, 100'000, 1e-6);
    EXPECT_EQ(by_time->stacks[0].change, Change::more);
    const auto by_work = compare(*base, *current, ComparedPer::allocated);
    EXPECT_NEAR(by_work->stacks[0].difference, 0, 1e-6);
    EXPECT_EQ(by_work->stacks[0].change, Change::same);
}

TEST(Comparison, DividesByWorkWhereBothSidesCountedIt) {
    Build base(1, 1);
    Build current(2, 2);
    base.add("f", 1000, 500);
    current.add("f", 4000, 2000);
    const auto uncounted = compare(*base, *current, ComparedPer::work);
    ASSERT_FALSE(uncounted);
    EXPECT_EQ(uncounted.error().kind, ErrorKind::bad_input);
    EXPECT_THAT(uncounted.error().message, HasSubstr("base: no work was counted"));

    base.count_work(10, 5'010);
    const auto half = compare(*base, *current, ComparedPer::work);
    ASSERT_FALSE(half);
    EXPECT_THAT(half.error().message, HasSubstr("file: no work was counted"));

    current.count_work(0, 20'000);  // four times as much kept by four times the work
    const auto by_work = compare(*base, *current, ComparedPer::work);
    ASSERT_TRUE(by_work);
    EXPECT_NEAR(by_work->base.measure, 5, 1e-9);
    EXPECT_NEAR(by_work->stacks[0].base.growth, 10'000, 1e-6);
    EXPECT_NEAR(by_work->stacks[0].current.growth, 10'000, 1e-6);
    EXPECT_EQ(by_work->stacks[0].change, Change::same);

    current.count_work(0, 5'000);
    EXPECT_EQ(compare(*base, *current, ComparedPer::work)->stacks[0].change, Change::more);
    current.count_work(7, 7);
    const auto idle = compare(*base, *current, ComparedPer::work);
    ASSERT_FALSE(idle);
    EXPECT_THAT(idle.error().message, HasSubstr("no unit of work was done"));
}

// Of a steady stack, too, what was there before is not known.
TEST(Comparison, WhatLivesSinceBeforeTheWindowIsNoDifference) {
    const auto change = [](double lived, double after, std::uint64_t others = 300) {
        Build base(1);
        Build current(2);
        base.add("f", 1000, 0);
        current.add("f", 1000, 300);
        current.lived(lived);
        current.begins_after(after);
        current.frees_others(others);
        return compare(*base, *current, ComparedPer::time)->stacks[0].change;
    };
    EXPECT_EQ(change(16, 0), Change::same);
    EXPECT_EQ(change(16, 10), Change::same);
    EXPECT_EQ(change(16, 30), Change::more);
    EXPECT_EQ(change(1, 10), Change::more);
    EXPECT_EQ(change(16, 0, 10), Change::more);  // nothing else was there
}

TEST(Comparison, FindsNoDifferenceAmongManyEqualStacks) {
    Build base(1);
    Build current(2);
    for (std::uint64_t i = 0; i < 1000; ++i) {
        // Up to about one deviation either way.
        base.add("f" + std::to_string(i), 400, 100 + i * 7919 % 13 - 6);
        current.add("f" + std::to_string(i), 400, 100 + i * 104'729 % 13 - 6);
    }
    const auto comparison = compare(*base, *current, ComparedPer::time);
    for (const ComparedStack& stack : comparison->stacks) EXPECT_EQ(stack.change, Change::same);
}

TEST(Comparison, RefusesWhatCannotBeDivided) {
    Build base(1, 0);
    Build current(2);
    current.add("f", 1, 1);
    EXPECT_FALSE(compare(*base, *current, ComparedPer::time));
    const auto nothing = compare(*Build(1), *current, ComparedPer::allocated);
    ASSERT_FALSE(nothing);
    EXPECT_EQ(nothing.error().kind, ErrorKind::bad_input);
    EXPECT_THAT(nothing.error().message, HasSubstr("nothing was allocated"));
    EXPECT_FALSE(parse_compared_per("speed"));
}

}  // namespace
}  // namespace seep
