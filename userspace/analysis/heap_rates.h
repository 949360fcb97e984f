// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What was seen of stacks, in windows or in samples, are claims; what the heap has more of each
// size of blocks is what there was, all of the time (heap_growth.h):
//
//     seen       stack a, blocks of 208 bytes: 15 stayed, 40 to 130 a second
//                stack b, blocks of 64 bytes: 900 stayed, 5,000 a second
//     counted    chunks of 224 bytes: 91 to 93 more a second     so a leaks 92 a second
//                chunks of 80 bytes: -2 to 3 more a second       so b replaces what it frees
//
// Of the stacks whose blocks are all of one size, each has as much of what there is more of that
// size as it claims of all their claims. Where the heap has halted, it tells no rate. Pure.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "analysis/report.h"

namespace seep {

/// What a stack claims of one size, or of several.
struct HeapClaim {
    std::size_t stack = 0;              ///< Index in the report.
    double size = 0;                    ///< Bytes that were asked for, on average.
    std::uint64_t chunk = 0;            ///< size_class(); 0 if they are of several,
    std::vector<std::uint64_t> chunks;  ///< perhaps of these.
    BlockRate rate;
    std::uint64_t held = 0;
    bool is_replaced = false;  ///< Hardly any stays: it has only what nobody else claims.
};

/// Of a report, in which not all was followed; its stacks must not change places meanwhile.
class HeapRates {
 public:
    /// After each stack was judged by itself. `heap` must outlive it.
    HeapRates(const HeapInUseGrowth& heap, const Report& report);

    /// Gives stacks whose blocks have one size the part that they have of what the heap has more of
    /// that size, if it tells that more exactly than what was seen; leaves open those that claim
    /// more. Before they are put together.
    void rate_stacks(Report& report) const;
    /// Gives stacks that grow in lockstep as many times what was seen of them as the heap has more
    /// of the sizes of their blocks.
    void rate_clusters(Report& report) const;
    /// Of what still claims more of a size than there is, each stack has its part of that. Last.
    void bound_sizes(Report& report) const;

 private:
    const HeapInUseGrowth* heap_;
    std::vector<HeapClaim> claims_;
};

}  // namespace seep
