// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What the kernel lets seep do, found out by doing it: versions and settings only say what ought to
// work. Nothing is attached, and what was made is given back at once. Stateless.

#include <chrono>
#include <optional>
#include <vector>

#include "base/result.h"
#include "kernel/attach_mode.h"

namespace seep {

/// What came of the trials; an error says why not, and its hint what to do. Those that need BPF are
/// not made where BPF is refused.
struct Trials {
    std::optional<Error> bpf;               ///< Making a map and loading a program.
    std::optional<Error> sleepable;         ///< Loading a program that may wait for memory.
    std::vector<AttachMode> attach_modes;   ///< That work, best first.
    std::optional<Error> programs;          ///< Loading seep's own programs.
    std::chrono::milliseconds verifying{};  ///< What that took.
    std::optional<Error> events;            ///< Watching processes map code, fork and exec.
};

/// Takes as long as the kernel needs to verify seep's programs, seconds at worst.
Trials make_trials();

}  // namespace seep
