// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What the kernel lets seep do, found out by doing it: versions and settings only say what ought to
// work. Probes are attached to seep itself only, and what was made is given back. Stateless.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/attach_mode.h"
#include "probes/calibration.h"

namespace seep {

/// What came of the trials; an error says why not, and its hint what to do. Those that need BPF are
/// not made where BPF is refused.
struct Trials {
    std::optional<Error> bpf;               ///< Making a map and loading a program.
    std::optional<Error> sleepable;         ///< Loading a program that may wait for memory.
    std::vector<AttachMode> attach_modes;   ///< That work, best first.
    std::optional<Error> programs;          ///< Loading seep's own programs.
    std::chrono::milliseconds verifying{};  ///< What that took.
    std::optional<ProbeCosts> costs;        ///< If its programs were loaded.
    std::string no_costs;                   ///< Why they could not be measured then.
    std::optional<Error> mappings;          ///< Watching what is mapped, for --source mapping.
    std::optional<Error> faults;            ///< Watching page faults, for --source faults.
    std::optional<Error> events;            ///< Watching processes map code, fork and exec.
};

/// Takes as long as the kernel needs to verify seep's programs, seconds at worst.
Trials make_trials();

}  // namespace seep
