// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Which pages of a process are in memory and its own: anonymous ones, what RssAnon counts; and
// those that it shares. Walks the page tables once, by PAGEMAP_SCAN where the kernel has it (6.7),
// else by /proc/PID/pagemap, eight bytes a page. Stateless, thread-safe.

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "base/result.h"

namespace seep {

/// Pages in a row: [start, end).
struct PageRun {
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    bool operator==(const PageRun&) const = default;
};

/// Ascending and apart. Pages of files and shared memory, pages in swap, and the page of zeros that
/// untouched memory reads from, are none.
Result<std::vector<PageRun>> read_anonymous_pages(pid_t pid);

/// These, and behind them, ascending and apart, those of shared memory (memfd_create(2), shmget(2),
/// MAP_SHARED without a file): whatever in memory may hold a pointer to a block of the heap.
Result<std::vector<PageRun>> read_data_pages(pid_t pid);

}  // namespace seep
