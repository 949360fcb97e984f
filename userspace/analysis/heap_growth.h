// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// By how much the heap grew by the allocator's own account (drain/heap_counts.h), in all and of
// each size of blocks: all of the time, whatever was seen of it. Pure.

#include <cstdint>
#include <map>
#include <optional>

#include "analysis/contents.h"
#include "analysis/report.h"

namespace seep {

struct HeapGrowth {
    /// Blocks a second.
    struct Rate {
        double more = 0;
        double low = 0;  ///< Ends of the 95 % interval.
        double high = 0;
    };
    std::map<std::uint64_t, Rate> sizes;  ///< By size_class() (drain/glibc_heap.h).
    HeapInUseGrowth all;
};

/// Over the window; empty if it was counted less than three times, or not in all processes that
/// live at its end. The intervals by how far the counts are from a line (Student).
std::optional<HeapGrowth> heap_growth(const RecordingContents& contents);

}  // namespace seep
