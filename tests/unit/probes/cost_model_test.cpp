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
    return costs;
}

WorkCost cost(SiteKind kind, std::uint64_t calls, std::uint64_t followed, std::uint64_t frames) {
    const std::array hits = {ProbeHits{kind, ExitProbe::return_probe, calls + followed},
                             ProbeHits{kind, ExitProbe::none, calls}};
    return cost_of({hits, followed, frames}, session_costs(), 10);
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

TEST(CostModel, NothingCostsNothing) {
    const WorkCost none = cost_of({{}, 0, 0}, session_costs(), 10);
    EXPECT_EQ(none.total_ns, 0);
    EXPECT_EQ(none.following_ns, 8 * 150);
}

}  // namespace
}  // namespace seep
