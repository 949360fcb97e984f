// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// A breakpoint in a process that the calling thread traces with ptrace and that is stopped. What
// depends on the processor is in breakpoint_PROCESSOR.cpp. Not thread-safe.

#include <sys/types.h>

#include <cstdint>

#include "base/result.h"

namespace seep {

class Breakpoint {
 public:
    static Result<Breakpoint> insert(pid_t pid, std::uint64_t address);

    /// Whether the process, stopped by SIGTRAP, stands at it.
    [[nodiscard]] bool is_hit(pid_t pid) const;
    /// Puts the instruction back: in the process, or in a copy of it that fork made.
    Result<void> remove(pid_t pid) const;
    /// Lets a process that has hit it go on with the instruction that was there.
    Result<void> step_back(pid_t pid) const;

 private:
    Breakpoint() = default;
    std::uint64_t address_ = 0;
    unsigned char original_ = 0;  ///< The byte in its place.
};

}  // namespace seep
