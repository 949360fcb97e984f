// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Reads a recording, also one that is still being written or whose writer was killed, also from a
// read-only place. The file is untrusted input: every reference between tables is checked here, so
// that later stages can index without checking. Not thread-safe.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/model.h"

namespace seep {

/// A row of stack totals: the state of `stack` as of snapshot `snapshot` (index into snapshots()).
/// Rows come in the order of snapshots; a stack has a row only where it changed.
struct TotalsRow {
    std::uint32_t snapshot = 0;
    StackId stack;
    Totals totals;
    /// The least held bytes within the snapshots merged into this row (its own, if none were).
    std::uint64_t least_held_bytes = 0;
};

struct EventRecord {
    std::int64_t time_ns = 0;
    ProcessId process;
    std::string kind;
    std::string text;
};

struct CallCountRow {
    std::size_t snapshot = 0;  ///< Index.
    CallCount count;           ///< Without a frame.
};

struct HeapInUseRow {
    std::size_t snapshot = 0;  ///< Index.
    HeapInUse size;
};

class RecordingReader {
 public:
    /// bad_input, with what to do, for: no such file, not a recording (foreign or truncated), a
    /// recording of a newer format, one without a snapshot.
    static Result<RecordingReader> open(const std::string& path);
    RecordingReader(RecordingReader&&) noexcept;
    RecordingReader& operator=(RecordingReader&&) noexcept;
    ~RecordingReader();

    [[nodiscard]] const RecordingInfo& info() const;
    [[nodiscard]] const std::vector<SnapshotRecord>& snapshots() const;  ///< Ascending by time.
    [[nodiscard]] const std::vector<ProcessRecord>& processes() const;
    Result<std::vector<ObjectRecord>> objects();
    Result<std::vector<LocationRecord>> locations();
    Result<std::vector<StackRecord>> stacks();
    Result<std::vector<ProbeRecord>> probes();
    Result<std::vector<EventRecord>> events();
    /// In order, and without gaps or overlaps but those of a clock that was set.
    Result<std::vector<PeriodRecord>> periods();
    Result<void> for_each_totals(const std::function<void(const TotalsRow&)>& row);
    /// Completed lifetimes of each stack as of the last snapshot.
    Result<std::vector<std::pair<StackId, Lifetimes>>> lifetimes();
    /// What became of blocks that were looked at again, as of the last snapshot.
    Result<std::vector<StackRevisits>> revisits();
    /// Of the blocks of those stacks, what could be reached at the last search.
    Result<std::vector<StackReachability>> reachability();
    /// Ascending by snapshot.
    Result<std::vector<CallCountRow>> call_counts();
    /// Likewise; then by process, then by size.
    Result<std::vector<HeapInUseRow>> heap_in_use();
    Result<std::vector<HeapInUseRow>> heap_lost();

 private:
    struct State;
    explicit RecordingReader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace seep
