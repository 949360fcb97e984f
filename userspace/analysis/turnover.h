// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What two moments of a stack tell by themselves, without a trend. Pure functions, thread-safe.
//
// Turnover: if blocks come and go independently and the stack does not grow, each allocation of s
// bytes adds s^2 to the variance of the growth, and each free as much, so that
//
//     z = dL / sqrt(dA2 + dF2)
//
// has mean 0 and a standard deviation of at most 1 (exactly 1 where frees have nothing to do with
// the allocations of the same window, less where most blocks are freed within it). It is the
// difference of two compound Poisson counts: J. Przyborowski and H. Wilenski, "Homogeneity of
// results in testing samples from Poisson series", Biometrika 31 (1940).
//
// Age: blocks born at a constant rate and never freed are on average half as old as the time since
// attach; what is in flight is young, what a start-up left is as old as can be.

#include <cstdint>
#include <optional>

#include "drain/snapshot.h"

namespace seep {

/// Growth between two moments in standard deviations. `sampling_bytes`: mean bytes between samples,
/// 0 if exact; a sampled block of s bytes stands for others and adds s^2/(1-exp(-s/R)), which is at
/// most s*(s+R), instead of s^2. Empty if nothing was allocated or freed in between.
std::optional<double> turnover_z(const Totals& before, const Totals& after,
                                 std::uint64_t sampling_bytes);

/// Mean age of what is live as a share of the time since attach, 0 to 1. `attached_us`: when
/// tracing of it began, `now_us`: the moment of `totals`; both on the clock of mean_birth_us. Empty
/// if nothing is live or no time has passed.
std::optional<double> age_ratio(const Totals& totals, double attached_us, double now_us);

/// The probability that a normal variable exceeds z.
double upper_tail(double z);

}  // namespace seep
