// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/heap_growth.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace seep {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr ProcessId process(1);

RecordingContents hundred_seconds() {
    RecordingContents contents;
    contents.window = {0, 10};
    for (int i = 0; i <= 10; ++i)
        contents.snapshots.push_back(
            {.time_ns = i * 10 * second, .processes = {{.process = process, .alive = true}}});
    return contents;
}

/// At each snapshot, so many blocks that take so much.
void count(RecordingContents& contents, std::uint64_t chunk,
           const std::function<double(double)>& blocks_at) {
    for (std::size_t i = 0; i <= 10; ++i) {
        const auto blocks = static_cast<std::uint64_t>(blocks_at(10.0 * static_cast<double>(i)));
        contents.heap.push_back({i, {process, chunk, blocks, blocks * chunk}});
    }
    std::ranges::stable_sort(contents.heap, {}, &HeapInUseRow::snapshot);
}

TEST(HeapGrowth, IsThatFromTheFirstCountToTheLast) {
    RecordingContents contents = hundred_seconds();
    count(contents, 0, [](double) { return 0; });
    count(contents, 64, [](double t) { return 100 + 50 * t; });
    count(contents, 112, [](double t) { return 1000 + (static_cast<int>(t) % 20 == 0 ? 9 : -9); });
    const auto growth = heap_growth(contents);
    ASSERT_TRUE(growth);
    EXPECT_NEAR(growth->sizes.at(64).more, 50, 1e-9);
    EXPECT_NEAR(growth->sizes.at(64).low, 50, 0.05);
    EXPECT_LT(growth->sizes.at(112).low, 0);
    EXPECT_GT(growth->sizes.at(112).high, 0);
    EXPECT_NEAR(growth->growth.bytes_per_second, 50 * 64, 1);
    EXPECT_EQ(growth->blocks, 100U + 5000 + 1009);
    EXPECT_NEAR(growth->lately.bytes_per_second, 50 * 64, 50);
}

TEST(HeapGrowth, TellsWhatOfItIsLost) {
    RecordingContents contents = hundred_seconds();
    count(contents, 64, [](double t) { return 1000 + 50 * t; });
    EXPECT_FALSE(heap_growth(contents)->lost);
    const auto lost_at = [&](std::size_t snapshot, std::uint64_t blocks) {
        contents.heap_lost.push_back({snapshot, {process, 0, blocks, blocks * 64}});
        contents.heap_lost.push_back({snapshot, {process, 64, blocks, blocks * 64}});
    };
    lost_at(2, 900);
    const auto once = heap_growth(contents)->lost;
    ASSERT_TRUE(once);
    EXPECT_EQ(once->blocks, 900U);
    EXPECT_TRUE(once->sizes.empty());
    lost_at(10, 4100);
    const auto twice = heap_growth(contents)->lost;
    EXPECT_EQ(twice->blocks, 4100U);
    EXPECT_EQ(twice->bytes, 4100U * 64);
    EXPECT_NEAR(twice->sizes.at(64).more, 40, 1e-9);
    EXPECT_NEAR(twice->sizes.at(64).low, (3200 - 1.96 * std::sqrt(3200)) / 80, 0.01);
    // A third may look reached.
    EXPECT_NEAR(twice->sizes.at(64).high, 1.5 * (3200 + 1.96 * std::sqrt(3200)) / 80, 0.01);
}

/// Of 1000 blocks, `used` are in use and the others free.
HeapInUseGrowth with_free(const std::function<double(double)>& used) {
    RecordingContents contents = hundred_seconds();
    count(contents, 64, used);
    // Free bytes have no blocks.
    count(contents, 0, [](double) { return 0; });
    for (HeapInUseRow& row : contents.heap)
        if (row.size.chunk_bytes == 0)
            row.size.bytes = static_cast<std::uint64_t>(
                64 * (1000 - used(10.0 * static_cast<double>(row.snapshot))));
    return *heap_growth(contents);
}

TEST(HeapGrowth, TellsWhatWasFreeAllTheTime) {
    EXPECT_EQ(with_free([](double t) { return 400 - t; }).kept_free_bytes, 64U * 670);
    EXPECT_EQ(with_free([](double t) { return t < 50 ? 800 : 200; }).kept_free_bytes, 0U);
}

TEST(HeapGrowth, TellsWhatBecameFreeForGood) {
    const auto freed_from = [](double freed_at, double again_at) {
        return with_free([=](double t) { return t < freed_at || t >= again_at ? 1000.0 : 200.0; })
            .freed_bytes;
    };
    EXPECT_EQ(freed_from(30, 1000), 64U * 800);
    EXPECT_EQ(freed_from(30, 90), 0U);  // given out again
    EXPECT_EQ(freed_from(90, 1000), 0U);
    EXPECT_EQ(freed_from(0, 1000), 0U);
}

TEST(HeapGrowth, IsNotKnownOfOtherProcesses) {
    RecordingContents contents = hundred_seconds();
    count(contents, 64, [](double t) { return t; });
    contents.snapshots.back().processes.push_back({.process = ProcessId(2), .alive = true});
    EXPECT_FALSE(heap_growth(contents));
}

TEST(HeapGrowth, TakesThreeCounts) {
    RecordingContents contents = hundred_seconds();
    count(contents, 64, [](double t) { return t; });
    std::erase_if(contents.heap, [](const auto& row) { return row.snapshot % 10 != 0; });
    EXPECT_FALSE(heap_growth(contents));
}

}  // namespace
}  // namespace seep
