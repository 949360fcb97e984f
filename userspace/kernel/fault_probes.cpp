// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/fault_probes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/core.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <map>
#include <optional>

#include "base/handles.h"
#include "seep_faults.skel.h"

namespace seep {

namespace {

using EventsByThread = std::map<pid_t, UniqueFd>;

Error load_error(const char* operation, int error) {
    return errno_error(std::string("cannot ") + operation + " the program that watches page faults",
                       error, ErrorKind::untraceable,
                       "record without --source faults; `seep doctor` shows what is missing");
}

Error event_error(int error) {
    if (error == EMFILE)
        return errno_error("cannot watch the page faults of every thread", error,
                           ErrorKind::untraceable,
                           "each takes a descriptor: raise the limit (ulimit -n)");
    return errno_error("cannot watch the process's page faults", error, ErrorKind::untraceable,
                       "that needs CAP_PERFMON, or root; or record without --source faults");
}

/// On one thread, and on those that it makes from then on.
UniqueFd open_event(pid_t thread) {
    perf_event_attr attributes{};
    attributes.size = sizeof attributes;
    attributes.type = PERF_TYPE_SOFTWARE;
    attributes.config = PERF_COUNT_SW_PAGE_FAULTS;
    attributes.sample_period = 1;
    attributes.disabled = 1;
    attributes.inherit = 1;
    attributes.inherit_thread = 1;  // but not a forked process
    return UniqueFd(static_cast<int>(
        syscall(SYS_perf_event_open, &attributes, thread, -1, -1, PERF_FLAG_FD_CLOEXEC)));
}

/// 0 or an errno; a thread that is gone is none.
int watch_thread(pid_t thread, int program, EventsByThread& events) {
    UniqueFd event = open_event(thread);
    if (!event) return errno == ESRCH ? 0 : errno;
    if (ioctl(event.get(), PERF_EVENT_IOC_SET_BPF, program) != 0) return errno;
    if (ioctl(event.get(), PERF_EVENT_IOC_ENABLE, 0) != 0) return errno;
    events.emplace(thread, std::move(event));
    return 0;
}

/// A thread made by one that was not watched yet is met in the next round; the others' inherit
/// that. A thread that has both an event of its own and an inherited one tells a fault twice, which
/// the ledger takes for one.
int watch_all_threads(pid_t pid, int program, EventsByThread& events) {
    constexpr int most_rounds = 20;
    for (int round = 0; round < most_rounds; ++round) {
        const std::size_t before = events.size();
        std::error_code error;
        for (std::filesystem::directory_iterator task(fmt::format("/proc/{}/task", pid), error),
             end;
             !error && task != end; task.increment(error)) {
            const std::string name = task->path().filename();
            pid_t thread = 0;
            std::from_chars(name.data(), name.data() + name.size(), thread);
            if (events.contains(thread)) continue;
            if (const int number = watch_thread(thread, program, events)) return number;
        }
        if (events.size() == before) break;
    }
    return 0;
}

}  // namespace

struct FaultProbes::State {
    CHandle<seep_faults_bpf, seep_faults_bpf__destroy> skeleton;
    std::optional<EventRing> ring;
    std::map<std::uint32_t, EventsByThread> events;  ///< By slot.
};

FaultProbes::FaultProbes(std::unique_ptr<State> state) : state_(std::move(state)) {}
FaultProbes::FaultProbes(FaultProbes&&) noexcept = default;
FaultProbes& FaultProbes::operator=(FaultProbes&&) noexcept = default;
FaultProbes::~FaultProbes() = default;

Result<FaultProbes> FaultProbes::load(const KernelObject& kernel) {
    auto state = std::make_unique<State>();
    state->skeleton.reset(seep_faults_bpf__open());
    if (!state->skeleton) return load_error("open", errno);
    seep_faults_bpf& object = *state->skeleton;
    if (const int error = share_maps(*object.obj, kernel)) return load_error("set up", -error);
    if (const int error = seep_faults_bpf__load(&object)) return load_error("load", -error);
    state->ring.emplace(bpf_map__fd(object.maps.faults));
    if (!*state->ring) return load_error("read from", errno);
    return FaultProbes(std::move(state));
}

Result<void> FaultProbes::follow(pid_t pid, int pidfd, std::uint32_t process_slot) {
    const int targets = bpf_map__fd(state_->skeleton->maps.fault_targets);
    if (bpf_map_update_elem(targets, &pidfd, &process_slot, BPF_ANY) != 0)
        return event_error(errno);
    const int program = bpf_program__fd(state_->skeleton->progs.seep_page_fault);
    EventsByThread& events = state_->events[process_slot];
    const int number = watch_all_threads(pid, program, events);
    if (number == 0) return {};
    let_go(pidfd, process_slot);
    return event_error(number);
}

void FaultProbes::let_go(int pidfd, std::uint32_t process_slot) {
    state_->events.erase(process_slot);
    bpf_map_delete_elem(bpf_map__fd(state_->skeleton->maps.fault_targets), &pidfd);
}

void FaultProbes::detach() {
    state_->events.clear();
}

EventRing& FaultProbes::ring() {
    return *state_->ring;
}
const EventRing& FaultProbes::ring() const {
    return *state_->ring;
}

}  // namespace seep
