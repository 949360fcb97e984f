// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What each of the times with probes in place stands for. They end after so many hits, and the
// pauses after them are as long as the hits cost: the busier the target is, the less of its time is
// observed. What was seen a second of all of them together would be mostly of when it was idle.
//
//     target    ####  busy  ####|....  idle  ....|      of the busy half a twentieth is observed,
//     observed  #     #     #    ####    ####            of the idle one a half
//
// So each part of the time between snapshots counts for as long as it took (the estimator of D. G.
// Horvitz and D. J. Thompson, "A generalization of sampling without replacement from a finite
// universe", Journal of the American Statistical Association 47, 1952). Pure functions.

#include <cstddef>
#include <vector>

#include "analysis/growth.h"
#include "analysis/series.h"
#include "analysis/window.h"
#include "store/model.h"

namespace seep {

/// The time between two snapshots, as far apart as it takes to have observed for a third as long as
/// probes are in place at a time.
struct ObservedPart {
    std::size_t from = 0;  ///< Snapshots.
    std::size_t to = 0;
    double seconds = 0;
    double observed_seconds = 0;  ///< Above 0.

    [[nodiscard]] double weight() const { return seconds / observed_seconds; }
};

/// Of all of the window; empty if nothing was observed.
std::vector<ObservedPart> observed_parts(const std::vector<SnapshotRecord>& snapshots,
                                         const Window& window);
/// Likewise, but as far apart as it takes to have observed for so many seconds: for what comes in
/// bursts, of which a part of usual length would hold all.
std::vector<ObservedPart> observed_parts(const std::vector<SnapshotRecord>& snapshots,
                                         const Window& window, double least_seconds);

/// A growth of `live` a second observed, as one a second of all the time. Its interval is widened
/// by what few blocks make of the weights.
Growth weighted(const Growth& growth, const LiveSeries& live,
                const std::vector<ObservedPart>& parts);

}  // namespace seep
