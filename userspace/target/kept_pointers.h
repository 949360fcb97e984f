// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Pointers that the kernel keeps for a process, where its own memory may not have them. Stateless,
// thread-safe.

#include <sys/types.h>

#include <cstdint>
#include <string_view>
#include <vector>

namespace seep {

/// What the process gave to epoll_ctl(2) as epoll_event.data, which often is a pointer to a
/// connection. Empty if it cannot be read.
std::vector<std::uint64_t> pointers_in_epoll(pid_t pid);

/// The data of each line of /proc/PID/fdinfo/FD of an epoll instance (proc_pid_fdinfo(5)).
std::vector<std::uint64_t> parse_epoll_data(std::string_view text);

}  // namespace seep
