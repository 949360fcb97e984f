// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Numbers of the kernel's interface (include/uapi/linux/bpf.h) that libbpf 1.4 has no name for, and
// the raw call that makes uprobe_multi links, which libbpf refuses to pass on for sessions
// before 1.6.

#include <linux/bpf.h>

#include <cstdint>
#include <span>

#include "base/handles.h"
#include "kernel/attach_mode.h"

namespace seep {

inline constexpr int attach_type_single = 0;
inline constexpr int attach_type_multi = 48;    ///< BPF_TRACE_UPROBE_MULTI
inline constexpr int attach_type_session = 57;  ///< BPF_TRACE_UPROBE_SESSION

/// Makes a uprobe_multi link of a program that was loaded with `attach_type`. `path` names the file
/// (a /proc/self/fd path will do), `pid` 0 means every process. Returns no fd, and errno, on
/// failure.
UniqueFd make_uprobe_link(int program_fd, int attach_type, const char* path,
                          std::span<const std::uint64_t> offsets,
                          std::span<const std::uint64_t> cookies, int pid, bool at_return);

}  // namespace seep
