// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Starts a command so that it can be traced from its first allocation, and so can the programs that
// it becomes (`env X=1 program`, a script that ends in exec).
//
// ptrace stops the child at its exec and at each executable mapping that the dynamic linker makes
// after it; `on_code_mapped` runs at each stop, with everything mapped so far in place and no
// instruction of the new mapping run. Some seconds after the last exec ptrace lets go, without
// stopping it, and the process runs as any other; it does so, too, if seep dies. What the command
// forks is never held. It starts with the signal mask and the ignored signals that seep was started
// with, in seep's process group.
// Not held for long enough: a program that is given to the dynamic linker as an argument (`ld.so
// ./program`), and the libraries of one whose auditing library (LD_AUDIT) makes system calls. While
// it is held, and without CAP_SYS_PTRACE, a set-user-id program runs as the caller.
// SIGCHLD must be blocked in all threads: see keep_child_signals(). Not thread-safe.

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace seep {

class CommandHolder;

/// Where the command's standard input, output and error go.
enum class CommandOutput {
    shared,       ///< Where seep's go.
    no_terminal,  ///< The same, but /dev/null for those that are a terminal.
};

class LaunchedCommand {
 public:
    using OnCodeMapped = std::function<Result<void>(pid_t)>;

    /// Runs argv[0] (searched in PATH), and returns once it is past its dynamic linker, or is not
    /// heard of for a second. `on_code_mapped(pid)` is called at each stop; an error from it kills
    /// the child and is returned. A command that cannot be executed: bad_input. A command that ends
    /// before its entry point (a library is missing) is no error: see poll_exit().
    static Result<LaunchedCommand> launch(const std::vector<std::string>& argv,
                                          OnCodeMapped on_code_mapped,
                                          CommandOutput output = CommandOutput::shared);
    LaunchedCommand(LaunchedCommand&&) noexcept;
    LaunchedCommand& operator=(LaunchedCommand&&) noexcept;
    /// Lets go of the command, which runs on.
    ~LaunchedCommand();

    [[nodiscard]] pid_t pid() const { return pid_; }
    /// Readable when handle_stop() has something to do; -1 once the command is let go.
    [[nodiscard]] int poll_fd() const;
    /// If the command stands before new code: calls on_code_mapped, whose error is returned, and
    /// lets it go on. Does not block.
    Result<void> handle_stop();
    /// Holds the command no longer; on_code_mapped is not called any more.
    void let_go();
    /// The wait status (as of waitpid) once the command has ended; does not block.
    std::optional<int> poll_exit();

 private:
    explicit LaunchedCommand(pid_t pid);
    Result<void> run_to_start();
    Result<void> look();
    void go_on();
    void kill_and_collect();

    pid_t pid_ = 0;
    OnCodeMapped on_code_mapped_;
    std::unique_ptr<CommandHolder> holder_;
    bool executed_ = false;
    bool begun_ = false;
    bool stands_ = false;
    std::optional<int> status_;
};

/// "exited with status 3", "killed by signal 9 (Killed)".
std::string describe_wait_status(int status);

}  // namespace seep
