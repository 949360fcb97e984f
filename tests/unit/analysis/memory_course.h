// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// A process's memory beside its heap, by curves over 21 snapshots, ten seconds apart.

#include <cstdint>
#include <functional>
#include <optional>

#include "analysis/report.h"

namespace seep {

inline constexpr std::int64_t second = 1'000'000'000;
inline constexpr double mebibyte = 1 << 20;
inline constexpr std::size_t course_snapshots = 21;

/// Mebibytes at each of 21 snapshots, ten seconds apart.
using Curve = std::function<double(double)>;

double flat(double);

/// From 100 to 200.
double rising(double i);

/// From 0 to 100, and back to `end`.
Curve burst(double end);

std::uint64_t bytes(double mebibytes);

struct Course {
    Curve anonymous = flat;
    Curve heap = flat;
    Curve file = flat;
    double passed = 1000;        ///< Through the allocator in the window, in MiB.
    double unmatched_frees = 0;  ///< In the window.
    double swapped = 0;          ///< The share of anonymous memory that is in swap at the end.
    std::uint64_t blocks = 10;   ///< Live at each snapshot, for each MiB.
    std::uint64_t limit = 0;
    double unseen = 0;                     ///< The share of the time without probes.
    Curve net = [](double) { return 0; };  ///< Blocks by which allocations exceed frees.
    bool jemalloc = false;                 ///< Is what is called, instead of glibc.
    std::optional<HeapInUseGrowth> in_use = {};
    double allocators = -1;  ///< By which their mappings grow in the window; below 0: not traced.
};

/// What is made of it. `mapped`: MiB by which mappings that are not the allocator's grew.
ProcessMemory memory_of(const Course& course, double mapped = 0);

}  // namespace seep
