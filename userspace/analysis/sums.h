// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Sums over a part of a report: of its stacks, of its processes. Pure functions.

#include <cstdint>
#include <functional>

#include "analysis/report.h"

namespace seep {

struct StackSum {
    std::uint64_t stacks = 0;
    std::uint64_t live_bytes = 0;
    std::uint64_t live_count = 0;
    std::uint64_t lapsed_bytes = 0;
    double growth_bytes_per_second = 0;
};

/// Of the stacks that `counts` is true for.
StackSum sum_stacks(const Report& report, const std::function<bool(const ReportStack&)>& counts);

/// What the processes have done since attach, ended ones included.
struct ProcessSum {
    std::uint64_t alive = 0;            ///< How many still ran at the window's end.
    std::uint64_t allocated_count = 0;  ///< These are exact, sampled or not.
    std::uint64_t allocated_bytes = 0;
    std::uint64_t freed_count = 0;
    std::uint64_t failed_count = 0;
    std::uint64_t cpu_ns = 0;
    std::uint64_t overhead_ns = 0;
};

ProcessSum sum_processes(const Report& report);

}  // namespace seep
