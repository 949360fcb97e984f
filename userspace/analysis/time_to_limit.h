// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Which limit growth meets, and when. Pure, thread-safe.
//
// A control group: what the kernel can give back without swapping (file pages that nobody used
// lately) is not counted as used. The machine: MemAvailable and free swap together are what is
// left, since anonymous memory, which is what grows, may take both before the kernel has to kill.
// Whichever has less room is met first.

#include <algorithm>
#include <cstdint>

#include "analysis/report.h"
#include "store/model.h"

namespace seep {

/// A limit in bytes, and what is used of it.
struct Room {
    MemoryLimit kind = MemoryLimit::unknown;
    std::uint64_t limit = 0;
    std::uint64_t used = 0;

    [[nodiscard]] std::uint64_t left() const { return limit - std::min(used, limit); }
};

/// The least room of those that the living processes of a snapshot are in; unknown if none is.
Room least_room(const SnapshotRecord& snapshot);

/// By which the memory grows and has not ceased to: the slower of the whole window's growth and of
/// its later half's.
Growth lasting_growth(const ProcessMemory& memory);
/// Likewise, of what grew so in the whole window, and in its later half.
Growth lasting(const Growth& whole, const Growth& lately);

/// What is left over growth. 0 if the limit is reached already; never, if it is unknown.
TimeToLimit time_to_limit(const Room& room, const Growth& growth);

}  // namespace seep
