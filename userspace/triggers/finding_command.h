// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Runs a command of the user's for findings: one at a time, each finding once until a cooldown is
// over, beside a loop over poll(). The command is run directly, not by a shell, and nothing of the
// target's is ever among its arguments:
//
//   standard input   the finding on one line of JSON (output/finding_line.h)
//   environment      seep's own, and SEEP_VERDICT, SEEP_SENTENCE, SEEP_FUNCTION, SEEP_MODULE,
//                    SEEP_FILE, SEEP_LINE, SEEP_BYTES_PER_HOUR (estimate, _LOW and _HIGH),
//                    SEEP_LIVE_BYTES, SEEP_LIVE_COUNT, SEEP_PID, SEEP_COMMAND, SEEP_RECORDING;
//                    of the target's text, what can be printed
//   output           both standard output and error go to seep's standard error
//
// It gets a process group of its own, which is killed once it has taken too long. That a command
// cannot be run, fails or takes too long is logged and stops nothing. Not thread-safe.

#include <chrono>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "analysis/report.h"
#include "base/handles.h"
#include "base/result.h"

namespace seep {

/// The words of a command as the shell's quoting rules make them, with ~, $VARIABLE and patterns of
/// file names, but without commands in it (wordexp(3)). bad_input for what is no simple command, or
/// names a program that cannot be run.
Result<std::vector<std::string>> parse_command(const std::string& text);

struct FindingCommandOptions {
    std::vector<std::string> arguments;
    std::chrono::nanoseconds cooldown{0};
    std::chrono::nanoseconds timeout{0};
};

class FindingCommand {
 public:
    explicit FindingCommand(FindingCommandOptions options) : options_(std::move(options)) {}
    FindingCommand(const FindingCommand&) = delete;
    FindingCommand& operator=(const FindingCommand&) = delete;
    /// What still runs is killed.
    ~FindingCommand();

    /// Runs the command for report.findings[index], at once or after those before it; unless a
    /// finding with one of its stacks was told within the cooldown.
    void tell(const Report& report, std::size_t index, const std::string& recording);

    /// Poll these for input, then call handle().
    [[nodiscard]] std::vector<int> poll_fds() const;
    void handle();
    /// Waits for what runs and what waits, each no longer than its timeout.
    void finish();

 private:
    struct Notice {
        std::string line;
        std::vector<std::string> environment;  ///< "SEEP_X=..."
    };

    void run_next();
    Result<void> run(const Notice& notice);
    void end(int status);

    FindingCommandOptions options_;
    /// When a stack was in a finding that was told, by its id: causes are named by their stacks,
    /// because names may become known later.
    std::map<std::string, std::chrono::steady_clock::time_point> told_;
    std::deque<Notice> waiting_;
    pid_t pid_ = 0;  ///< 0: none runs.
    UniqueFd pidfd_;
    UniqueFd deadline_;
    bool killed_ = false;
};

}  // namespace seep
