// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/sampling.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "analysis/growth.h"

namespace seep {
namespace {

Totals held(std::uint64_t allocated, std::uint64_t freed, std::uint64_t variance_in_256ths) {
    Totals totals;
    totals.allocated_count = allocated;
    totals.freed_count = freed;
    totals.held_variance = variance_in_256ths;
    return totals;
}

TEST(GrowthStandardError, IsOfWhatCameAndWent) {
    // 100^2 and 120^2 bytes squared, over 256.
    const Totals before = held(50, 0, 10'000 / 256 + 1);
    const auto variance = [](const Totals& totals) {
        return 256 * static_cast<double>(totals.held_variance);
    };
    const Totals more = held(70, 0, 14'400 / 256);
    EXPECT_DOUBLE_EQ(growth_standard_error(before, more),
                     std::sqrt(variance(more) - variance(before)));
    const Totals others = held(120, 50, 14'400 / 256);
    EXPECT_DOUBLE_EQ(growth_standard_error(before, others),
                     std::sqrt(variance(more) + variance(before)));
    EXPECT_DOUBLE_EQ(growth_standard_error({}, more), std::sqrt(variance(more)));
    EXPECT_EQ(growth_standard_error(before, before), 0);
}

/// A block of 200 bytes each second, of which one in about 1 KiB is followed.
TEST(WidenBySampling, TheIntervalHoldsTheTruthAsOftenAsItSays) {
    constexpr double size = 200;
    constexpr int seconds = 80;
    const double chance = 1 - std::exp(-size / 1024);
    const double weight = size / chance;
    const double variance = size * size * (1 - chance) / (chance * chance);
    std::mt19937_64 random(1);
    std::bernoulli_distribution followed(chance);
    int held_truth = 0;
    int held_alone = 0;
    constexpr int runs = 1000;
    for (int run = 0; run < runs; ++run) {
        std::vector<SnapshotRecord> snapshots;
        LiveSeries series;
        double live = 0;
        double all_variance = 0;
        for (int second = 0; second <= seconds; ++second) {
            if (second > 0 && followed(random)) {
                live += weight;
                all_variance += variance;
            }
            SnapshotRecord snapshot;
            snapshot.time_ns = second * std::int64_t{1'000'000'000};
            snapshots.push_back(snapshot);
            LivePoint point{.snapshot = static_cast<std::size_t>(second)};
            point.live = point.least = static_cast<std::uint64_t>(live);
            series.push_back(point);
        }
        GrowthEstimate estimate = estimate_growth(series, snapshots, {0, seconds});
        const auto holds = [&] {
            return estimate.growth.low <= size && size <= estimate.growth.high;
        };
        if (!estimate.estimated) continue;
        held_alone += holds() ? 1 : 0;
        widen_by_sampling(std::sqrt(all_variance) / seconds, estimate);
        held_truth += holds() ? 1 : 0;
    }
    EXPECT_GE(held_truth, 0.91 * runs);
    EXPECT_LT(held_alone, 0.7 * runs) << "the widening is not needed";
}

}  // namespace
}  // namespace seep
