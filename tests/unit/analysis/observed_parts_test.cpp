// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/observed_parts.h"

#include <gtest/gtest.h>

namespace seep {
namespace {

constexpr std::int64_t second = 1'000'000'000;

/// 10 s a snapshot, of which so many were observed, with a pause in each.
std::vector<SnapshotRecord> observed_for(const std::vector<double>& seconds) {
    std::vector<SnapshotRecord> snapshots(1);
    for (const double observed : seconds) {
        SnapshotRecord next = snapshots.back();
        next.time_ns += 10 * second;
        next.unobserved_ns += static_cast<std::uint64_t>((10 - observed) * second);
        next.pauses += observed > 0 ? 1 : 0;
        snapshots.push_back(next);
    }
    return snapshots;
}

/// So many blocks of 100 bytes more at each snapshot.
LiveSeries grown_by(const std::vector<std::uint64_t>& blocks) {
    LiveSeries live;
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        count += blocks[i];
        live.push_back({.snapshot = i + 1, .live = 100 * count, .live_count = count});
    }
    return live;
}

TEST(ObservedParts, PartsHoldAThirdOfATimeWithProbesAtLeast) {
    const auto snapshots = observed_for({1, 0, 1, 0.1, 0.9, 0});
    const auto parts = observed_parts(snapshots, {0, 6});
    ASSERT_EQ(parts.size(), 3U);
    EXPECT_EQ(parts[1].from, 1U);
    EXPECT_NEAR(parts[1].weight(), 20, 1e-6);
    EXPECT_NEAR(parts[2].seconds, 30, 1e-6);
    EXPECT_NEAR(parts[2].observed_seconds, 1, 1e-6);
    EXPECT_TRUE(observed_parts(observed_for({0, 0}), {0, 2}).empty());
}

TEST(ObservedParts, TheBusyHalfCountsAsMuchAsTheIdleOne) {
    // 50 blocks a second while busy, when less than half as long is observed as of the idle time,
    // when there are 10: 30 a second, not 600 blocks in 28 s.
    const auto snapshots = observed_for({4, 10, 4, 10});
    const LiveSeries live = grown_by({200, 100, 200, 100});
    const Growth seen{.bytes_per_second = 600 * 100 / 28.0, .low = 1'500, .high = 2'500};
    const Growth growth = weighted(seen, live, observed_parts(snapshots, {0, 4}));
    EXPECT_NEAR(growth.bytes_per_second, 3'000, 1e-6);
    EXPECT_LT(growth.low, 1'500 * 3'000 / seen.bytes_per_second);
    EXPECT_GT(growth.high, 2'500 * 3'000 / seen.bytes_per_second);
}

TEST(ObservedParts, WhatComesEvenlyStaysAsItIs) {
    const auto parts = observed_parts(observed_for({4, 10, 4, 10}), {0, 4});
    const Growth seen{.bytes_per_second = 1'000, .low = 900, .high = 1'100};
    EXPECT_NEAR(weighted(seen, grown_by({40, 100, 40, 100}), parts).bytes_per_second, 1'000, 1e-6);
    // Too few to know when they came.
    EXPECT_EQ(weighted(seen, grown_by({4, 0, 5, 0}), parts).bytes_per_second, 1'000);
}

}  // namespace
}  // namespace seep
