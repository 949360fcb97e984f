// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Which code belongs to a process's allocators: what it maps, it maps for its blocks, and those are
// in the ledger of blocks already. Pure; thread-safe.

#include <cstdint>
#include <span>

#include "drain/tracer.h"

namespace seep {

/// Whether any of the addresses (of a stack, innermost first) lies in a probed allocator function;
/// or anywhere in a library that is nothing but an allocator (jemalloc's, say, whose functions jump
/// to ones that are not probed).
bool leads_through_allocator(const TracedProcess& process,
                             std::span<const std::uint64_t> addresses);

}  // namespace seep
