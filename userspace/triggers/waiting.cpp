// SPDX-License-Identifier: GPL-2.0-only
#include "triggers/waiting.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/text.h"
#include "base/wakeups.h"
#include "target/cgroup.h"
#include "target/process.h"
#include "target/process_counters.h"

namespace seep {
namespace {

using std::chrono::steady_clock;

/// The processes are held by pidfds: a number that is used again is not taken for one of them.
class Watched {
 public:
    static Result<Watched> open(const WaitingTarget& target) {
        Watched watched;
        watched.cgroup_ = target.cgroup;
        for (const pid_t pid : target.pids) {
            auto process = Process::open(pid);
            if (!process) return process.error();
            watched.processes_.push_back(std::move(*process));
        }
        const auto directory = target.cgroup.empty() ? memory_cgroup_of(target.pids.front())
                                                     : memory_cgroup_at(target.cgroup);
        watched.memory_cgroup_ = directory.value_or("");
        if (const auto alive = watched.pids(); !alive) return alive.error();
        return watched;
    }

    /// Empty: all have ended.
    [[nodiscard]] Result<std::vector<pid_t>> pids() const {
        if (!cgroup_.empty()) return cgroup_processes(cgroup_);
        std::vector<pid_t> alive;
        for (const Process& process : processes_)
            if (process.alive()) alive.push_back(process.pid());
        return alive;
    }

    [[nodiscard]] MemoryReading read(const std::vector<pid_t>& alive) const {
        MemoryReading reading;
        reading.seconds =
            std::chrono::duration<double>(steady_clock::now().time_since_epoch()).count();
        for (const pid_t pid : alive)
            if (const auto counters = read_process_counters(pid))
                reading.rss_bytes += counters->rss_bytes;
        if (memory_cgroup_.empty()) return reading;
        const CgroupMemory memory = read_cgroup_memory(memory_cgroup_);
        if (memory.current)
            reading.cgroup_bytes =
                *memory.current - std::min(*memory.current, memory.inactive_file.value_or(0));
        reading.cgroup_limit = memory.limit;
        return reading;
    }

 private:
    std::vector<Process> processes_;
    std::string cgroup_;
    std::string memory_cgroup_;
};

Error ended(const std::vector<StartCondition>& conditions) {
    return {ErrorKind::untraceable,
            fmt::format("the target ended before {} held: nothing was recorded",
                        conditions.size() == 1 ? conditions.front().text() : "any condition"),
            ""};
}

}  // namespace

Result<std::string> wait_until(const WaitingTarget& target, std::vector<StartCondition> conditions,
                               const UniqueFd& signals, const UniqueFd& start_signal) {
    const auto watched = Watched::open(target);
    if (!watched) return watched.error();
    const auto on_signal =
        std::ranges::find(conditions, StartCondition::Kind::signal, &StartCondition::kind);
    std::chrono::duration<double> period(1);
    for (const StartCondition& condition : conditions)
        period = std::min(period, std::chrono::duration<double>(condition.step_seconds()));
    const UniqueFd clock = make_timer(std::chrono::milliseconds(1),
                                      std::chrono::duration_cast<std::chrono::nanoseconds>(period));
    for (bool first = true;; first = false) {
        const Result<void> waited = wait_for_any(
            std::array{signals.get(), start_signal.get(), clock.get()}, "the condition");
        if (!waited) return waited.error();
        if (caught(signals)) return std::string();
        if (caught(start_signal) && on_signal != conditions.end()) return on_signal->text();
        if (!expired(clock)) continue;

        const auto alive = watched->pids();
        if (!alive) return alive.error();
        // A control group may be waiting for its first process.
        if (alive->empty() && target.cgroup.empty()) return ended(conditions);
        const MemoryReading reading = watched->read(*alive);
        for (StartCondition& condition : conditions) {
            const std::string hopeless = first ? condition.hopeless(reading) : std::string();
            if (!hopeless.empty())
                return Error{ErrorKind::bad_input,
                             fmt::format("{} can never hold: {}", condition.text(), hopeless), ""};
            if (condition.holds(reading) && !alive->empty()) return condition.text();
        }
    }
}

}  // namespace seep
