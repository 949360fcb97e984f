// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Starts a command so that it can be traced from its first allocation.
//
// The child is held by ptrace from its exec until it reaches its entry point, and stopped at each
// executable mapping that the dynamic linker makes on the way; `on_code_mapped` runs at each stop,
// with everything mapped so far in place and no instruction of the new mapping run. Then ptrace
// lets go and the process runs as any other. While it is held the kernel kills it if seep dies. It
// starts with the signal mask and the ignored signals that seep was started with, in seep's process
// group. Not held to its entry: a program that is given to the dynamic linker as an argument
// (`ld.so ./program`); without CAP_SYS_PTRACE a set-user-id program runs as the caller.
// Not thread-safe: a call of launch() waits for its child on the calling thread.

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace seep {

/// Where the command's standard input, output and error go.
enum class CommandOutput {
    shared,       ///< Where seep's go.
    no_terminal,  ///< The same, but /dev/null for those that are a terminal.
};

class LaunchedCommand {
 public:
    /// Runs argv[0] (searched in PATH). `on_code_mapped(pid)` is called at each stop; an error from
    /// it kills the child and is returned. A command that cannot be executed: bad_input. A command
    /// that ends before its entry point (a library is missing) is no error: see poll_exit().
    static Result<LaunchedCommand> launch(const std::vector<std::string>& argv,
                                          const std::function<Result<void>(pid_t)>& on_code_mapped,
                                          CommandOutput output = CommandOutput::shared);
    LaunchedCommand(LaunchedCommand&&) noexcept = default;
    LaunchedCommand& operator=(LaunchedCommand&&) noexcept = default;

    [[nodiscard]] pid_t pid() const { return pid_; }
    /// The wait status (as of waitpid) once the command has ended; does not block.
    std::optional<int> poll_exit();

 private:
    explicit LaunchedCommand(pid_t pid) : pid_(pid) {}
    pid_t pid_ = 0;
    std::optional<int> status_;
};

/// "exited with status 3", "killed by signal 9 (Killed)".
std::string describe_wait_status(int status);

}  // namespace seep
