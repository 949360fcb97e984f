// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// One code path, one stack: stacks of several processes, and stacks that got several ids, are
// merged if they went through the same code. Pure functions.

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/contents.h"
#include "analysis/report.h"

namespace seep {

/// Stacks with the same code, summed.
struct MergedStack {
    std::uint64_t id = 0;  ///< Names the code; the same in every recording, see stack_code().
    StackRecord record;    ///< One of those that were merged.
    Totals at_start;       ///< As of the window's start.
    Totals totals;         ///< As of the window's end.
    LiveSeries live;
    Lifetimes lifetimes{};
    StackRevisits revisits;
    StackReachability reachability;
    std::uint64_t lost_object = 0;  ///< That of `reachability`, as the id of one of these.
    std::int64_t attached_ns = 0;   ///< When the first of their processes came to be traced.
};

/// Adds to the sum, field by field; the mean birth becomes that of all that is live.
void accumulate(Totals& sum, const Totals& part);

void accumulate(Looks& sum, const Looks& part);
void accumulate(StackRevisits& sum, const StackRevisits& part);
void accumulate(StackReachability& sum, const StackReachability& part);

/// FNV-1a over the stack's locations: build id (or the file's name, if it has none) and address;
/// of JIT code, which has no lasting address, the function's name. A truncated stack is another one
/// than a complete stack with the same frames.
std::uint64_t stack_code(const StackRecord& stack, const RecordingContents& contents);

/// Of a code, as ReportStack::id.
std::string id_text(std::uint64_t code);

/// Ascending by id. The memory of a process that ended is gone: its stacks count as freed, unless
/// no traced process was left at the window's end; then it is what each held last that is reported.
std::vector<MergedStack> merge_stacks(const RecordingContents& contents);

/// Several as if they were one; `id` and `record` stay empty.
MergedStack sum_of(const std::vector<const MergedStack*>& stacks);

/// Processes whose memory counts as freed for that reason.
std::vector<const ProcessRecord*> gone_processes(const RecordingContents& contents);

/// The frames to show, [0] the allocator's function. `objects` is what ReportFrame::object means;
/// ascending by id.
std::vector<ReportFrame> report_frames(const StackRecord& stack, const RecordingContents& contents,
                                       const std::vector<ObjectRecord>& objects);

}  // namespace seep
