// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace seep {

double sampling_noise(std::uint64_t sampling_bytes, double live_at_start, double growth) {
    return 3 * std::sqrt(static_cast<double>(sampling_bytes) *
                         std::max(0.0, 2 * live_at_start + growth));
}

Judgement judge(const GrowthEstimate& estimate, const Totals& totals,
                const Circumstances& circumstances) {
    const Growth& growth = estimate.growth;
    const auto grown = static_cast<double>(growth.bytes);
    if (circumstances.snapshots < 2)
        return {Verdict::undetermined, "one snapshot shows no growth; at least 8 are needed"};
    if (growth.bytes <= 0)
        return {Verdict::steady,
                growth.bytes == 0
                    ? std::string("as much is live at the window's end as at its start")
                    : fmt::format("{} less are live at the window's end than at "
                                  "its start",
                                  format_bytes(-grown))};
    const double noise = sampling_noise(circumstances.sampling_bytes,
                                        static_cast<double>(totals.live_bytes()) - grown, grown);
    if (grown < noise)
        return {Verdict::undetermined,
                fmt::format("grew by {}, which sampling alone can make up to {} of",
                            format_bytes(grown), format_bytes(noise))};
    if (circumstances.missed_frees > 0 && totals.live_count() <= circumstances.missed_frees)
        return {Verdict::undetermined,
                fmt::format("{} blocks are live, but {} frees were missed: they may be gone",
                            format_count(totals.live_count()),
                            format_count(circumstances.missed_frees))};
    if (!estimate.estimated)
        return {
            Verdict::undetermined,
            circumstances.snapshots < least_snapshots
                ? fmt::format("grew by {}, but {} snapshots are too few for a trend: at least {} "
                              "are needed",
                              format_bytes(grown), circumstances.snapshots, least_snapshots)
                : fmt::format("grew by {}, but the snapshots lie too unevenly for a trend",
                              format_bytes(grown))};
    if (growth.low > 0)
        return {Verdict::growing,
                fmt::format("its troughs rise by {}/s to {}/s (95 %) over {} snapshots; whether it "
                            "ever ends, a leak or a filling cache, the totals cannot tell",
                            format_bytes(growth.low), format_bytes(growth.high),
                            circumstances.snapshots)};
    return {Verdict::undetermined,
            fmt::format("grew by {}, but its troughs do not rise for certain ({}/s to {}/s, 95 %)",
                        format_bytes(grown), format_bytes(growth.low), format_bytes(growth.high))};
}

}  // namespace seep
