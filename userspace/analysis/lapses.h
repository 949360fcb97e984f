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
//
// Within windows, blocks are freed, too, that were born in a pause. Where the program replaces what
// it has, they are as many as the new ones; where it leaks, only those are that were in flight when
// the window began, again as many as at any other moment. Pure functions.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "analysis/contents.h"
#include "analysis/growth.h"
#include "analysis/merging.h"
#include "analysis/report.h"

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

/// Blocks of `stacks` that may have been replaced: frees of ones born unseen, or that had lapsed,
/// over those that were in flight, by the most that chance makes of it. `stacks`: all of the heap.
/// Nothing if all was observed, or allocations were passed over by sampling, whose frees are no
/// different.
std::optional<double> most_replaced(const std::vector<MergedStack>& stacks,
                                    const RecordingContents& contents);

/// Allocations less frees, all of which are counted while probes are in place, whatever is freed;
/// a second of all the time (observed_parts.h). Its chance is told by how much the times between
/// snapshots differ. Too much where what is freed at once, now and then, is freed in pauses;
/// nothing can be said where it is certainly below 0, as where threads end, for which glibc frees
/// what they had freed once more. Nothing if all was observed.
std::optional<NetBlocks> net_blocks(const RecordingContents& contents);

/// By how many the blocks became fewer since there were most, by the same counts.
struct FewerBlocks {
    std::size_t since = 0;  ///< Snapshot.
    double seen = 0;        ///< While probes were in place.
    double all = 0;         ///< In all of the time, about.
    double idle_share = 0;  ///< Of the time, in which next to none did.
    double rise = 0;        ///< By how many they had become more before, likewise.
};

/// Nothing if all was observed, if half as many had become fewer before, and then more again, if
/// they did at once, or a quarter of them came again: a cycle, or a coming and going.
std::optional<FewerBlocks> fewer_blocks(const RecordingContents& contents);

/// What the growth of a stack that holds so many blocks comes to without those. The interval's
/// lower end heeds chance, and that lifetimes are known to a factor of two.
Growth without(const InFlight& blocks, double held, Growth growth);

}  // namespace seep
