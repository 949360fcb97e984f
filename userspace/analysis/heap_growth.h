// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// By how much the heap grew by the allocator's own account (drain/heap_counts.h), in all and of
// each size of blocks: all of the time, whatever was seen of it. Pure.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "analysis/contents.h"
#include "analysis/report.h"

namespace seep {

/// "208"; "1536 to 1648" of a class that is wider. In bytes, by size_class().
std::string chunk_text(std::uint64_t chunk);

/// Over the window; empty if it was counted less than three times, or not in all processes that
/// live at its end. The intervals by how far the counts are from a line (Student).
std::optional<HeapInUseGrowth> heap_growth(const RecordingContents& contents);

/// Whether what grew before hardly does in the last third of the window.
bool has_halted(const HeapInUseGrowth& heap);

/// Of blocks of a size_class(); none where the heap has none of it. `sizes`: in use, or lost.
BlockRate rate_of_size(const std::map<std::uint64_t, BlockRate>& sizes, std::uint64_t chunk);

/// What is left of more blocks without some of them: by the other end of their interval.
BlockRate without(const BlockRate& all, const BlockRate& some);

}  // namespace seep
