// SPDX-License-Identifier: GPL-2.0-only
#include "drain/tracer.h"

#include <fmt/core.h>
#include <poll.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/text.h"
#include "drain/allocator_code.h"
#include "drain/tracer_state.h"
#include "target/cgroup.h"
#include "target/process_counters.h"

namespace seep {
namespace {

/// Stacks whose calls are to be counted, too.
constexpr std::size_t chosen_a_pause = 6;
constexpr std::size_t chosen_a_snapshot = 12;

}  // namespace

Tracer::Tracer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tracer::Tracer(Tracer&&) noexcept = default;
Tracer& Tracer::operator=(Tracer&&) noexcept = default;
Tracer::~Tracer() = default;

Result<Tracer> Tracer::create(const TracerOptions& options) {
    auto kernel = KernelObject::load(options.kernel);
    if (!kernel) return kernel.error();
    auto tables = TableStore::create(kernel->unwind_tables_map());
    if (!tables) return tables.error();
    auto events = TargetEvents::open();
    if (!events) return events.error();
    auto strays = StrayCalls::open(kernel->strays_map());
    if (!strays) return strays.error();
    auto deferred = DeferredWalks::open(kernel->deferred_walks_map());
    if (!deferred) return deferred.error();
    auto state = std::make_unique<State>(std::move(*kernel), std::move(*tables), std::move(*events),
                                         std::move(*strays), std::move(*deferred), options);
    if (options.sources.mappings) {
        auto mappings = MappingReader::attach(
            state->kernel, options.kernel.max_stacks,
            [&by_slot = state->by_slot](std::uint32_t slot,
                                        std::span<const std::uint64_t> addresses) {
                const auto owner = by_slot.find(slot);
                return owner != by_slot.end() && leads_through_allocator(*owner->second, addresses);
            });
        if (!mappings) return mappings.error();
        state->mappings.emplace(std::move(*mappings));
    }
    if (options.sources.faults) {
        auto faults = FaultReader::load(state->kernel, options.kernel.max_stacks);
        if (!faults) return faults.error();
        state->faults.emplace(std::move(*faults));
    }
    return Tracer(std::move(state));
}

Result<void> Tracer::add_process(pid_t pid, bool allocator_may_come) {
    // What happened to it before (the exec of a command just launched) is no news of this image.
    state_->catch_up();
    return state_->add(pid, allocator_may_come, "target");
}

Result<void> Tracer::add_cgroup(const std::string& path) {
    const auto pids = cgroup_processes(path);
    if (!pids) return pids.error();
    state_->cgroups.push_back(path);
    std::optional<Error> why;
    for (const pid_t pid : *pids) {
        const Result<void> added = state_->add(pid, /*allocator_may_come=*/false, "target");
        if (added) continue;
        spdlog::warn("process {} is left out: {}", pid, printable(added.error().message));
        why = added.error();
    }
    if (!state_->running.empty()) return {};
    if (why) return *why;
    return Error{ErrorKind::untraceable, fmt::format("no process in cgroup {}", printable(path)),
                 "start it first, or give the cgroup that its processes are in"};
}

Result<void> Tracer::refresh(pid_t pid) {
    state_->catch_up();
    const auto found = state_->running.find(pid);
    if (found == state_->running.end()) return {};
    return state_->attach_new_objects(*found->second);
}

std::vector<int> Tracer::poll_fds() const {
    std::vector<int> fds{state_->events.poll_fd(), state_->strays.poll_fd(),
                         state_->deferred.poll_fd()};
    if (state_->mappings) fds.push_back(state_->mappings->poll_fd());
    if (state_->faults) std::ranges::copy(state_->faults->poll_fds(), std::back_inserter(fds));
    for (const auto& [pid, process] : state_->running) fds.push_back(process->process.pidfd());
    return fds;
}

std::vector<TracerEvent> Tracer::handle_events() {
    state_->catch_up();
    return std::exchange(state_->happened, {});
}

void Tracer::keep_up() {
    std::array<pollfd, 3> waiting{{{state_->events.poll_fd(), POLLIN, 0},
                                   {state_->strays.poll_fd(), POLLIN, 0},
                                   {state_->deferred.poll_fd(), POLLIN, 0}}};
    if (poll(waiting.data(), waiting.size(), 0) > 0) state_->catch_up();
}

bool Tracer::counts_work() const {
    return std::ranges::any_of(state_->running,
                               [](const auto& entry) { return !entry.second->work.empty(); });
}

bool Tracer::any_alive() const {
    return !state_->running.empty();
}

Result<Snapshot> Tracer::snapshot() {
    Snapshot snapshot;
    // A stack with totals has its walk in the buffer, or has been walked.
    if (state_->stopped)
        state_->walk_on(state_->deferred.read());  // no event may attach anything again
    else
        state_->take_in_events_and_walks();
    auto reading = state_->reader.read_stacks();
    if (!reading) return reading.error();
    if (state_->call_counts.phase() == CallCounts::Phase::sampled && state_->pauses == 0)
        state_->call_counts.choose(state_->reader.most_held(chosen_a_snapshot), false);
    state_->read_mapping_calls();
    state_->read_faults();
    snapshot.time_ns = time_ns();
    snapshot.unobserved_ns = state_->unobserved_so_far();
    snapshot.pauses = state_->pauses;
    snapshot.host = read_host_memory();
    for (KernelStack& stack : reading->new_stacks) {
        const auto owner = state_->by_slot.find(stack.process_slot);
        if (owner == state_->by_slot.end()) continue;
        owner->second->stacks.push_back(stack.id);
        snapshot.new_stacks.push_back(
            {stack.id, owner->second->id, stack.end, std::move(stack.addresses)});
    }
    snapshot.changed = std::move(reading->changed);
    std::vector<TracedProcess*> ended;
    for (const auto& [slot, process] : state_->by_slot) {
        snapshot.processes.push_back(state_->sample(*process));
        state_->take_mappings(*process, snapshot);
        state_->take_faults(*process, snapshot);
        if (process->ended_ns != 0) ended.push_back(process);
    }
    // Right away, as of the snapshot's time.
    snapshot.heap =
        state_->stopped ? std::exchange(state_->heap_at_end, {}) : state_->count_heaps(false);
    snapshot.revisits = state_->look_again();
    if (!state_->stopped) state_->search_for_lost_blocks(LostBlocks::Occasion::snapshot);
    state_->search_again_for_lost_blocks();
    snapshot.reachability = state_->take_reachability();
    snapshot.heap_lost = state_->take_lost_of_heaps();
    snapshot.calls = state_->call_counts.take();
    if (state_->work_file || !state_->work_function.empty()) snapshot.work = state_->work_so_far();
    for (TracedProcess* process : ended) state_->drop(*process);
    return snapshot;
}

Result<ProbeCosts> Tracer::calibrate() {
    auto costs = measure_probe_costs(state_->kernel);
    if (costs) state_->costs = *costs;
    return costs;
}

TargetWork Tracer::target_work() {
    for (const auto& [pid, process] : state_->running) (void)state_->meter(*process);
    return state_->spent;
}

void Tracer::count_calls(double allowance) {
    if (allowance <= 0) {
        state_->call_counts.enter(CallCounts::Phase::none);
        return state_->call_counts.detach_all();
    }
    if (!state_->paused) state_->call_counts.enter(CallCounts::Phase::sampled);
    const ProbeCosts& costs = state_->costs;
    state_->call_counts.tend(
        [&](std::uint32_t slot) -> const TracedProcess* {
            const auto process = state_->by_slot.find(slot);
            const bool runs = process != state_->by_slot.end() && process->second->ended_ns == 0;
            return runs ? process->second : nullptr;
        },
        costs.of(SiteKind::emulated, ExitProbe::none).hit_ns + costs.cold_ns(), allowance);
}

void Tracer::set_sampling(std::uint64_t bytes) {
    if (bytes != 0) state_->kernel.expect_unfollowed();
    state_->kernel.set_sample_bytes(bytes);
}

Result<void> Tracer::pause() {
    if (state_->paused) return {};
    state_->search_for_lost_blocks(LostBlocks::Occasion::window_end);
    state_->end_window();
    state_->call_counts.enter(CallCounts::Phase::none);
    state_->paused = true;
    ++state_->pauses;
    state_->paused_since_ns = monotonic_ns();
    for (const auto& [pid, process] : state_->running)
        process->paused_at_page_faults = process_page_faults(pid).value_or(0);
    state_->detach_allocators();
    state_->call_counts.detach_dear();
    state_->call_counts.enter(CallCounts::Phase::unobserved);
    Result<void> lapsed = state_->reader.lapse();
    if (!lapsed) return lapsed;
    for (const bool any_freed : {false, true})
        state_->call_counts.choose(state_->reader.most_lapsed(any_freed, chosen_a_pause),
                                   any_freed);
    return lapsed;
}

Result<void> Tracer::resume() {
    if (!state_->paused) return {};
    state_->call_counts.enter(CallCounts::Phase::none);
    state_->call_counts.attach_all();
    std::vector<TracedProcess*> all;
    for (const auto& [pid, process] : state_->running) all.push_back(process);
    for (TracedProcess* process : all) {
        for (TracedAllocator& allocator : process->allocators) {
            const Result<void> attached = allocator.attachment.attach_again();
            // It may be about to end, which handle_events() will find.
            if (!attached && process->process.alive()) return attached.error();
        }
    }
    // Only now, so that all of the window has all of the probes.
    state_->kernel.begin_window();
    state_->kernel.set_recording(true);
    state_->call_counts.enter(CallCounts::Phase::observed);
    for (TracedProcess* process : all)
        if (const auto faults = process_page_faults(process->process.pid()))
            process->unobserved_page_faults = state_->unobserved_faults(*process, *faults);
    state_->unobserved_ns = state_->unobserved_so_far();
    state_->paused = false;
    return {};
}

std::int64_t Tracer::time_ns() const {
    return state_->stopped ? state_->stopped->time_ns : realtime_ns();
}

std::uint64_t Tracer::unobserved_ns() const {
    return state_->unobserved_so_far();
}

void Tracer::note(std::string kind, std::string text) {
    state_->note(nullptr, std::move(kind), std::move(text));
}

void Tracer::detach() {
    if (!state_->stopped) {
        state_->search_for_lost_blocks(LostBlocks::Occasion::end);
        state_->heap_at_end = state_->count_heaps(true);
    }
    state_->stop();
    state_->detach_allocators();
    state_->call_counts.detach_all();
    if (state_->mappings) state_->mappings->detach();
    if (state_->faults) state_->faults->detach();
    for (const auto& [pid, process] : state_->running) state_->detach(*process);
}

const std::map<ProcessId, std::unique_ptr<TracedProcess>>& Tracer::processes() const {
    return state_->processes;
}
const KernelObject& Tracer::kernel() const {
    return state_->kernel;
}
Result<std::uint64_t> Tracer::hits(const AttachedProbe& probe) const {
    return probe_hits(state_->kernel, probe.slot);
}

}  // namespace seep
