// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What sampling does to the figures: a block of s bytes is followed with probability 1-exp(-s/R),
// where R is the mean number of bytes between samples (0: all are followed). Pure, thread-safe.

#include <cstdint>
#include <optional>

#include "drain/snapshot.h"

namespace seep {

/// Three standard deviations of a growth of G bytes from B live ones: the variance of a live figure
/// is about R times it, so 3 * sqrt(R * (2B + G)).
double sampling_noise(std::uint64_t sampling_bytes, double live_at_start, double growth);

/// The standard error of the live bytes that sampling gives: nothing if nothing was sampled. The
/// estimate of Horvitz and Thompson, summed a block in bpf/sampling.bpf.h. What has lapsed is in
/// it, so it is the most that it can be. Good from some 30 sampled blocks on.
std::optional<double> live_standard_error(const Totals& totals, std::uint64_t sampling_bytes);

/// Likewise of the growth from one moment to a later one: what is live at both is in both, and
/// cancels out.
double growth_standard_error(const Totals& before, const Totals& after);

/// The share of blocks of a size that is followed. 1 if exact.
double followed_share(double size, std::uint64_t sampling_bytes);

/// How many allocations a followed one stands for, at the mean size of all. 1 if exact.
double mean_weight(const Totals& totals, std::uint64_t sampling_bytes);

}  // namespace seep
