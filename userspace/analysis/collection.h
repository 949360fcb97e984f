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

/// Whether a collection was seen after the first quarter of the window, when blocks were freed that
/// had lived for as long: followed ones of `stacks` through such code or an old generation (below),
/// or, where all is followed, ones from before attach.
bool collection_seen(const std::vector<MergedStack>& stacks, const RecordingContents& contents);

/// An interpreter with an old generation takes its objects from malloc, and keeps those that are
/// old until it collects everything, which is seldom: R, Ruby, Julia. Calls leaks through one
/// `growing` of whose blocks some were collected, unless old ones were, too (`collected`,
/// collection_seen()). Likewise what the JVM's compiler makes: it frees that when it unloads the
/// code. `reported`: of `stacks`.
void temper_by_collection(std::span<ReportStack> reported, const std::vector<MergedStack>& stacks,
                          const RecordingContents& contents, bool collected);

}  // namespace seep
