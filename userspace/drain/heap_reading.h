// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Reads the heaps that glibc's malloc has in a process that goes on (glibc_heap.h). Stateless,
// thread-safe.

#include <sys/types.h>

#include <optional>

#include "drain/glibc_heap.h"

namespace seep {

/// None if it has no such heaps, or they are not what they seem to be.
std::optional<HeapCensus> read_glibc_heaps(pid_t pid, const OnBlock& on_block = {});

}  // namespace seep
