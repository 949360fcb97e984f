// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// A child that ptrace holds from before its exec until its entry point; the inside of launch.h.
// Every function must be called on the thread that called seize().

#include <sys/types.h>

#include <functional>
#include <optional>

#include "base/result.h"
#include "target/breakpoint.h"

namespace seep {

class HeldCommand {
 public:
    /// Takes hold of a child that has not called exec yet. It runs on until run_to_entry() is
    /// called.
    static Result<HeldCommand> seize(pid_t pid, std::function<Result<void>(pid_t)> on_code_mapped);

    /// Returns once the child is at its entry point and let go (nullopt), or has ended (its wait
    /// status). After an error the child is still held.
    Result<std::optional<int>> run_to_entry();

    /// Whether the child has executed anything.
    [[nodiscard]] bool executed() const { return breakpoint_.has_value(); }

 private:
    HeldCommand() = default;

    enum class Hold { keep, let_go };
    Result<Hold> handle_stop(int status);
    Result<Hold> handle_exec();
    Result<Hold> handle_fork();
    Result<Hold> handle_group_stop(int signal);
    Result<Hold> handle_syscall();
    Result<Hold> leave_at_entry();
    Result<Hold> resume(int signal);

    pid_t pid_ = 0;
    std::function<Result<void>(pid_t)> on_code_mapped_;
    std::optional<Breakpoint> breakpoint_;  ///< At the entry of what runs now; empty before exec.
    bool maps_code_ = false;                ///< The system call that has been entered does.
};

}  // namespace seep
