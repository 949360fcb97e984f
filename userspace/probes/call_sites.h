// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The probe on a call that a stack has returned to. A return address says where a call ended, not
// where it began, and a probe in the middle of an instruction would change what the program does:
// so the code is decoded up to it from where a row of the object's call frame information begins,
// which is between two instructions. Pure; thread-safe.

#include <cstdint>
#include <optional>

#include "probes/sites.h"
#include "target/object_file.h"

namespace seep {

/// A probe that counts the calls which return to `return_address`, in the object's address space.
/// Empty if that is no direct call, which the kernel emulates (an indirect one is single-stepped:
/// sites.h), or the code before it cannot be followed.
std::optional<ProbePlan> plan_call_count(const ObjectFile& object, std::uint64_t return_address);

}  // namespace seep
