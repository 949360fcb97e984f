// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What the facts about a system mean for tracing. Pure; thread-safe.

#include <vector>

#include "doctor/check.h"
#include "doctor/system_facts.h"

namespace seep {

/// The kernel and what it lets seep do first, then privileges, settings and surroundings.
std::vector<Check> check_system(const SystemFacts& facts);

/// Its parts, in that order.
std::vector<Check> check_kernel(const SystemFacts& facts);
std::vector<Check> check_privileges(const SystemFacts& facts);
std::vector<Check> check_surroundings(const SystemFacts& facts);

}  // namespace seep
