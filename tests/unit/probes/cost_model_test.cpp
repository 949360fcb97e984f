// SPDX-License-Identifier: GPL-2.0-only
#include "probes/cost_model.h"

#include <gtest/gtest.h>

#include <array>

namespace seep {
namespace {

/// A session: a call that is followed hits twice, one that is passed over once.
ProbeCosts session_costs() {
    ProbeCosts costs;
    for (const SiteKind kind : {SiteKind::emulated, SiteKind::single_stepped}) {
        const double trap = kind == SiteKind::emulated ? 0 : 20'000;
        costs.of(kind, ExitProbe::none) = {900 + trap, 900 + trap};
        costs.passed(kind, ExitProbe::none) = {500 + trap, 500 + trap};
        costs.of(kind, ExitProbe::return_probe) = {1800 + trap, 900 + trap / 2};
        costs.passed(kind, ExitProbe::return_probe) = {600 + trap, 600 + trap};
    }
    costs.set_frame_ns(150);
    costs.set_cold_ns(400);
    return costs;
}

WorkCost cost(SiteKind kind, std::uint64_t calls, std::uint64_t followed, std::uint64_t frames,
              double cpu_ns = 0) {
    const std::array hits = {ProbeHits{kind, ExitProbe::return_probe, calls + followed},
                             ProbeHits{kind, ExitProbe::none, calls}};
    return cost_of({hits, followed, frames, cpu_ns}, session_costs(), 10);
}

TEST(CostModel, ChargesCallsThatArePassedOver) {
    const WorkCost none = cost(SiteKind::emulated, 100, 0, 0);
    EXPECT_DOUBLE_EQ(none.total_ns, 100 * (600 + 500));
    EXPECT_DOUBLE_EQ(none.passing_ns, none.total_ns);
    // The call 1200 more, the free 400, and 8 frames beyond two.
    EXPECT_DOUBLE_EQ(none.following_ns, 1200 + 400 + 8 * 150);
}

TEST(CostModel, ChargesWhatIsFollowedOnce) {
    for (const SiteKind kind : {SiteKind::emulated, SiteKind::single_stepped}) {
        const double trap = kind == SiteKind::emulated ? 0 : 20'000;
        const WorkCost all = cost(kind, 100, 100, 100 * 4);
        EXPECT_NEAR(all.passing_ns, 100 * (600 + 500 + 2 * trap), 1e-6);
        EXPECT_NEAR(all.total_ns, 100 * (1800 + 900 + 2 * trap + 2 * 150), 1e-6);
    }
}

TEST(CostModel, HitsInTheMidstOfOtherWorkCostMore) {
    const double in_a_row = cost(SiteKind::emulated, 100, 0, 0).total_ns;
    const auto with_work = [&](double between_ns) {
        const WorkCost all = cost(SiteKind::emulated, 100, 0, 0, in_a_row + 200 * between_ns);
        EXPECT_DOUBLE_EQ(all.passing_ns, all.total_ns);
        return all.total_ns - in_a_row;
    };
    EXPECT_DOUBLE_EQ(with_work(0), 0);
    EXPECT_NEAR(with_work(1000), 200 * 400 * 0.6321, 10);  // 1 - 1/e
    EXPECT_NEAR(with_work(100'000), 200 * 400, 0.01);
    // Less than the hits cost: their price is too high, and nothing came between.
    EXPECT_DOUBLE_EQ(cost(SiteKind::emulated, 100, 0, 0, in_a_row / 2).total_ns, in_a_row);
}

TEST(CostModel, NothingCostsNothing) {
    const WorkCost none = cost_of({{}, 0, 0, 1e9}, session_costs(), 10);
    EXPECT_EQ(none.total_ns, 0);
    EXPECT_EQ(none.following_ns, 8 * 150);
}

}  // namespace
}  // namespace seep
