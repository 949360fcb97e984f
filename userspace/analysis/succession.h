// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// One growth, several stacks one after another: a runtime compiles a function anew, or a program
// goes over to another of its functions, and from then on the same blocks come from another stack.
// Each of these stacks by itself halts, or has only begun, whatever they are together. Pure.
//
//     stack 1    __----          malloc < new_buffer < interpreter < handle < loop < main
//     stack 2        __----      malloc < new_buffer < compiled code < handle < loop < main
//     together   __----====      ^ the same call ends them     the same ones lead to it ^
//
// A succession are all stacks that end in the same call to allocate (from the allocator's function
// outwards to the first one that has a purpose of its own), allocate blocks of one size there, and
// come from the same callers (or from generated code beyond which the callers of some of them are
// not known), if they take over from one another: at nearly all times one of them
// allocates nearly all, and the next one goes on at the pace of the one before, without a pause.
// Its sum is judged like a stack (verdict.h), and what it is, the stacks are: a leak, or the cache
// that it fills.

#include <cstddef>
#include <span>
#include <vector>

#include "analysis/contents.h"
#include "analysis/merging.h"
#include "analysis/report.h"
#include "analysis/surroundings.h"

namespace seep {

struct Succession {
    std::vector<std::size_t> stacks;   ///< Indices of all with these ends, ascending.
    std::vector<std::size_t> in_turn;  ///< Those that took over from one another, two at least.
    bool cut = false;                  ///< Of some, nothing is known beyond generated code.
};

/// Those with fewer callers in common first; a stack may be in several. Time grows with the number
/// of locations of all stacks.
std::vector<Succession> find_successions(const std::vector<MergedStack>& stacks,
                                         const RecordingContents& contents);

/// What stacks are judged by.
struct Grounds {
    const RecordingContents& contents;  ///< On the clock of what was observed.
    const Surroundings& surroundings;
    const ReportSampling& sampling;
    double seconds = 0;      ///< Length of the window, on everybody's clock.
    bool collected = false;  ///< Whether a collection was seen (collection.h).
};

/// Judges each succession and gives its verdict to those of its stacks that grew, with their parts
/// of its growth and its number (ReportStack::succession). `reported`: of `stacks`, in that order.
void judge_successions(std::span<ReportStack> reported, const std::vector<MergedStack>& stacks,
                       const Grounds& grounds);

}  // namespace seep
