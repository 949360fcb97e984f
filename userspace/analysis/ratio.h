// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// How exactly a ratio of sums is known from the parts of what was seen, as the bytes that a call
// leaves are from windows: by how much the parts differ. W. G. Cochran, Sampling Techniques, 3rd
// ed., 2.11; with Student's quantiles, as parts are few. Pure.

#include <optional>
#include <vector>

namespace seep {

struct RatioPart {
    double x = 0;
    double y = 0;
};

/// By which Student's distribution, for the parts there are, is wider than the normal one: its
/// 97.5 % quantile at one degree of freedom less, from 1 on, over z_95.
double students_factor(double parts);

/// The standard error of the sum of y over the sum of x, as a share of it, so that z_95 of it make
/// a 95 % interval; 1 where there is no y, empty where fewer than two parts have an x.
std::optional<double> ratio_error(const std::vector<RatioPart>& parts);

}  // namespace seep
