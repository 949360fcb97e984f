// SPDX-License-Identifier: GPL-2.0-only
#include "target/events.h"

#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>

#include "target/perf_ring.h"
#include "target/proc_file.h"

namespace seep {
namespace {

// Bodies of the records behind perf_event_header, as in the perf_event_open manual page.
struct Mmap2Body {
    std::uint32_t pid;
    std::uint32_t tid;
    std::uint64_t address;
    std::uint64_t length;
    std::uint64_t file_offset;
    std::uint32_t major_number;
    std::uint32_t minor_number;
    std::uint64_t inode;
    std::uint64_t inode_generation;
    std::uint32_t protection;
    std::uint32_t flags;
};
struct CommBody {
    std::uint32_t pid;
    std::uint32_t tid;
};
struct TaskBody {
    std::uint32_t pid;
    std::uint32_t parent_pid;
    std::uint32_t tid;
    std::uint32_t parent_tid;
    std::uint64_t time_ns;
};

template <typename Body>
std::optional<Body> body_of(std::span<const std::byte> record) {
    if (record.size() < sizeof(perf_event_header) + sizeof(Body)) return std::nullopt;
    Body body;
    std::memcpy(&body, record.data() + sizeof(perf_event_header), sizeof body);
    return body;
}

std::uint64_t time_of(std::span<const std::byte> record) {
    PerfRing::RecordTrailer trailer = {};
    if (record.size() < sizeof(perf_event_header) + sizeof trailer) return 0;
    std::memcpy(&trailer, record.data() + record.size() - sizeof trailer, sizeof trailer);
    return trailer.time_ns;
}

TargetEvent event_of(TargetEvent::Kind kind, std::uint32_t pid, std::uint32_t child = 0) {
    return {kind, static_cast<pid_t>(pid), static_cast<pid_t>(child), {}};
}

TargetEvent code_mapped(const Mmap2Body& body, std::span<const std::byte> record) {
    TargetEvent event = event_of(TargetEvent::Kind::code_mapped, body.pid);
    auto& [mapping, time_ns] = event.mapped.emplace_back();
    time_ns = time_of(record);
    mapping.start = body.address;
    mapping.end = body.address + body.length;
    mapping.file_offset = body.file_offset;
    mapping.file = {makedev(body.major_number, body.minor_number), body.inode};
    mapping.readable = (body.protection & PROT_READ) != 0;
    mapping.writable = (body.protection & PROT_WRITE) != 0;
    mapping.executable = (body.protection & PROT_EXEC) != 0;
    mapping.shared = (body.flags & MAP_SHARED) != 0;
    const auto path = record.subspan(sizeof(perf_event_header) + sizeof body);
    for (const std::byte character : path) {
        if (character == std::byte{0}) break;
        mapping.path += static_cast<char>(character);
    }
    return event;
}

/// What the record says, of whichever process; nullopt for what is of no interest. An `exit` is a
/// thread's at this point.
std::optional<TargetEvent> decode(std::span<const std::byte> record) {
    using Kind = TargetEvent::Kind;
    perf_event_header header = {};
    std::memcpy(&header, record.data(), sizeof header);
    switch (header.type) {
        case PERF_RECORD_MMAP2:
            // Memory without a file (inode 0) is JIT-compiled code: nothing to read again.
            if (const auto body = body_of<Mmap2Body>(record); body && body->inode != 0) {
                return code_mapped(*body, record);
            }
            return std::nullopt;
        case PERF_RECORD_COMM:
            if ((header.misc & PERF_RECORD_MISC_COMM_EXEC) == 0) return std::nullopt;
            if (const auto body = body_of<CommBody>(record)) return event_of(Kind::exec, body->pid);
            return std::nullopt;
        case PERF_RECORD_FORK:
            if (const auto body = body_of<TaskBody>(record);
                body && body->pid != body->parent_pid) {
                return event_of(Kind::fork, body->parent_pid, body->pid);
            }
            return std::nullopt;
        case PERF_RECORD_EXIT:
            if (const auto body = body_of<TaskBody>(record)) return event_of(Kind::exit, body->pid);
            return std::nullopt;
        case PERF_RECORD_LOST:
            return event_of(Kind::lost, 0);
        default:
            return std::nullopt;
    }
}

/// Adds it to the process's last event, if that is one of mapped code, too.
bool joins_last(const TargetEvent& event, std::vector<TargetEvent>& events) {
    if (event.kind != TargetEvent::Kind::code_mapped) return false;
    const auto last = std::find_if(events.rbegin(), events.rend(), [&](const TargetEvent& other) {
        return other.pid == event.pid;
    });
    if (last == events.rend() || last->kind != event.kind) return false;
    last->mapped.insert(last->mapped.end(), event.mapped.begin(), event.mapped.end());
    return true;
}

/// Whether a thread of the process runs on. The kernel marks a thread as exiting before it writes
/// the thread's EXIT record, so when the last record is read none is left.
bool has_live_thread(pid_t pid) {
    std::error_code error;
    for (std::filesystem::directory_iterator task(proc_path(pid, "task"), error), end;
         !error && task != end; task.increment(error)) {
        const auto text = read_text_file(task->path().string() + "/stat");
        const auto stat = text ? parse_proc_stat(*text) : std::nullopt;
        if (stat && !stat->exiting() && !stat->dead()) return true;
    }
    return false;
}

/// "0-3,8" -> 0 1 2 3 8.
std::vector<int> parse_cpu_list(std::string_view text) {
    std::vector<int> cpus;
    while (!text.empty()) {
        std::string_view range = take_until(text, ',');
        const auto first = take_number<int>(range);
        if (!first) break;
        int last = *first;
        if (range.starts_with('-')) {
            range.remove_prefix(1);
            last = take_number<int>(range).value_or(last);
        }
        for (int cpu = *first; cpu <= last; ++cpu) cpus.push_back(cpu);
    }
    return cpus;
}

}  // namespace

struct TargetEvents::State {
    UniqueFd epoll;
    std::string online;  ///< The CPUs that `rings` was made for, as the kernel lists them.
    std::map<int, PerfRing> rings;
    std::chrono::steady_clock::time_point look_next;

    struct TimedEvent {
        std::uint64_t time_ns;
        TargetEvent event;
    };

    /// Brings `rings` in step with the CPUs that are online; true if they were not. Looks once a
    /// second at most: a machine that starts programs all the time wakes the reader hundreds of
    /// times in one.
    Result<bool> follow_cpus();
    Result<void> add_ring(int cpu);
    void drain(const std::vector<pid_t>& watched, std::vector<TimedEvent>& events);
};

Result<bool> TargetEvents::State::follow_cpus() {
    const auto now = std::chrono::steady_clock::now();
    if (now < look_next) return false;
    look_next = now + std::chrono::seconds(1);
    const auto list = read_text_file("/sys/devices/system/cpu/online");
    if (!list) return list.error();
    if (*list == online) return false;
    const std::vector<int> cpus = parse_cpu_list(*list);
    // An event does not come back with its CPU: that of a CPU which went away is given up.
    std::erase_if(
        rings, [&](const auto& ring) { return std::ranges::find(cpus, ring.first) == cpus.end(); });
    for (const int cpu : cpus) {
        if (rings.contains(cpu)) continue;
        if (auto added = add_ring(cpu); !added) return added.error();
    }
    online = *list;
    return true;
}

Result<void> TargetEvents::State::add_ring(int cpu) {
    auto ring = PerfRing::open(cpu);
    if (!ring) return ring.error();
    if (!*ring) return {};
    epoll_event interest = {};
    interest.events = EPOLLIN;
    interest.data.fd = (*ring)->fd();
    if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, (*ring)->fd(), &interest) != 0) {
        return errno_error("epoll_ctl");
    }
    rings.emplace(cpu, std::move(**ring));
    return {};
}

void TargetEvents::State::drain(const std::vector<pid_t>& watched,
                                std::vector<TimedEvent>& events) {
    const auto is_watched = [&](pid_t pid) {
        return std::ranges::find(watched, pid) != watched.end();
    };
    for (auto& [cpu, ring] : rings) {
        ring.drain([&](std::span<const std::byte> record) {
            const auto event = decode(record);
            if (!event) return;
            if (event->kind != TargetEvent::Kind::lost && !is_watched(event->pid)) return;
            events.push_back({time_of(record), *event});
        });
    }
}

TargetEvents::TargetEvents(std::unique_ptr<State> state) : state_(std::move(state)) {}
TargetEvents::TargetEvents(TargetEvents&&) noexcept = default;
TargetEvents& TargetEvents::operator=(TargetEvents&&) noexcept = default;
TargetEvents::~TargetEvents() = default;

Result<TargetEvents> TargetEvents::open() {
    auto state = std::make_unique<State>();
    state->epoll = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
    if (!state->epoll) return errno_error("epoll_create1");
    if (auto rings = state->follow_cpus(); !rings) return rings.error();
    return TargetEvents(std::move(state));
}

int TargetEvents::poll_fd() const {
    return state_->epoll.get();
}

std::vector<TargetEvent> TargetEvents::read(const std::vector<pid_t>& watched) {
    std::vector<State::TimedEvent> found;
    state_->drain(watched, found);
    std::ranges::stable_sort(found, {}, &State::TimedEvent::time_ns);

    std::vector<TargetEvent> events;
    // A CPU that came or went had a time without a reader.
    const auto changed = state_->follow_cpus();
    if (!changed || *changed) events.push_back({});
    for (const State::TimedEvent& timed : found) {
        const TargetEvent& event = timed.event;
        if (joins_last(event, events)) continue;
        // One program start maps code several times, and each thread of a process has its exit.
        const bool repeated = std::ranges::find(events, event) != events.end();
        const bool is_state = event.kind != TargetEvent::Kind::fork;
        if (is_state && repeated) continue;
        if (event.kind == TargetEvent::Kind::exit && has_live_thread(event.pid)) continue;
        events.push_back(event);
    }
    return events;
}

}  // namespace seep
