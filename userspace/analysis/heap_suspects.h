// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Whose growth it may be that the heap shows (heap_growth.h) where too little was seen of it to
// tell by what stays of any stack: that of the function which allocates blocks of all the sizes of
// which there are more; or of a few that only together do, or of which either may be it.
//
//     counted    chunks of 80, 96 and 208 bytes: 20 more a second each
//     seen       link_session allocates 61, 88 and 200 bytes     so those are of link_session,
//                send_reply allocates 88 and 300 bytes           as send_reply would leave chunks
//                                                                of 320 bytes, too, and none of 208
//
// Pure.

#include <optional>
#include <string>

#include "analysis/report.h"

namespace seep {

/// Sizes of which the heap certainly has more, by more blocks than threads keep for themselves.
struct GrowingSizes {
    double bytes_per_second = 0;  ///< With headers.
    std::string text;             ///< "chunks of 208, 96 and 80 bytes".
    double lost = 0;              ///< The share of that which is lost.
};
/// Of `report`, in which the heap was counted.
GrowingSizes growing_sizes(const Report& report);

/// Of the sizes of which the heap certainly has more than stacks that grow have, if one function
/// alone can have nearly all of that, or a few together. Only where all was followed for a part of
/// the time, or samples of it of which some are surely theirs. `report`: its stacks judged and
/// named, with what the heap has in use. `found`: of the heap's growth, in bytes a second with
/// headers, what is in findings; no more is told than that leaves.
std::optional<Finding> growth_by_sizes(const Report& report, double found);

}  // namespace seep
