// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Which memory of a target is followed. The three ways of seeing overlap: a page of a block that an
// allocator mapped is in all of them, so that their bytes are never added together. Pure.

#include <string>
#include <string_view>

#include "base/result.h"
#include "drain/snapshot.h"

namespace seep {

struct Sources {
    bool heap = true;       ///< Blocks of its allocators.
    bool mappings = false;  ///< What it maps (drain/mapping_ledger.h).
    bool faults = false;    ///< Who first touched its pages (drain/fault_ledger.h).

    /// Whether the kind's bytes are those of another that is followed: sums over kinds leave it
    /// out.
    [[nodiscard]] bool repeats(StackKind kind) const;
    /// The kind that a process as a whole is judged by: its blocks where they are followed, or
    /// else what it maps, or else its pages.
    [[nodiscard]] StackKind leading() const;
    bool operator==(const Sources&) const = default;
};

/// "heap", "heap,mapping", "mapping,faults", ...: any of the three, in any order.
Result<Sources> parse_sources(std::string_view text);
/// The same, in this order: heap, mapping, faults.
std::string sources_name(const Sources& sources);

}  // namespace seep
