// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/replacement.h"

#include <gtest/gtest.h>

#include <array>

#include "analysis/growth.h"

namespace seep {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::size_t count = 41;

/// A leak of 100 bytes a second at least, a steady stack, and what is live in all: `early` bytes a
/// second up to the middle, `late` ones from there on.
std::array<ReportStack, 2> tempered_stacks(double early, double late,
                                           std::size_t snapshot_count = count) {
    std::array<ReportStack, 2> stacks;
    stacks[0].verdict = Verdict::leak;
    stacks[0].growth = {.bytes_per_second = 120, .low = 100, .high = 140};
    stacks[1].verdict = Verdict::steady;
    stacks[1].growth = {.bytes_per_second = 500, .low = 400, .high = 600};
    std::vector<SnapshotRecord> snapshots(snapshot_count);
    LiveSeries sum;
    double live = 10'000;
    for (std::size_t i = 0; i < snapshot_count; ++i) {
        snapshots[i].time_ns = static_cast<std::int64_t>(i) * second;
        const auto bytes = static_cast<std::uint64_t>(live);
        sum.push_back({.snapshot = i, .live = bytes, .least = bytes});
        live += i < snapshot_count / 2 ? early : late;
    }
    temper_by_whole(stacks, sum, snapshots, {0, snapshot_count - 1});
    return stacks;
}

TEST(Replacement, WhatOthersGiveBackIsNoLeakForCertain) {
    const auto stacks = tempered_stacks(100, 0);
    EXPECT_EQ(stacks[0].verdict, Verdict::growing);
    EXPECT_NE(stacks[0].reason.find("give back"), std::string::npos) << stacks[0].reason;
    EXPECT_EQ(stacks[1].verdict, Verdict::steady);
    EXPECT_EQ(tempered_stacks(100, -200)[0].verdict, Verdict::growing);
}

TEST(Replacement, ALeakAddsToTheWhole) {
    for (const double late : {60, 120, 1000}) {
        const auto stacks = tempered_stacks(0, late);
        EXPECT_EQ(stacks[0].verdict, Verdict::leak) << late;
        EXPECT_EQ(stacks[0].reason, "");
    }
}

TEST(Replacement, TooFewSnapshotsTellNothing) {
    EXPECT_EQ(tempered_stacks(100, 0, 2 * least_snapshots - 3)[0].verdict, Verdict::leak);
}

}  // namespace
}  // namespace seep
