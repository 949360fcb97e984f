// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What the threads of a process have in their registers (bpf/seep_registers.bpf.c), where a pointer
// may be that is nowhere else. Nobody is stopped: of a thread that runs, it is what it had when it
// was last in the kernel. Not thread-safe.

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"

namespace seep {

class ThreadRegisters {
 public:
    /// An error, with the reason, if the kernel does not allow it.
    static Result<ThreadRegisters> load();
    ThreadRegisters(ThreadRegisters&&) noexcept;
    ThreadRegisters& operator=(ThreadRegisters&&) noexcept;
    ~ThreadRegisters();

    /// The general registers of all of its threads. Of a process that is gone there are none.
    [[nodiscard]] Result<std::vector<std::uint64_t>> read(pid_t pid) const;

 private:
    struct State;
    explicit ThreadRegisters(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace seep
