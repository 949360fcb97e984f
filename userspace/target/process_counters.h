// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What the kernel counts of a process: memory in bytes, CPU time in nanoseconds. Cheap enough for
// every snapshot (no walk over its pages). Stateless, thread-safe.

#include <sys/types.h>

#include <cstdint>

#include "base/result.h"

namespace seep {

struct ProcessCounters {
    std::uint64_t rss_bytes = 0;        ///< VmRSS.
    std::uint64_t anonymous_bytes = 0;  ///< RssAnon: of it, not backed by a file.
    std::uint64_t swap_bytes = 0;       ///< VmSwap.
    std::uint64_t virtual_bytes = 0;    ///< VmSize.
    std::uint64_t cpu_ns = 0;       ///< User and system time of all its threads, past ones, too.
    std::uint64_t page_faults = 0;  ///< Without reading a disk, of all its threads, past ones, too.
};

/// One of them alone.
Result<std::uint64_t> process_cpu_ns(pid_t pid);
Result<std::uint64_t> process_page_faults(pid_t pid);

/// For how long the threads that it has, the first 256 of them, were ready to run and had no
/// processor; 0 if the kernel does not tell. A file is read for each.
std::uint64_t process_waited_ns(pid_t pid);

/// Fails for a process that has ended or has given up its memory on the way to its end.
Result<ProcessCounters> read_process_counters(pid_t pid);

}  // namespace seep
