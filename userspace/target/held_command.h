// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// A child that the calling thread holds by ptrace, so that it stops where new code is mapped; the
// inside of command_holder.h.
//
// It stops at each exec, and at each executable mapping that the dynamic linker makes after one.
// Once the program itself runs, which its first system call outside of the dynamic linker shows, it
// stops at nothing but the next exec, and for signals, which it gets at once.
// Nothing is written into the child: when the thread ends, or is killed, the kernel lets the child
// run on from wherever it is.
// Every function must be called on the thread that called seize(). None blocks.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "target/mappings.h"

namespace seep {

class HeldCommand {
 public:
    /// Takes hold of a child that has not called exec yet; it runs on.
    static Result<HeldCommand> seize(pid_t pid);

    enum class Step {
        none,     ///< Nothing has happened.
        went_on,  ///< It had stopped, and was let run.
        stands,   ///< It stands before new code until go_on().
        ended,    ///< See status().
    };
    /// Deals with the next thing that has happened to the child.
    Result<Step> step();
    /// Lets it run from where it stands.
    Result<void> go_on() { return resume(0); }

    /// Whether the child has executed anything.
    [[nodiscard]] bool executed() const { return executed_; }
    /// Whether what it executes is past its dynamic linker, or has none.
    [[nodiscard]] bool begun() const { return executed_ && linker_.empty(); }
    /// Its wait status, once it has ended.
    [[nodiscard]] std::optional<int> status() const { return status_; }

 private:
    explicit HeldCommand(pid_t pid) : pid_(pid) {}
    Result<Step> handle_stop(int status);
    Result<Step> handle_exec();
    Result<Step> handle_group_stop(int signal);
    Result<Step> handle_syscall();
    Result<void> resume(int signal);
    Result<Step> go_on_with(int signal);
    [[nodiscard]] bool in_linker(std::uint64_t address) const;

    pid_t pid_;
    bool executed_ = false;
    std::optional<int> status_;
    std::vector<Mapping> linker_;  ///< Its code, while it is at work.
    int calls_ = 0;                ///< System calls since it last mapped code.
    bool maps_code_ = false;       ///< The system call that has been entered does.
};

}  // namespace seep
