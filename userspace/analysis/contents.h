// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What the analysis takes from a recording, read once. Passive data; load_contents() is the only
// function of the analysis that reads.

#include <functional>
#include <unordered_map>
#include <vector>

#include "analysis/series.h"
#include "analysis/window.h"
#include "base/result.h"
#include "store/model.h"
#include "store/reader.h"

namespace seep {

/// A stack and what happened to it until the window's end.
struct StackHistory {
    StackRecord record;
    Totals at_start;  ///< As of the window's first snapshot.
    Totals at_end;    ///< As of the window's last snapshot.
    LiveSeries live;  ///< Held bytes, which are live if nothing has lapsed. Up to the window's
                      ///< last snapshot, also before its first.
    Lifetimes lifetimes{};           ///< Of what was freed; as of the recording's last snapshot.
    StackRevisits revisits;          ///< Likewise, of what was looked at again.
    StackReachability reachability;  ///< As of the last search for what is lost.
};

struct RecordingContents {
    RecordingInfo
        info;  ///< Its sampling_bytes the mean up to the window's end, over what was seen.
    Window window;
    std::vector<SnapshotRecord> snapshots;  ///< All, also outside the window.
    std::vector<ProcessRecord> processes;
    std::vector<ProbeRecord> probes;
    std::vector<PeriodRecord> periods;  ///< Those begun by the window's end.
    std::unordered_map<ObjectId, ObjectRecord> objects;
    std::unordered_map<LocationId, LocationRecord> locations;
    std::vector<CallCountRow> calls;  ///< Up to the window's end.
    std::vector<HeapInUseRow> heap;   ///< Likewise.
    std::vector<HeapInUseRow> heap_lost;
    std::vector<StackHistory> stacks;  ///< Those with an allocation by the window's end.
};

/// bad_input for a damaged recording, or a window that does not fit it.
Result<RecordingContents> load_contents(RecordingReader& reader, const WindowRequest& window);

/// As if only those processes had been recorded that `counts` is true for.
RecordingContents only_processes(const RecordingContents& contents,
                                 const std::function<bool(const ProcessRecord&)>& counts);

}  // namespace seep
