// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Analyses a recording again and again while it is written, and tells of what is found: to a
// command, to a log, to a server. The analysis is that of `seep report`, on a thread of its own at
// the lowest priority, and takes a fiftieth of the time at most, so that it neither delays a
// snapshot nor costs more than 2 % of a core. Not thread-safe.

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/background.h"
#include "base/result.h"
#include "cli/push.h"
#include "cli/results.h"
#include "triggers/finding_command.h"
#include "triggers/findings_log.h"

namespace seep {

struct WatchOptions {
    std::string analyze_every = "1m";
    std::string on_leak;  ///< Command; empty: none.
    std::string on_leak_if = "leak";
    std::string on_leak_cooldown = "1h";
    std::string on_leak_timeout = "1m";
    std::string findings_log;  ///< File; empty: none.
    PushOptions push;

    /// Whether there is anybody to tell.
    [[nodiscard]] bool wanted() const {
        return !on_leak.empty() || !findings_log.empty() || !push.url.empty();
    }
};

void add_watch_options(CLI::App& command, WatchOptions& options);

class Watch {
 public:
    /// bad_input for a command or a file that cannot be used.
    static Result<std::unique_ptr<Watch>> create(const WatchOptions& options);

    /// Poll these for input, then call handle().
    [[nodiscard]] std::vector<int> poll_fds() const;
    void handle();
    /// Begins to analyse, if it is time to. `request.file`: the recording, that has a new snapshot.
    void look(const ReportRequest& request);
    /// Tells of the last analysis, and waits until everybody was told.
    void finish(Report report, const std::string& recording);

 private:
    explicit Watch(const WatchOptions& options);
    /// A report, and its profile if one is to be pushed.
    struct Analysis {
        Report report;
        std::string profile;
    };

    void tell(const Analysis& analysis, const std::string& recording);

    FailCondition condition_;
    std::chrono::nanoseconds every_;
    std::chrono::steady_clock::time_point begun_;
    std::chrono::steady_clock::time_point next_;
    std::string recording_;
    std::unique_ptr<FindingCommand> command_;
    std::optional<FindingsLog> log_;
    std::unique_ptr<Push> push_;
    Background<Result<Analysis>> analysis_;
};

}  // namespace seep
