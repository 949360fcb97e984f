// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Does the load explain the growth? Live bytes as L = a + b * load + c * t by least squares; what
// is left for time alone, c, is evidence of a leak. Pure functions, thread-safe.
//
// Source: any text on multiple regression, e.g. N. R. Draper and H. Smith, "Applied Regression
// Analysis" (1966), chapter 2. Snapshots of one process resemble their neighbours, which makes
// ordinary standard errors too small; they are widened for residuals that follow an AR(1) process
// with the lag-1 correlation that was measured, by sqrt((1 + r) / (1 - r)) (G. E. P. Box and G. M.
// Jenkins, "Time Series Analysis", 1970).

#include <optional>
#include <span>

namespace seep {

struct Coefficient {
    double value = 0;
    double error = 0;  ///< Its standard error.
};

struct LoadFit {
    double constant = 0;
    Coefficient per_load;    ///< b, in units of y per unit of load.
    Coefficient per_second;  ///< c
};

/// The spans are of one length. Empty if there are fewer than 8, or load and time cannot be told
/// apart (one is constant, or they rise together).
std::optional<LoadFit> fit_load(std::span<const double> seconds, std::span<const double> load,
                                std::span<const double> y);

}  // namespace seep
