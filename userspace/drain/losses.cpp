// SPDX-License-Identifier: GPL-2.0-only
#include <cassert>

#include "drain/snapshot.h"

namespace seep {

namespace {

// In the order of enum seep_loss.
constexpr std::array loss_names = {
    "unmatched_frees",    "lost_allocations", "lost_stacks",        "stack_collisions",
    "truncated_stacks",   "missed_frees",     "abandoned_calls",    "no_thread_state",
    "unreadable_results", "stacks_too_deep",  "stacks_unreadable",  "stacks_broken",
    "stacks_no_mapping",  "stacks_no_row",    "stacks_unsupported", "lost_mapping_calls",
    "lost_faults",
};
static_assert(loss_names.size() == SEEP_LOSS_COUNT);

}  // namespace

const char* loss_name(std::size_t loss) {
    assert(loss < loss_names.size());
    return loss_names[loss];
}

const char* stack_kind_name(StackKind kind) {
    switch (kind) {
        case StackKind::heap:
            return "heap";
        case StackKind::mapping:
            return "mapping";
        case StackKind::fault:
            break;
    }
    return "fault";
}

}  // namespace seep
