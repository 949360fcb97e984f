// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/survival.h"

#include <gmock/gmock.h>

#include <cmath>
#include <random>

namespace seep {
namespace {

struct Published {
    double age, at_risk, deaths, share, error;
};

// Remission of 21 leukaemia patients under 6-MP: E. J. Freireich et al., Blood 21 (1963), with the
// estimates and Greenwood errors that textbooks give for them (D. R. Cox and D. Oakes, "Analysis of
// Survival Data", 1984).
const std::vector<Published> remission = {{6, 21, 3, 0.857, 0.0764},  {7, 17, 1, 0.807, 0.0869},
                                          {10, 15, 1, 0.753, 0.0963}, {13, 12, 1, 0.690, 0.1068},
                                          {16, 11, 1, 0.627, 0.1141}, {22, 7, 1, 0.538, 0.1282},
                                          {23, 6, 1, 0.448, 0.1346}};

std::vector<SurvivalPoint> remission_points() {
    std::vector<RiskSet> sets;
    for (const Published& row : remission) sets.push_back({row.age, row.at_risk, row.deaths});
    return product_limit(sets);
}

TEST(ProductLimit, AgreesWithPublishedValues) {
    const auto points = remission_points();
    ASSERT_EQ(points.size(), remission.size());
    for (std::size_t i = 0; i < points.size(); ++i) {
        EXPECT_NEAR(points[i].share, remission[i].share, 0.0005) << remission[i].age;
        EXPECT_NEAR(std::sqrt(points[i].variance), remission[i].error, 0.00005) << remission[i].age;
    }
}

TEST(ProductLimit, NobodyIsLeftWhereAllDied) {
    const auto points = product_limit(std::vector<RiskSet>{{1, 10, 5}, {2, 5, 5}, {3, 0, 0}});
    EXPECT_DOUBLE_EQ(points[0].share, 0.5);
    EXPECT_DOUBLE_EQ(points[1].share, 0);
    EXPECT_DOUBLE_EQ(points[2].share, 0);
}

// Computed in Python: exp(log(S) * exp(+-1.96 * error / (S * |log S|))).
TEST(SurvivalInterval, IsTheLogLogOne) {
    const Survival survival = survival_interval(remission_points().back(), 21);
    EXPECT_NEAR(survival.low, 0.18805200595923233, 1e-9);
    EXPECT_NEAR(survival.high, 0.6801426284952415, 1e-9);
}

TEST(SurvivalInterval, WithoutADeathIsTheRuleOfThree) {
    EXPECT_NEAR(survival_interval({10, 1, 0}, 100).low, 0.97, 0.001);
    EXPECT_DOUBLE_EQ(survival_interval({10, 1, 0}, 100).high, 1);
    EXPECT_NEAR(survival_interval({10, 0, 0}, 100).high, 0.03, 0.001);
}

/// Blocks born evenly over 100 s, of which `immortal` never die and the rest live 2 s on average;
/// births are known a second apart, as from a recording.
struct Simulated {
    Lifetimes lifetimes{};
    Births births;
    double live = 0;

    Simulated(int blocks, double immortal, double mean_life) {
        std::mt19937_64 random(617);
        std::uniform_real_distribution<double> uniform;
        std::exponential_distribution<double> life(1 / mean_life);
        for (int second = 0; second <= 100; ++second) {
            births.time.push_back(second);
            births.count.push_back(0);
        }
        for (int i = 0; i < blocks; ++i) {
            const double born = 100 * uniform(random);
            for (auto s = static_cast<std::size_t>(born) + 1; s <= 100; ++s) ++births.count[s];
            const double lived = uniform(random) < immortal ? 1e9 : life(random);
            if (born + lived > 100) {
                ++live;
                continue;
            }
            ++lifetimes[static_cast<std::size_t>(
                std::bit_width(static_cast<std::uint64_t>(lived * 1e6)))];
        }
    }
};

TEST(ObservedSurvival, FindsTheShareThatNeverDies) {
    const Simulated blocks(20'000, 0.1, 2);
    const auto survival = observed_survival(blocks.lifetimes, blocks.births, 1);
    ASSERT_TRUE(survival);
    EXPECT_NEAR(survival->age_seconds, 67.1, 0.1);
    EXPECT_NEAR(survival->share, 0.1, 0.015);
    EXPECT_LT(survival->low, 0.1);
    EXPECT_GT(survival->high, 0.1);
    EXPECT_LT(*late_mortality(blocks.lifetimes, 100, blocks.live), 0.01);
}

TEST(ObservedSurvival, CountsTheLivingThatMayStillDie) {
    // exp(-67/50) = 26 % outlive 67 s, though two thirds of what is born is live at the end.
    const Simulated blocks(20'000, 0, 50);
    const auto survival = observed_survival(blocks.lifetimes, blocks.births, 1);
    ASSERT_TRUE(survival);
    EXPECT_NEAR(survival->share, std::exp(-67.1 / 50), 0.03);
    EXPECT_GT(*late_mortality(blocks.lifetimes, 100, blocks.live), 0.3);
}

TEST(ObservedSurvival, SampledBlocksTellLess) {
    const Simulated blocks(20'000, 0.1, 2);
    const auto all = observed_survival(blocks.lifetimes, blocks.births, 1);
    const auto sampled = observed_survival(blocks.lifetimes, blocks.births, 100);
    EXPECT_NEAR(sampled->share, all->share, 1e-9);
    EXPECT_GT(sampled->high - sampled->low, 5 * (all->high - all->low));
}

TEST(ObservedSurvival, NothingBornIsNothingKnown) {
    EXPECT_FALSE(observed_survival({}, {}, 1));
    EXPECT_FALSE(observed_survival({}, {{0, 10}, {0, 0}}, 1));
    EXPECT_FALSE(late_mortality({}, 10, 0));
}

}  // namespace
}  // namespace seep
