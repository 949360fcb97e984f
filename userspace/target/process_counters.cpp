// SPDX-License-Identifier: GPL-2.0-only
#include "target/process_counters.h"

#include <time.h>

#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>

#include "target/proc_file.h"

namespace seep {

/// By the process's CPU clock: /proc/PID/stat counts in ticks of 10 ms.
Result<std::uint64_t> process_cpu_ns(pid_t pid) {
    clockid_t clock = 0;
    if (const int number = clock_getcpuclockid(pid, &clock)) return proc_error(pid, "stat", number);
    timespec time = {};
    if (clock_gettime(clock, &time) != 0) return proc_error(pid, "stat", ESRCH);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(time.tv_nsec);
}

Result<std::uint64_t> process_page_faults(pid_t pid) {
    const auto text = read_proc_file(pid, "stat");
    if (!text) return text.error();
    const auto stat = parse_proc_stat(*text);
    if (!stat) return proc_error(pid, "stat", ESRCH);
    return stat->page_faults;
}

/// The second number of a thread's schedstat (the kernel's
/// Documentation/scheduler/sched-stats.rst).
std::uint64_t process_waited_ns(pid_t pid) {
    std::uint64_t sum = 0;
    int left = 256;
    std::error_code error;
    for (std::filesystem::directory_iterator task(proc_path(pid, "task"), error), end;
         !error && task != end && left > 0; task.increment(error), --left) {
        const auto text = read_text_file(task->path().string() + "/schedstat");
        if (!text) continue;
        std::string_view rest = *text;
        take_until(rest, ' ');
        sum += take_number<std::uint64_t>(rest).value_or(0);
    }
    return sum;
}

Result<ProcessCounters> read_process_counters(pid_t pid) {
    const auto status = read_proc_file(pid, "status");
    if (!status) return status.error();
    const auto rss = status_bytes(*status, "VmRSS");
    const auto anonymous = status_bytes(*status, "RssAnon");
    const auto swap = status_bytes(*status, "VmSwap");
    const auto size = status_bytes(*status, "VmSize");
    if (!rss || !size) return proc_error(pid, "status", ESRCH);
    const auto cpu_ns = process_cpu_ns(pid);
    if (!cpu_ns) return cpu_ns.error();
    const auto page_faults = process_page_faults(pid);
    if (!page_faults) return page_faults.error();
    // A kernel without swap has no VmSwap line.
    return ProcessCounters{*rss,    anonymous.value_or(0), swap.value_or(0), *size,
                           *cpu_ns, *page_faults};
}

}  // namespace seep
