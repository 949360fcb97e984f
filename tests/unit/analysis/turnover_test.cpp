// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/turnover.h"

#include <gtest/gtest.h>

#include <cmath>

namespace seep {
namespace {

Totals totals(std::uint64_t allocated, std::uint64_t freed, std::uint64_t size) {
    return {.allocated_count = allocated,
            .allocated_bytes = allocated * size,
            .freed_count = freed,
            .freed_bytes = freed * size,
            .allocated_squares = allocated * size * size / 256,
            .freed_squares = freed * size * size / 256,
            .mean_birth_us = 0};
}

/// From the moment of `before`.
std::optional<double> z_of(const Totals& before, const Totals& after,
                           std::uint64_t sampling_bytes = 0) {
    const LivePoint from{0,
                         before.live_bytes(),
                         before.live_bytes(),
                         before.live_count(),
                         before.allocated_count,
                         before.allocated_squares - before.freed_squares};
    const auto deviation = turnover_deviation(before, from, after, sampling_bytes);
    if (!deviation) return std::nullopt;
    return (static_cast<double>(after.live_bytes()) - static_cast<double>(before.live_bytes())) /
           *deviation;
}

TEST(Turnover, IsTheDifferenceOfTwoPoissonCounts) {
    // 100 of 64 bytes more, 900 born and 800 gone; 4050 were live at the start.
    EXPECT_NEAR(*z_of(totals(4100, 50, 64), totals(5000, 850, 64)), 100 / std::sqrt(1700), 1e-12);
    EXPECT_NEAR(*z_of(totals(0, 0, 64), totals(25, 0, 64)), 5, 1e-12);
    EXPECT_NEAR(*z_of(totals(25, 0, 64), totals(25, 25, 64)), -5, 1e-12);
}

TEST(Turnover, BlocksThatComeAndGoWithinTheWindowCancelOut) {
    // 20 live, then 120, whatever came and went: 100 / sqrt(140).
    EXPECT_NEAR(*z_of(totals(1000, 980, 64), totals(101'000, 100'880, 64)), 100 / std::sqrt(140),
                1e-12);
}

TEST(Turnover, NothingThatMovedHasNone) {
    EXPECT_FALSE(z_of(totals(25, 5, 64), totals(25, 5, 64)));
}

TEST(Turnover, HeedsThatSquaresOfSmallBlocksAreRoundedUp) {
    Totals after = totals(25, 0, 4);
    after.allocated_squares = 25;  // 16 bytes^2 each, as 256
    EXPECT_NEAR(*z_of(totals(0, 0, 4), after), 5, 1e-12);
    after = totals(25, 0, 20);
    after.allocated_squares = 50;
    EXPECT_NEAR(*z_of(totals(0, 0, 20), after), 5, 1e-12);
}

TEST(Turnover, SquaresMayWrap) {
    Totals before = totals(0, 0, 64);
    Totals after = totals(25, 0, 64);
    before.allocated_squares = ~0ULL - 99;
    after.allocated_squares += before.allocated_squares;
    EXPECT_NEAR(*z_of(before, after), 5, 1e-12);
}

TEST(Turnover, SamplingAddsItsOwnVariance) {
    // A thousand blocks of 64 bytes, one sample in 64 KiB: 64000 / sqrt(1000 * 64 * (64 + 65536)).
    EXPECT_NEAR(*z_of({}, totals(1000, 0, 64), 65536), std::sqrt(64000.0 / 65600), 1e-12);
}

TEST(Age, IsAShareOfTheTimeSinceAttach) {
    Totals live = totals(10, 0, 64);
    live.mean_birth_us = 6'000'000;
    EXPECT_DOUBLE_EQ(*age_ratio(live, 2e6, 10e6), 0.5);
    EXPECT_DOUBLE_EQ(*age_ratio(live, 7e6, 10e6), 1);
    EXPECT_FALSE(age_ratio(live, 0, 5e6));
    EXPECT_FALSE(age_ratio(live, 10e6, 10e6));
    EXPECT_FALSE(age_ratio(totals(10, 10, 64), 2e6, 10e6));
}

// scipy 1.10.1: scipy.stats.norm.sf([0, 1.6448536, 5, 10]).
TEST(UpperTail, AgreesWithScipy) {
    EXPECT_DOUBLE_EQ(upper_tail(0), 0.5);
    EXPECT_NEAR(upper_tail(1.6448536269514722), 0.05, 1e-15);
    EXPECT_NEAR(upper_tail(5) / 2.866515718791939e-07, 1, 1e-9);
    EXPECT_NEAR(upper_tail(10) / 7.61985302416047e-24, 1, 1e-9);
}

}  // namespace
}  // namespace seep
