// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// A target that is traced into a recording: the tracer, what governs it, and the recorder. The
// commands that trace differ in when they take snapshots and in what they show.
//
//   start(); while (!over()) { poll(poll_fds()); handle(); if (due()) snapshot(); } finish();
//
// Destruction lets the target go, whatever state it is in. Not thread-safe.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/handles.h"
#include "base/result.h"
#include "base/wakeups.h"
#include "cli/recorder.h"
#include "cli/tracing_options.h"
#include "drain/cadence.h"
#include "drain/governing.h"
#include "drain/tracer.h"
#include "probes/calibration.h"
#include "target/launch.h"

namespace seep {

/// seep-COMM-PID-TIME.SUFFIX, for a file about a process.
std::string default_file_name(const TracedProcess& process, std::string_view suffix);

/// "server exited with status 3"; "server goes on running, as process 1234: ...", for seep ends no
/// target. `command`: its arguments, if they are known.
std::string outcome_of(const std::vector<std::string>& command, LaunchedCommand& launched);

class Session {
 public:
    /// `cadence`: of the snapshots. `file`: the recording to make; empty: seep-COMM-PID-TIME.seep
    /// in the working directory.
    Session(TracingOptions options, const Cadence& cadence, std::string file,
            WriterOptions writer = {});

    /// Attaches, or launches the command; makes the recording, and takes its first snapshot.
    Result<void> start();
    /// Poll these for input, then call handle(). They change as processes come and go.
    [[nodiscard]] std::vector<int> poll_fds() const;
    /// Deals with what happened to the targets, logs it, and governs what tracing costs.
    Result<void> handle();
    /// Whether it is time for another snapshot.
    [[nodiscard]] bool due() const { return expired(clock_); }
    Result<void> snapshot();
    /// Whether all targets have ended.
    [[nodiscard]] bool over() const { return !tracer_->any_alive(); }
    /// Lets the targets go, takes the last snapshot and closes the recording, for whose symbols it
    /// waits so long at most.
    Result<void> finish(std::chrono::milliseconds patience = std::chrono::minutes(1));
    /// Lets the targets go at once.
    void abandon();

    // Once start() was called:
    [[nodiscard]] const std::string& file() const { return file_; }
    [[nodiscard]] const Recorder& recorder() const { return *recorder_; }
    [[nodiscard]] const Tracer& tracer() const { return *tracer_; }
    /// How the launched command ended, as wait() tells; empty if it runs, or none was launched.
    std::optional<int> command_status();
    /// What became of the launched command (outcome_of()); empty if none was launched.
    [[nodiscard]] std::string command_outcome();

 private:
    Result<void> start_tracer();
    Result<void> add_targets();
    Result<void> start_launched(pid_t pid);
    Result<void> check_work();
    Result<void> open_recording();
    Result<void> write_and_log_events();
    Result<void> look_at_costs();
    void warn_of_costs();
    void set_clock();
    [[nodiscard]] RecordingInfo describe() const;

    TracingOptions options_;
    KernelOptions kernel_options_;
    Cadence cadence_;
    std::string file_;
    WriterOptions writer_options_;
    std::optional<Tracer> tracer_;
    ProbeCosts probe_costs_;
    std::optional<LaunchedCommand> launched_;
    std::unique_ptr<Recorder> recorder_;
    std::optional<Governing> governing_;
    UniqueFd clock_;  ///< When to take a snapshot.
    UniqueFd look_;   ///< When to look at what the probes cost.
    bool warned_of_costs_ = false;
};

}  // namespace seep
