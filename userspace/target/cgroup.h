// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Control groups, v2 and v1: which processes are in one, and its memory counters.
// Stateless, thread-safe.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace seep {

struct CgroupMemory {
    std::optional<std::uint64_t> current;        ///< memory.current (v1: usage_in_bytes).
    std::optional<std::uint64_t> limit;          ///< memory.max; nullopt where there is none.
    std::optional<std::uint64_t> inactive_file;  ///< memory.stat: page cache that is free to go.
};

/// Processes (thread group ids) of the cgroup directory and every one below it, ascending.
/// `path`: a directory of a mounted cgroup file system, or a path relative to its mount point
/// ("/system.slice/nginx.service"). bad_input if it is neither.
Result<std::vector<pid_t>> cgroup_processes(const std::string& path);

/// The directory of the process's memory cgroup in the mounted hierarchy; nullopt if not visible.
std::optional<std::string> memory_cgroup_of(pid_t pid);

/// The directory with the memory counters of the cgroup `path` (as above); nullopt if there is
/// none.
std::optional<std::string> memory_cgroup_at(const std::string& path);

/// Counters of that directory; each missing where the file is (the root group has no limit).
CgroupMemory read_cgroup_memory(const std::string& directory);

}  // namespace seep
