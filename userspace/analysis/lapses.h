// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Blocks that were in flight when the probes went, for a pause between two windows. Their frees
// went by unseen, so that they go on being held, as if they had leaked; some are seen to be free
// later.
//
//     window          |############|                |############|
//     in flight         - -  -- -  -->  lapses       -  -- - -  -->  lapses
//
// At the end of each window, as many are in flight as at any other moment. Those that are freed
// within a window tell how many that is, by Little's law: the time that they lived together, over
// that for which they were observed. What lives for longer than windows take is not among them.
// Pure functions.

#include <algorithm>
#include <cstdint>

#include "analysis/contents.h"
#include "analysis/growth.h"
#include "analysis/merging.h"

namespace seep {

/// Blocks that had lapsed, and were seen to be free later.
std::uint64_t returned(const MergedStack& stack);

/// Of a stack's blocks.
struct InFlight {
    double all = 0;       ///< In flight when a window ended, about.
    double returned = 0;  ///< Seen to be free later.

    /// What is left of them, if there were so many times as many.
    [[nodiscard]] double left(double times = 1) const {
        return std::max(0.0, times * all - returned);
    }
};

/// Until the window's end; nothing if all was observed.
InFlight in_flight(const MergedStack& stack, const RecordingContents& contents);

/// What the growth of a stack that holds so many blocks comes to without those. The interval's
/// lower end heeds chance, and that lifetimes are known to a factor of two.
Growth without(const InFlight& blocks, double held, Growth growth);

}  // namespace seep
