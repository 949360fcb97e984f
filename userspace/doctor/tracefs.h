// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The tracing file system. seep itself does without it; tools that the ad-hoc scripts call need it.
// Stateless.

#include <string>

#include "base/result.h"

namespace seep {

/// Where it is mounted of the places that tools look at; empty if nowhere.
std::string tracefs_directory();

/// Mounts it at /sys/kernel/tracing, unless it is mounted. Stays until it is unmounted or the
/// machine is restarted.
Result<void> mount_tracefs();

}  // namespace seep
