// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// One process to trace: who it is, whether it can be traced, and whether it is still there.
// A Process holds a pidfd, so it never means another process that was given the same number later.
// Not thread-safe; different objects are independent.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/handles.h"
#include "base/result.h"

namespace seep {

enum class Architecture { x86_64, aarch64, x86_32, other };

struct ProcessInfo {
    pid_t pid = 0;                 ///< As seen by seep.
    pid_t namespace_pid = 0;       ///< As the process sees itself (its innermost pid namespace).
    uid_t user = 0;                ///< Effective user id.
    std::string comm;              ///< /proc/PID/comm.
    std::string command_line;      ///< argv joined by spaces, not escaped.
    std::string executable;        ///< Target of /proc/PID/exe as shown, without " (deleted)".
    std::uint64_t start_time = 0;  ///< Clock ticks after boot (/proc/PID/stat, field 22).
    Architecture architecture = Architecture::other;
};

class Process {
 public:
    /// Fails with ErrorKind::untraceable and a hint for: no such process, a kernel thread, a
    /// zombie, a thread id that is not a process id, another user's process without privilege, a
    /// 32-bit or foreign-architecture executable.
    static Result<Process> open(pid_t pid);

    [[nodiscard]] const ProcessInfo& info() const { return info_; }
    [[nodiscard]] pid_t pid() const { return info_.pid; }
    /// Polls readable (POLLIN) when the process has ended.
    [[nodiscard]] int pidfd() const { return pidfd_.get(); }
    [[nodiscard]] bool alive() const;
    /// Reads the details again, after an exec.
    Result<void> refresh();

 private:
    Process() = default;
    UniqueFd pidfd_;
    ProcessInfo info_;
};

/// Whether its calls are checked against a second stack, which the kernel leaves out when it
/// emulates one for a probe on it (arch/x86/kernel/uprobes.c): the return would then be a fault.
/// True if that cannot be told. `status`: /proc/PID/status.
bool has_shadow_stack(std::string_view status);
bool has_shadow_stack(pid_t pid);

/// The architecture of /proc/PID/exe.
Result<Architecture> executable_architecture(pid_t pid);

}  // namespace seep
