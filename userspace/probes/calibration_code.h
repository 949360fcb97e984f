// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Functions of seep's own that are shaped like an allocator's, one for each kind of instruction and
// each way to see a result, to measure on them what probes cost. The code itself is in
// calibration_x86_64.cpp. Pure; thread-safe.

#include <cstddef>
#include <cstdint>

#include "bpf/wire.h"
#include "probes/sites.h"

namespace seep {

struct CalibrationFunction {
    /// Returns its second argument.
    void* (*call)(std::size_t, void*) = nullptr;
    std::uintptr_t entry = 0;  ///< Address of its first instruction, which is of the wanted kind.
    std::uintptr_t ret = 0;    ///< Address of its only return instruction.
};

/// A function that is used for nothing else, so that probes for each `exit` can be there at once.
CalibrationFunction calibration_function(SiteKind kind, ExitProbe exit);

/// To call such a function from deep down the stack.
struct CalibrationStack {
    /// Calls itself `depth` times, and then the function with its two arguments.
    void* (*descend)(std::size_t depth, void* (*)(std::size_t, void*), std::size_t,
                     void*) = nullptr;
    std::uintptr_t start = 0;  ///< Where its code is: less than 1 KiB.
    std::uintptr_t end = 0;
    seep_rule rule{};  ///< How to unwind it at its calls.
};

CalibrationStack calibration_stack();

}  // namespace seep
