// SPDX-License-Identifier: GPL-2.0-only
// The governor against a simulated target: what it decides, and what that would have cost.
#include "drain/governor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace seep {
namespace {

constexpr double passing_ns = 1000;    // a pair that is passed over
constexpr double following_ns = 2000;  // what following it adds
constexpr double block_bytes = 100;

/// What a target does in a second of its own, untraced.
struct Load {
    double pairs = 0;
    double cpu = 0.01;  ///< Cores.
};

/// A target on one core: what the probes take it loses, once the core is full.
class Simulation {
 public:
    explicit Simulation(const GovernorOptions& options) : governor_(options) {
        decision_ = governor_.look(0, {});
    }

    void run(const Load& load, double seconds) {
        const double end = now_ + seconds;
        while (now_ < end) {
            const double step = std::min(decision_.next_look_s, end - now_);
            spend(load, step);
            now_ += step;
            const GovernorDecision before = decision_;
            decision_ = governor_.look(now_, work_);
            if (decision_.level != before.level) levels.push_back(decision_.level);
            windows += decision_.attached && !before.attached ? 1 : 0;
        }
    }

    [[nodiscard]] const GovernorDecision& decision() const { return decision_; }
    [[nodiscard]] const TargetWork& work() const { return work_; }
    [[nodiscard]] double observed() const { return observed_s_; }
    std::vector<FollowingLevel> levels;
    int windows = 0;

 private:
    void spend(const Load& load, double seconds) {
        if (!decision_.attached) {
            work_.cpu_ns += load.cpu * 1e9 * seconds;
            return;
        }
        const double sampled =
            decision_.level.bytes == 0
                ? 1
                : -std::expm1(-block_bytes / static_cast<double>(decision_.level.bytes));
        const double pair_ns = passing_ns + sampled * following_ns;
        const double own_ns = load.pairs > 0 ? load.cpu * 1e9 / load.pairs : 0;
        // As many as it wants, or as many as fit on a core.
        const double pairs =
            std::min(load.pairs, own_ns + pair_ns > 0 ? 1e9 / (own_ns + pair_ns) : 0) * seconds;
        work_.cpu_ns += pairs * (own_ns + pair_ns);
        work_.cost_ns += pairs * pair_ns;
        work_.passing_ns += pairs * passing_ns;
        work_.following_ns = following_ns;
        work_.allocations += static_cast<std::uint64_t>(pairs);
        work_.bytes += static_cast<std::uint64_t>(pairs * block_bytes);
        observed_s_ += seconds;
    }

    Governor governor_;
    GovernorDecision decision_;
    TargetWork work_;
    double now_ = 0;
    double observed_s_ = 0;
};

constexpr Load calm{.pairs = 500, .cpu = 0.05};
constexpr Load brisk{.pairs = 15'000, .cpu = 0.9};
constexpr Load storm{.pairs = 1e7, .cpu = 1};

double share(const TargetWork& work) {
    return work.cost_ns / work.cpu_ns;
}

TEST(Governor, FollowsEverythingWhereThatIsCheap) {
    Simulation target({});
    target.run(calm, 60);
    EXPECT_TRUE(target.levels.empty());
    EXPECT_TRUE(target.decision().attached);
    EXPECT_EQ(target.decision().level, FollowingLevel{});
}

TEST(Governor, LeavesATargetThatSleepsAlone) {
    Simulation target({});
    // 30 us of tracing a second is more than it uses itself, and nothing to the machine.
    target.run({.pairs = 10, .cpu = 1e-5}, 60);
    EXPECT_TRUE(target.levels.empty());
    EXPECT_GE(target.decision().next_look_s, 0.4);
}

TEST(Governor, FollowsAllOfATargetThatHasTheTime) {
    Simulation target({});
    target.run({.pairs = 2'500, .cpu = 0.03}, 60);
    EXPECT_TRUE(target.levels.empty());
    // One that uses what the budget's least is of is spared as much as any.
    Simulation busier({});
    busier.run({.pairs = 2'500, .cpu = 0.2}, 60);
    EXPECT_FALSE(busier.levels.empty());
}

TEST(Governor, SamplesWhereFollowingIsWhatCosts) {
    Simulation target({});
    target.run(brisk, 60);
    EXPECT_FALSE(target.decision().level.windows);
    EXPECT_GT(target.decision().level.bytes, 0u);
    EXPECT_LT(share(target.work()), 0.05);
    EXPECT_LE(target.levels.size(), 2u);
}

TEST(Governor, TakesTheProbesAwayWherePassingCostsTooMuch) {
    Simulation target({});
    target.run(storm, 120);
    EXPECT_TRUE(target.decision().level.windows);
    EXPECT_LT(share(target.work()), 0.05);
    EXPECT_GT(share(target.work()), 0.02);
    EXPECT_GT(target.windows, 10);
}

TEST(Governor, CutsAStormWithinASecond) {
    Simulation target({});
    target.run(calm, 30);
    target.run(storm, 1);
    EXPECT_TRUE(target.decision().level.windows);
    EXPECT_FALSE(target.decision().attached);
    EXPECT_LT(target.observed(), 30.5);
}

TEST(Governor, ComesBackAfterAStorm) {
    Simulation target({});
    target.run(calm, 10);
    target.run(storm, 10);
    target.run(calm, 30);
    EXPECT_EQ(target.decision().level, FollowingLevel{});
    EXPECT_TRUE(target.decision().attached);
    EXPECT_LT(target.levels.size(), 6u);
}

TEST(Governor, DoesNotGoBackAndForthUnderALoadThatDoes) {
    Simulation target({});
    for (int i = 0; i < 60; ++i) {
        target.run(brisk, 0.5);
        target.run(calm, 0.5);
    }
    EXPECT_LT(target.levels.size(), 15u);
    EXPECT_LT(share(target.work()), 0.05);
}

TEST(Governor, WindowsGrowWithTheRecording) {
    Simulation target({});
    target.run(storm, 60);
    const int first_minute = target.windows;
    target.run(storm, 540);
    EXPECT_LT(target.windows - first_minute, 3 * first_minute);
}

TEST(Governor, LeavesAChosenSamplingAsItIs) {
    Simulation target({.budget = 0.02, .may_sample = false, .first_bytes = 0});
    target.run(brisk, 60);
    ASSERT_EQ(target.levels.size(), 1u);
    EXPECT_EQ(target.decision().level, (FollowingLevel{true, 0}));
    EXPECT_LT(share(target.work()), 0.02);
}

class GovernorBudget : public testing::TestWithParam<double> {};

TEST_P(GovernorBudget, IsKeptUnderAnyLoad) {
    for (const double pairs : {1e3, 1e4, 1e5, 1e6, 1e7}) {
        for (const double cpu : {0.3, 1.0}) {
            Simulation target({.budget = GetParam()});
            target.run({.pairs = pairs, .cpu = cpu}, 600);
            EXPECT_LT(share(target.work()), GetParam()) << pairs << " pairs a second, " << cpu;
            EXPECT_GT(target.observed(), 0.1) << pairs << " pairs a second, " << cpu;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Budgets, GovernorBudget, testing::Values(0.01, 0.05, 0.2));

}  // namespace
}  // namespace seep
