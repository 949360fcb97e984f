// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/false_discovery.h"

#include <gmock/gmock.h>

namespace seep {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The example of Benjamini and Hochberg (1995), section 3.2: at 5 %, four of fifteen are rejected.
const std::vector<double> published = {0.0001, 0.0004, 0.0019, 0.0095, 0.0201,
                                       0.0278, 0.0298, 0.0344, 0.0459, 0.3240,
                                       0.4262, 0.5719, 0.6528, 0.7590, 1.0000};

TEST(FalseDiscovery, RejectsWhatThePaperDoes) {
    const std::vector<double> q = q_values(published);
    EXPECT_EQ(std::ranges::count_if(q, [](double value) { return value <= 0.05; }), 4);
    // p * m / rank, by hand.
    EXPECT_NEAR(q[0], 0.0015, 1e-12);
    EXPECT_NEAR(q[3], 0.035625, 1e-12);
    EXPECT_NEAR(q[4], 0.0603, 1e-12);
}

TEST(FalseDiscovery, AGreaterPValueHasNoLesserQ) {
    EXPECT_THAT(q_values(std::vector<double>{0.04, 0.01, 0.03, 0.02}),
                ElementsAre(0.04, 0.04, 0.04, 0.04));
    EXPECT_THAT(q_values({}), IsEmpty());
    EXPECT_THAT(q_values(std::vector<double>{0.3}), ElementsAre(0.3));
}

}  // namespace
}  // namespace seep
