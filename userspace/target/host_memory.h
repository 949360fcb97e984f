// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The memory of the whole machine, as /proc/meminfo has it (proc_meminfo(5)), in bytes. In a
// container that is the host's. Stateless, thread-safe.

#include <cstdint>
#include <optional>
#include <string_view>

namespace seep {

struct HostMemory {
    std::uint64_t memory = 0;     ///< MemTotal.
    std::uint64_t available = 0;  ///< MemAvailable: to be had without swapping; at most all.
    std::uint64_t swap = 0;       ///< SwapTotal.
    std::uint64_t free_swap = 0;  ///< SwapFree.
    bool operator==(const HostMemory&) const = default;
};

/// nullopt if a line of it is missing.
std::optional<HostMemory> parse_meminfo(std::string_view text);
/// nullopt if it cannot be read.
std::optional<HostMemory> read_host_memory();

}  // namespace seep
