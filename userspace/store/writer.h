// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Writes a recording: an SQLite 3 file, mode 0600, WAL while it is written, one transaction a
// snapshot, so that a recorder killed at any instant leaves a file that is readable up to its last
// snapshot. close() checkpoints it into a single file.
//
// Its size is bounded: totals are written only for stacks that changed, and once there are more
// than `max_rows` of them, neighbouring old snapshots are merged, so resolution coarsens with age
// while every kept number stays exact (totals are cumulative; the least held bytes within what was
// merged are kept, for the troughs that growth is judged by). One that never ends is kept to the
// last hours or days of it with `keep`.
//
// Not thread-safe.

#include <chrono>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "store/model.h"

namespace seep {

struct WriterOptions {
    std::uint64_t max_rows = 2'000'000;  ///< Rows of stack totals before old snapshots are merged.
    /// How far back the recording reaches; what is older is removed (store/retention.h). 0: to its
    /// start.
    std::chrono::nanoseconds keep{0};
};

class RecordingWriter {
 public:
    /// Fails if the file exists (a recording is never overwritten), or cannot be made.
    static Result<RecordingWriter> create(const std::string& path, const RecordingInfo& info,
                                          WriterOptions options = {});
    RecordingWriter(RecordingWriter&&) noexcept;
    RecordingWriter& operator=(RecordingWriter&&) noexcept;
    ~RecordingWriter();

    // All of these take part in the transaction that the next commit() ends.
    Result<void> put(const ProcessRecord& process);  ///< Insert, or replace by id.
    Result<void> put(const ObjectRecord& object);
    Result<void> put(const LocationRecord& location);  ///< Replaces what was known of its symbols.
    Result<void> put(const StackRecord& stack);
    Result<void> put(const ProbeRecord& probe);
    /// Something worth remembering about the run: an exec, a change of sampling. Time in ns.
    Result<void> put_event(std::int64_t time_ns, ProcessId process, const std::string& kind,
                           const std::string& text);
    Result<void> put(const PeriodRecord& period);  ///< Insert, or replace by id.
    Result<void> put_info(const RecordingInfo& info);
    /// Time, process samples and changed totals. (New stacks are put() before, with locations.)
    Result<void> put_snapshot(const Snapshot& snapshot);
    /// Removes every other snapshot so far, but the first and the last (store/thinning.h).
    Result<void> halve();
    /// Ends the transaction; after it, all that was put is on disk. A full or vanished disk is an
    /// error here; the file stays readable up to the last commit that worked.
    Result<void> commit();

    /// Commits, leaves WAL mode and closes. Called by the destructor if it was not (errors
    /// ignored).
    Result<void> close();
    [[nodiscard]] const std::string& path() const;

 private:
    struct State;
    explicit RecordingWriter(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace seep
