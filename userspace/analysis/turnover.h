// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What two moments of a stack tell by themselves, without a trend. Pure functions, thread-safe.
//
// Turnover: if blocks come and go independently and the stack does not grow, each allocation of s
// bytes adds s^2 to the variance of the growth, and each free as much (the difference of two
// compound Poisson counts: J. Przyborowski and H. Wilenski, "Homogeneity of results in testing
// samples from Poisson series", Biometrika 31, 1940). Blocks that were born and freed within the
// window cancel out, though. What is live at a moment is a Poisson sample, too, whose variance is
// the sum of the squares of what is live, and the difference of two moments has at most both. So
//
//     z = dL / sqrt(min(dA2 + dF2, L2 at the start + L2 at the end))      L2 = A2 - F2
//
// has mean 0 and a standard deviation of at most 1.
//
// Age: blocks born at a constant rate and never freed are on average half as old as the time since
// attach; what is in flight is young, what a start-up left is as old as can be.

#include <cstdint>
#include <optional>

#include "analysis/series.h"
#include "drain/snapshot.h"

namespace seep {

/// The denominator, in bytes, for the growth from a moment `from` to that of `after`. `before`: at
/// a moment not after `from`, the nearest of which the totals are known. `sampling_bytes`: mean
/// bytes between samples, 0 if exact; a sampled block of s bytes stands for others and adds
/// s^2/(1-exp(-s/R)), which is at most s*(s+R), instead of s^2. Empty if nothing was allocated or
/// freed in between, or nothing is live at either.
std::optional<double> turnover_deviation(const Totals& before, const LivePoint& from,
                                         const Totals& after, std::uint64_t sampling_bytes);

/// Mean age of what is live as a share of the time since attach, 0 to 1. `attached_us`: when
/// tracing of it began, `now_us`: the moment of `totals`; both on the clock of mean_birth_us. Empty
/// if nothing is live or no time has passed.
std::optional<double> age_ratio(const Totals& totals, double attached_us, double now_us);

/// The probability that a normal variable exceeds z.
double upper_tail(double z);

}  // namespace seep
