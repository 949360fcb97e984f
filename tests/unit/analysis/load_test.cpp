// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/load.h"

#include <gmock/gmock.h>

namespace seep {
namespace {

const std::vector<double> seconds = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
const std::vector<double> load = {3, 5, 4, 8, 9, 8, 13, 15, 11, 14};

// Values and errors: numpy 1.24, numpy.linalg.lstsq and s^2 * inv(A'A).
TEST(Load, AgreesWithNumpy) {
    const std::vector<double> y = {31, 44, 41, 63, 71, 70, 95, 110, 92, 109};
    const auto fit = fit_load(seconds, load, y);
    ASSERT_TRUE(fit);
    EXPECT_NEAR(fit->constant, 16.344827586206904, 1e-9);
    EXPECT_NEAR(fit->per_load.value, 4.872413793103443, 1e-9);
    EXPECT_NEAR(fit->per_load.error, 0.16241098662680079, 1e-9);
    EXPECT_NEAR(fit->per_second.value, 2.7563218390804605, 1e-9);
    EXPECT_NEAR(fit->per_second.error, 0.22617699082756537, 1e-9);
}

// The same and, as the residuals' lag-1 correlation is 0.27, errors sqrt((1+r)/(1-r)) as large.
TEST(Load, NeighboursThatAreAlikeWidenTheErrors) {
    const std::vector<double> y = {33, 46, 43, 61, 69, 68, 93, 112, 94, 111};
    const auto fit = fit_load(seconds, load, y);
    ASSERT_TRUE(fit);
    EXPECT_NEAR(fit->constant, 17.73793103448277, 1e-9);
    EXPECT_NEAR(fit->per_load.value, 4.568965517241376, 1e-9);
    EXPECT_NEAR(fit->per_load.error, 0.6883263793138712, 1e-9);
    EXPECT_NEAR(fit->per_second.value, 3.1425287356321845, 1e-9);
    EXPECT_NEAR(fit->per_second.error, 0.9585779411474499, 1e-9);
}

TEST(Load, CannotBeToldFromTimeIfTheyRiseTogether) {
    EXPECT_FALSE(fit_load(seconds, seconds, load));
    EXPECT_FALSE(fit_load(seconds, std::vector<double>(10, 7), load));
    const std::span<const double> few(seconds);
    EXPECT_FALSE(fit_load(few.first(7), std::span(load).first(7), few.first(7)));
}

}  // namespace
}  // namespace seep
