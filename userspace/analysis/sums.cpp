// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/sums.h"

namespace seep {

StackSum sum_stacks(const Report& report, const std::function<bool(const ReportStack&)>& counts) {
    StackSum sum;
    for (const ReportStack& stack : report.stacks) {
        if (!counts(stack)) continue;
        ++sum.stacks;
        sum.live_bytes += stack.totals.live_bytes();
        sum.live_count += stack.totals.live_count();
        sum.lapsed_bytes += stack.totals.lapsed_bytes;
        sum.growth_bytes_per_second += stack.growth.bytes_per_second;
    }
    return sum;
}

ProcessSum sum_processes(const Report& report) {
    ProcessSum sum;
    for (const ReportProcess& process : report.targets) {
        const ProcessSample& sample = process.last;
        sum.alive += sample.alive ? 1 : 0;
        sum.allocated_count += sample.allocated_count;
        sum.allocated_bytes += sample.allocated_bytes;
        sum.freed_count += sample.freed_count;
        sum.failed_count += sample.failed_count;
        sum.cpu_ns += sample.cpu_ns;
        sum.overhead_ns += sample.overhead_ns;
    }
    return sum;
}

}  // namespace seep
