// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What probes have cost a process, from what the kernel counts and what calibration measured:
//
//     hits that pass over    each probe's hits, at what a call costs whose block is not followed
//     + following            what an allocation that is followed costs more, and its free
//     + walking              the frames of the stacks that were walked
//     + coming back          what hits cost more for the other work between them, whose code and
//                            data they displace, and theirs by it
//
// A followed allocation may hit its probes once more (at its return), which the second line makes
// up for; where a stack was remembered instead of walked it is too much by the first frames' walk.
// Pure functions; CPU time in nanoseconds.

#include <cstdint>
#include <span>

#include "probes/calibration.h"

namespace seep {

struct ProbeHits {
    SiteKind kind = SiteKind::emulated;
    ExitProbe exit = ExitProbe::none;
    std::uint64_t hits = 0;
};

/// What a process has made the probes do over some time.
struct ProbeWork {
    std::span<const ProbeHits> hits;
    std::uint64_t followed = 0;  ///< Allocations.
    std::uint64_t frames = 0;    ///< Of those of their stacks that had to be walked.
    double cpu_ns = 0;           ///< All that the process used meanwhile; 0: not known.
};

struct WorkCost {
    double total_ns = 0;
    double passing_ns = 0;    ///< What it would have been with nothing followed.
    double following_ns = 0;  ///< What an allocation costs more if it is followed, stack included.
};

/// `usual_frames`: of a stack, for following_ns while none has been walked.
WorkCost cost_of(const ProbeWork& work, const ProbeCosts& costs, double usual_frames);

}  // namespace seep
