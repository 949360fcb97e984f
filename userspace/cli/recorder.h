// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Tracer -> recording: writes what each snapshot brings, with the places of its stacks and, as they
// become known, their symbols. One transaction a snapshot. Not thread-safe.

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/locations.h"
#include "cli/symbol_worker.h"
#include "drain/tracer.h"
#include "probes/calibration.h"
#include "store/writer.h"

namespace seep {

class Recorder {
 public:
    /// Makes the file. `tracer` must outlive the recorder.
    static Result<std::unique_ptr<Recorder>> create(const std::string& path,
                                                    const RecordingInfo& info,
                                                    const ProbeCosts& costs, Tracer& tracer,
                                                    WriterOptions options = {});

    Result<void> write_events(const std::vector<TracerEvent>& events);
    /// Takes a snapshot and commits it. `periods`: new or changed ones.
    Result<void> snapshot(const std::vector<PeriodRecord>& periods);
    /// Removes every other snapshot so far, but the first and the last. `info`: of now.
    Result<void> halve(const RecordingInfo& info);
    /// Waits for symbols (so long at most), writes them and closes the file. No snapshot after it.
    Result<void> finish(std::chrono::milliseconds patience);

    /// Of the last snapshot, for progress.
    [[nodiscard]] const Snapshot& last() const { return last_; }
    [[nodiscard]] std::size_t stacks() const { return stacks_; }
    /// From the first snapshot to the last.
    [[nodiscard]] std::chrono::nanoseconds recorded() const {
        return std::chrono::nanoseconds(last_.time_ns - first_ns_);
    }

 private:
    Recorder(RecordingWriter writer, std::unique_ptr<SymbolWorker> symbols, const ProbeCosts& costs,
             Tracer& tracer);

    Result<void> write_processes();
    Result<void> write_process(const TracedProcess& process);
    Result<void> write_probes(const TracedProcess& process, const ObjectFile& object,
                              const Attachment& attachment);
    Result<LocationId> locate_call(const TracedProcess& process, std::uint64_t frame);
    Result<void> write_stack(const NewStack& stack);

    Tracer* tracer_;
    ProbeCosts costs_;
    RecordingWriter writer_;
    std::unique_ptr<SymbolWorker> symbols_;
    Locations locations_;
    std::set<ProcessId> finished_;  ///< Ended images that were written for the last time.
    Snapshot last_;
    std::size_t stacks_ = 0;
    std::int64_t first_ns_ = 0;
};

}  // namespace seep
