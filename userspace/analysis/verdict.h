// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What kind of growth it is, as far as the totals alone can tell: steady (not grown), growing (the
// troughs rise for certain), or undetermined, always with the evidence or with what is missing.
// Pure functions.

#include <cstdint>
#include <string>

#include "analysis/growth.h"
#include "analysis/report.h"

namespace seep {

struct Judgement {
    Verdict verdict = Verdict::undetermined;
    std::string reason;
};

/// What a verdict has to reckon with besides the growth itself.
struct Circumstances {
    std::size_t snapshots = 0;         ///< Within the window.
    std::uint64_t sampling_bytes = 0;  ///< Mean bytes between samples; 0 if exact.
    std::uint64_t missed_frees = 0;    ///< Since attach: each looks like a block that stays.
};

/// `totals`: at the window's end.
Judgement judge(const GrowthEstimate& estimate, const Totals& totals,
                const Circumstances& circumstances);

/// Three standard deviations of a growth of G bytes from B live ones, where one sample is taken
/// every R bytes: the variance of a live figure is about R times it, so 3 * sqrt(R * (2B + G)).
double sampling_noise(std::uint64_t sampling_bytes, double live_at_start, double growth);

}  // namespace seep
