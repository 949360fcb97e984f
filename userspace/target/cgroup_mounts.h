// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The mounted cgroup hierarchies, version 2 and version 1, as seep sees them.
// Pure functions of the text of mountinfo; thread-safe.

#include <string>
#include <string_view>
#include <vector>

namespace seep {

struct CgroupMount {
    std::string directory;    ///< Mount point.
    std::string root;         ///< The cgroup that is mounted there; "/" unless in a container.
    bool unified = false;     ///< Version 2.
    std::string controllers;  ///< Version 1: mount options, "rw,memory".

    [[nodiscard]] bool has_memory_v1() const;
    /// The directory of a cgroup of this hierarchy, "" if it is not below what is mounted.
    [[nodiscard]] std::string directory_of(std::string_view cgroup) const;
};

/// From the text of /proc/PID/mountinfo; version 2 first, then version 1 with the memory
/// controller, then the others.
std::vector<CgroupMount> parse_cgroup_mounts(std::string_view mountinfo);

/// Those of seep's own mount namespace.
std::vector<CgroupMount> cgroup_mounts();

}  // namespace seep
