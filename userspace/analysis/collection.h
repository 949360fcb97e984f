// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Where a runtime collects garbage, what nothing refers to any more stays until its collector gets
// to it, and until then it grows as a leak does. A collection is seen by the frees of old blocks
// that come with it; what is still there afterwards was referred to. Pure functions, thread-safe.
//
//     live in a full cache of such a runtime     /|  /|  /|    before the first collection of the
//                                               / | / | / |    window, this is a leak's line
//                                              /  |/  |/

#include <span>
#include <vector>

#include "analysis/contents.h"
#include "analysis/merging.h"
#include "analysis/report.h"

namespace seep {

/// Whether blocks come through generated code, as those of a runtime with a compiler do. Most of
/// these collect garbage (V8, the JVM, .NET, PyPy, LuaJIT).
bool comes_through_generated_code(const StackRecord& stack, const RecordingContents& contents);

/// From the allocator's function to the last one before such code; empty if there is none.
std::vector<LocationId> before_generated_code(const StackRecord& stack,
                                              const RecordingContents& contents);

/// Of each stack, the blocks that were as old as a quarter of the window when they were freed; and,
/// where the probes came and went, those that were there at such an age when they were looked at
/// again, and had gone later. `real_seconds`: the window's, of which those of `contents` are what
/// was seen.
std::vector<double> old_blocks_freed(const std::vector<MergedStack>& stacks,
                                     const RecordingContents& contents, double real_seconds);

/// Whether a collection was seen after the first quarter of the window, when blocks were freed that
/// had lived for as long: of `stacks` through such code or an old generation (below), of which
/// `old_frees` are old_blocks_freed(); where all is followed, also ones from before attach.
bool collection_seen(const std::vector<MergedStack>& stacks, const RecordingContents& contents,
                     std::span<const double> old_frees);

/// Finds what awaits a collection (ReportStack::awaits_collection): a runtime with an old
/// generation keeps the old blocks of its objects, from malloc, until it collects everything, which
/// is seldom. None as old was seen to be freed: of R, Ruby and Julia none of those that a function
/// of it makes that makes more than a few of what is freed; of V8 none that the same function of it
/// makes. And calls leaks of the JVM's compiler `growing`: it frees what it makes when it unloads
/// the code. `reported`: of `stacks`.
void judge_by_collection(std::span<ReportStack> reported, const std::vector<MergedStack>& stacks,
                         const RecordingContents& contents, std::span<const double> old_frees);

/// Calls leaks that await a collection `growing`, with what is in step with them, unless nothing
/// points to their blocks any more; after all that judges by other evidence.
void leave_open_until_collected(Report& report);

}  // namespace seep
