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
#include "drain/deferred_walks.h"
#include "drain/mapping_reader.h"
#include "drain/stray_calls.h"
#include "probes/finder.h"
#include "target/cgroup.h"
#include "target/process_counters.h"

namespace seep {
namespace {

/// What an object offers to probe; the same for every process that maps it.
struct ObjectPlans {
    std::string allocator;  ///< Empty if it is none.
    ProbePlans probes;
    ProbePlans work;
};

/// `work_function`: may be empty.
Result<ObjectPlans> examine(const ObjectFile& object, const std::string& work_function) {
    ObjectPlans result;
    if (!work_function.empty()) {
        const auto found = find_work_functions(object, work_function);
        if (found && !found->empty()) {
            auto plans = plan_probes(object, *found);
            if (plans) result.work = std::move(*plans);
        }
    }
    auto functions = find_allocator_functions(object);
    if (!functions) return functions.error();
    if (functions->empty()) return result;
    auto plans = plan_probes(object, *functions);
    if (!plans) return plans.error();
    result.allocator = allocator_name(object, *functions);
    result.probes = std::move(*plans);
    return result;
}

/// Indices of the kernel's map of processes.
using ProcessSlots = MapSlots<seep_process, process_slots, &KernelObject::processes_map>;

}  // namespace

// Declared so that destruction runs processes (their probes) first and the kernel object last.
struct Tracer::State {
    State(KernelObject object, TableStore table_store, TargetEvents target_events,
          StrayCalls stray_calls, DeferredWalks deferred_walks, const TracerOptions& options)
        : kernel(std::move(object)),
          tables(std::move(table_store)),
          spaces(kernel.unwind_spaces_map()),
          reader(kernel),
          events(std::move(target_events)),
          strays(std::move(stray_calls)),
          deferred(std::move(deferred_walks)),
          follow_forks(options.follow_forks),
          work_function(options.work_function),
          work_file(options.work_file),
          heap(options.sources.heap) {}

    KernelObject kernel;
    TableStore tables;
    MapOfMaps spaces;
    KernelReader reader;
    std::optional<MappingReader> mappings;
    TargetEvents events;
    StrayCalls strays;
    DeferredWalks deferred;
    bool follow_forks;
    std::string work_function;
    std::optional<WorkFile> work_file;
    bool heap;
    ProbeSlots probe_slots;
    ProcessSlots process_slots;
    std::uint32_t next_id = 1;
    std::map<FileIdentity, ObjectPlans> plans;
    std::map<ProcessId, std::unique_ptr<TracedProcess>> processes;
    std::map<pid_t, TracedProcess*> running;
    std::map<std::uint32_t, TracedProcess*> by_slot;
    std::vector<std::string> cgroups;
    std::vector<TracerEvent> happened;
    ProbeCosts costs;
    TargetWork spent;
    std::map<ProcessId, std::uint64_t> cpu_seen;  ///< Of the processes that run.
    bool paused = false;
    std::int64_t paused_since_ns = 0;  ///< CLOCK_MONOTONIC, as is the next.
    std::uint64_t unobserved_ns = 0;   ///< Up to the last resume().

    void note(const TracedProcess* process, std::string kind, std::string text);
    Result<TracedProcess*> begin_image(Process process);
    Result<void> attach_new_objects(TracedProcess& process);
    void take_in_new_code(TracedProcess& process);
    Result<void> attach_object(TracedProcess& process,
                               const std::shared_ptr<const ObjectFile>& object);
    Result<void> count_work(TracedProcess& process, const std::shared_ptr<const ObjectFile>& object,
                            const ProbePlans& found);
    void detach(TracedProcess& process);
    std::uint64_t hits_of(const Attachment& attachment);
    std::uint64_t work_so_far();
    void end_image(TracedProcess& process, const char* kind, std::string text);
    Result<void> add(pid_t pid, bool allocator_may_come, const char* kind);
    void try_add(pid_t pid, const char* kind);
    void on_event(const TargetEvent& event);
    void read_mapping_calls();
    void walk_on();
    void take_mappings(TracedProcess& process, Snapshot& snapshot);
    void catch_up();
    void check_exits();
    void rescan();
    ProcessSample sample(TracedProcess& process);
    Result<seep_process> meter(TracedProcess& process);
    void meter_cpu(TracedProcess& process);
    [[nodiscard]] std::uint64_t unobserved_so_far() const;
    /// `now`: all its page faults so far.
    [[nodiscard]] std::uint64_t unobserved_faults(const TracedProcess& process,
                                                  std::uint64_t now) const;
    void detach_allocators();
    void drop(TracedProcess& process);
};

void Tracer::State::note(const TracedProcess* process, std::string kind, std::string text) {
    spdlog::debug("{}: {}", kind, printable(text));
    happened.push_back(
        {realtime_ns(), process ? process->id : ProcessId{}, std::move(kind), std::move(text)});
}

Result<TracedProcess*> Tracer::State::begin_image(Process process) {
    const std::uint32_t slot = process_slots.take(kernel);
    if (slot == 0)
        return Error{ErrorKind::failed, "too many processes are traced at once",
                     "trace fewer processes, or several seep side by side"};
    const pid_t pid = process.pid();
    const ProcessId id(next_id++);
    auto unwinding = std::make_unique<SpaceSync>(pid, slot, tables, spaces);
    auto traced = std::make_unique<TracedProcess>(
        TracedProcess{.id = id,
                      .slot = slot,
                      .process = std::move(process),
                      .space = AddressSpace(pid),
                      .unwinding = std::move(unwinding),
                      .started_ns = realtime_ns(),
                      .memory_cgroup = memory_cgroup_of(pid).value_or("")});
    TracedProcess* result = traced.get();
    result->paused_at_page_faults = process_page_faults(pid).value_or(0);
    processes.emplace(id, std::move(traced));
    running[pid] = result;
    by_slot[slot] = result;
    return result;
}

Result<void> Tracer::State::count_work(TracedProcess& process,
                                       const std::shared_ptr<const ObjectFile>& object,
                                       const ProbePlans& found) {
    if (found.plans.empty()) return {};
    auto attachment = Attachment::attach(kernel, process.process.pid(), process.slot, *object,
                                         found.plans, probe_slots);
    if (!attachment) return attachment.error();
    for (const AttachedProbe& probe : attachment->probes())
        note(&process, "attach",
             fmt::format("{} of {}, whose calls are work", probe.plan.function.symbol,
                         object->name()));
    process.work.push_back({object, std::move(*attachment)});
    return {};
}

Result<void> Tracer::State::attach_object(TracedProcess& process,
                                          const std::shared_ptr<const ObjectFile>& object) {
    auto known = plans.find(object->identity());
    if (known == plans.end()) {
        auto examined = examine(*object, work_function);
        if (!examined) return examined.error();
        known = plans.emplace(object->identity(), std::move(*examined)).first;
    }
    const ObjectPlans& found = known->second;
    if (Result<void> counted = count_work(process, object, found.work); !counted) return counted;
    if (!heap || found.probes.plans.empty()) return {};
    auto attachment = Attachment::attach(kernel, process.process.pid(), process.slot, *object,
                                         found.probes.plans, probe_slots);
    if (!attachment) return attachment.error();
    for (const auto* skipped : {&found.probes.skipped, &attachment->skipped()})
        for (const std::string& reason : *skipped)
            note(&process, "refused", fmt::format("{}: {}", object->name(), reason));
    note(&process, "attach",
         fmt::format("{} functions of {} ({})", attachment->probes().size(), object->name(),
                     found.allocator));
    if (paused) attachment->detach();
    process.allocators.push_back({found.allocator, object, std::move(*attachment)});
    return {};
}

Result<void> Tracer::State::attach_new_objects(TracedProcess& process) {
    const auto refreshed = process.space.refresh();
    if (!refreshed) return refreshed.error();
    for (const Error& unreadable : refreshed->unreadable)
        note(&process, "refused", unreadable.message);
    // Before any probe: the first allocation that is seen can be followed to its root.
    const auto without_table = process.unwinding->update(process.space);
    if (!without_table) return without_table.error();
    for (const Error& missing : *without_table) note(&process, "no_unwind_table", missing.message);
    for (const std::shared_ptr<const ObjectFile>& object : refreshed->added) {
        if (!process.examined.insert(object->identity()).second) continue;
        const Result<void> attached = attach_object(process, object);
        if (attached) continue;
        if (attached.error().kind == ErrorKind::untraceable) return attached.error();
        note(&process, "refused", fmt::format("{}: {}", object->name(), attached.error().message));
    }
    return {};
}

void Tracer::State::detach(TracedProcess& process) {
    for (TracedAllocator& allocator : process.allocators) allocator.attachment.detach();
    for (TracedWork& work : process.work) work.attachment.detach();
}

void Tracer::State::end_image(TracedProcess& process, const char* kind, std::string text) {
    detach(process);
    if (mappings) mappings->end(process.process);
    process.ended_ns = realtime_ns();
    running.erase(process.process.pid());
    note(&process, kind, std::move(text));
}

Error no_allocator_error(const TracedProcess& process) {
    return {ErrorKind::untraceable,
            fmt::format("no allocator found in process {} ({}): none of its {} mapped objects "
                        "defines malloc and free under a name seep knows",
                        process.process.pid(), printable(process.process.info().comm),
                        process.examined.size()),
            "a statically linked and stripped program hides them: run one that is not stripped, or "
            "see where it maps its memory with --source mapping; `seep doctor -p PID` lists what "
            "was searched"};
}

Result<void> Tracer::State::add(pid_t pid, bool allocator_may_come, const char* kind) {
    if (running.contains(pid)) return {};
    auto process = Process::open(pid);
    if (!process) return process.error();
    auto begun = begin_image(std::move(*process));
    if (!begun) return begun.error();
    TracedProcess& traced = **begun;
    Result<void> attached = attach_new_objects(traced);
    if (attached && heap && traced.allocators.empty() && !allocator_may_come) {
        const Error error = no_allocator_error(traced);
        if (mappings)
            note(&traced, "refused", error.message + "; only what it maps is traced");
        else
            attached = error;
    }
    // With the unwinder's tables in place: the first call that is told has its whole stack.
    if (attached && mappings) attached = mappings->begin(traced.slot, traced.id, traced.process);
    if (!attached) {
        end_image(traced, "refused", attached.error().message);
        drop(traced);
        processes.erase(traced.id);
        return attached.error();
    }
    note(&traced, kind, traced.process.info().command_line);
    return {};
}

/// For processes that nobody named: one that cannot be traced is noted, and left alone.
void Tracer::State::try_add(pid_t pid, const char* kind) {
    const Result<void> added = add(pid, /*allocator_may_come=*/true, kind);
    if (!added) spdlog::debug("not traced: {}", added.error().message);
}

void Tracer::State::take_in_new_code(TracedProcess& process) {
    const Result<void> attached = attach_new_objects(process);
    if (!attached) note(&process, "refused", attached.error().message);
}

void Tracer::State::on_event(const TargetEvent& event) {
    const auto found = running.find(event.pid);
    if (found == running.end()) return;
    TracedProcess& process = *found->second;
    switch (event.kind) {
        case TargetEvent::Kind::code_mapped:
            take_in_new_code(process);
            break;
        case TargetEvent::Kind::exec:
            end_image(process, "exec", "runs another executable now");
            try_add(event.pid, "exec");
            break;
        case TargetEvent::Kind::fork:
            if (follow_forks || !cgroups.empty()) try_add(event.child, "fork");
            break;
        case TargetEvent::Kind::exit:
        case TargetEvent::Kind::lost:
            break;
    }
}

void Tracer::State::check_exits() {
    std::vector<TracedProcess*> ended;
    for (const auto& [pid, process] : running)
        if (!process->process.alive()) ended.push_back(process);
    for (TracedProcess* process : ended) end_image(*process, "exit", "the process ended");
}

void Tracer::State::read_mapping_calls() {
    if (!mappings) return;
    if (const Result<void> read = mappings->read_calls(); !read)
        note(nullptr, "lost", read.error().message);
}

/// What was mapped since the last snapshot; and where calls were lost, what is mapped now.
void Tracer::State::take_mappings(TracedProcess& process, Snapshot& snapshot) {
    if (!mappings) return;
    const std::uint64_t lost = snapshot.processes.back().losses[SEEP_LOSS_LOST_MAPPING_CALLS];
    if (lost > process.lost_mapping_calls && process.ended_ns == 0) {
        process.lost_mapping_calls = lost;
        const auto known = mappings->synchronize(process.slot, process.process.pid());
        if (!known) note(&process, "lost", known.error().message);
    }
    MappingReading reading = mappings->take(process.slot);
    std::ranges::move(reading.new_stacks, std::back_inserter(snapshot.new_stacks));
    std::ranges::move(reading.changed, std::back_inserter(snapshot.changed));
    ProcessSample& sample = snapshot.processes.back();
    sample.mapped = reading.mapped;
    sample.losses[SEEP_LOSS_LOST_MAPPING_CALLS] += reading.lost_calls;
    sample.losses[SEEP_LOSS_LOST_STACKS] += reading.lost_stacks;
}

/// Goes on with the walks that the kernel broke off. One that comes to unknown code even so is of
/// code that was mapped after the last look at the process.
void Tracer::State::walk_on() {
    std::set<const TracedProcess*> looked_at;
    for (const DeferredWalk& walk : deferred.read()) {
        const StackId id(walk.walk.id);
        const auto owner = by_slot.find(walk.walk.process);
        if (owner == by_slot.end()) {
            reader.forget_deferred(id);
            continue;
        }
        TracedProcess& process = *owner->second;
        WalkedStack walked = process.unwinding->walk_on(walk);
        if (walked.stack.end == SEEP_STACK_NO_MAPPING && process.ended_ns == 0 &&
            looked_at.insert(&process).second) {
            take_in_new_code(process);
            walked = process.unwinding->walk_on(walk);
        }
        if (!reader.fold(id, walked)) {
            ++process.deferred_losses[SEEP_LOSS_LOST_STACKS];
            reader.forget_deferred(id);
        }
        if (walked.stack.end == SEEP_STACK_COMPLETE) continue;
        ++process.deferred_losses[SEEP_LOSS_TRUNCATED_STACKS];
        ++process
              .deferred_losses[SEEP_LOSS_STACKS_TOO_DEEP + walked.stack.end - SEEP_STACK_TOO_DEEP];
    }
}

/// Deals with the events that are waiting.
void Tracer::State::catch_up() {
    // Of an image that an event ends, they are the last.
    read_mapping_calls();
    std::vector<pid_t> watched;
    for (const auto& [pid, process] : running) watched.push_back(pid);
    bool lost = false;
    for (const TargetEvent& event : events.read(watched)) {
        lost = lost || event.kind == TargetEvent::Kind::lost;
        on_event(event);
    }
    // mremap maps code without an event (V8 moves its built-in functions with it).
    for (const std::uint32_t slot : strays.read()) {
        const auto found = by_slot.find(slot);
        if (found != by_slot.end() && found->second->ended_ns == 0)
            take_in_new_code(*found->second);
    }
    walk_on();
    check_exits();
    if (lost) rescan();
}

/// Events were lost: look at everything again.
void Tracer::State::rescan() {
    note(nullptr, "lost", "events of the targets were lost; everything was read again");
    for (const std::string& cgroup : cgroups)
        if (const auto pids = cgroup_processes(cgroup))
            for (const pid_t pid : *pids) try_add(pid, "cgroup");
    std::vector<TracedProcess*> all;
    for (const auto& [pid, process] : running) all.push_back(process);
    for (TracedProcess* process : all) {
        const std::string before = process->process.info().executable;
        const Result<void> refreshed = process->process.refresh();
        if (refreshed && process->process.info().executable != before)
            on_event({TargetEvent::Kind::exec, process->process.pid(), 0});
        else
            on_event({TargetEvent::Kind::code_mapped, process->process.pid(), 0});
    }
}

std::uint64_t Tracer::State::hits_of(const Attachment& attachment) {
    std::uint64_t hits = 0;
    for (const AttachedProbe& probe : attachment.probes())
        hits += probe_hits(kernel, probe.slot).value_or(0);
    return hits;
}

std::uint64_t Tracer::State::work_so_far() {
    if (work_file) return work_file->read();
    std::uint64_t calls = 0;
    for (const auto& [id, process] : processes) calls += process->work_calls;
    return calls;
}

/// Reads what the kernel keeps of a process, and counts in what its probes have done since.
Result<seep_process> Tracer::State::meter(TracedProcess& process) {
    auto kept = reader.read_process(process.slot);
    if (!kept) return kept;
    std::vector<const Attachment*> attachments;
    for (const TracedAllocator& allocator : process.allocators)
        attachments.push_back(&allocator.attachment);
    for (const TracedWork& work : process.work) attachments.push_back(&work.attachment);
    const TargetWork more = process.meter.read(kernel, attachments, kept->totals, costs);
    process.overhead_ns += more.cost_ns;
    spent.add(more);
    return kept;
}

void Tracer::State::meter_cpu(TracedProcess& process) {
    const auto now = process_cpu_ns(process.process.pid());
    if (!now) return;
    const auto [seen, is_new] = cpu_seen.emplace(process.id, *now);
    if (*now > seen->second) spent.cpu_ns += static_cast<double>(*now - seen->second);
    seen->second = *now;
}

std::uint64_t Tracer::State::unobserved_so_far() const {
    if (!paused) return unobserved_ns;
    return unobserved_ns + static_cast<std::uint64_t>(monotonic_ns() - paused_since_ns);
}

std::uint64_t Tracer::State::unobserved_faults(const TracedProcess& process,
                                               std::uint64_t now) const {
    if (!paused) return process.unobserved_page_faults;
    return process.unobserved_page_faults + now - std::min(process.paused_at_page_faults, now);
}

ProcessSample Tracer::State::sample(TracedProcess& process) {
    ProcessSample sample = process.last;
    sample.process = process.id;
    sample.alive = process.ended_ns == 0;
    if (const auto counters = read_process_counters(process.process.pid());
        counters && sample.alive) {
        sample.rss_bytes = counters->rss_bytes;
        sample.anonymous_bytes = counters->anonymous_bytes;
        sample.swap_bytes = counters->swap_bytes;
        sample.virtual_bytes = counters->virtual_bytes;
        sample.cpu_ns = counters->cpu_ns;
        sample.page_faults = counters->page_faults;
        sample.unobserved_page_faults = unobserved_faults(process, counters->page_faults);
        if (!process.memory_cgroup.empty()) {
            const CgroupMemory memory = read_cgroup_memory(process.memory_cgroup);
            sample.cgroup_current = memory.current;
            sample.cgroup_limit = memory.limit;
            sample.cgroup_inactive_file = memory.inactive_file;
        }
    }
    if (const auto kept = meter(process)) {
        sample.allocated_count = kept->totals.allocated_count;
        sample.allocated_bytes = kept->totals.allocated_bytes;
        sample.freed_count = kept->totals.freed_count;
        sample.failed_count = kept->totals.failed_count;
        std::ranges::transform(kept->losses, process.deferred_losses, sample.losses.begin(),
                               std::plus());
    }
    std::uint64_t calls = 0;
    for (const TracedWork& work : process.work) calls += hits_of(work.attachment);
    process.work_calls = std::max(calls, process.work_calls);
    sample.probe_hits = process.meter.hits();
    sample.overhead_ns = static_cast<std::uint64_t>(process.overhead_ns);
    process.last = sample;
    return sample;
}

/// Gives an ended image's place in the kernel's maps back.
void Tracer::State::drop(TracedProcess& process) {
    const auto purged = kernel.purge(process.slot);
    if (!purged) spdlog::warn("{}", purged.error().message);
    reader.forget(process.stacks);
    if (mappings) mappings->drop(process.slot);
    process.allocators.clear();
    process.work.clear();
    process.unwinding.reset();
    cpu_seen.erase(process.id);
    by_slot.erase(process.slot);
    process_slots.give_back(process.slot);
    process.slot = 0;
}

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
    const auto found = state_->running.find(pid);
    if (found == state_->running.end()) return {};
    return state_->attach_new_objects(*found->second);
}

std::vector<int> Tracer::poll_fds() const {
    std::vector<int> fds{state_->events.poll_fd(), state_->strays.poll_fd(),
                         state_->deferred.poll_fd()};
    if (state_->mappings) fds.push_back(state_->mappings->poll_fd());
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
    state_->walk_on();
    auto reading = state_->reader.read_stacks();
    if (!reading) return reading.error();
    state_->read_mapping_calls();
    snapshot.time_ns = realtime_ns();
    snapshot.unobserved_ns = state_->unobserved_so_far();
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
        if (process->ended_ns != 0) ended.push_back(process);
    }
    if (state_->work_file || !state_->work_function.empty()) snapshot.work = state_->work_so_far();
    for (TracedProcess* process : ended) state_->drop(*process);
    return snapshot;
}

/// Units of work go on being counted.
void Tracer::State::detach_allocators() {
    kernel.set_recording(false);
    std::vector<Attachment*> attachments;
    for (const auto& [pid, process] : running)
        for (TracedAllocator& allocator : process->allocators)
            attachments.push_back(&allocator.attachment);
    Attachment::detach_together(attachments);
}

Result<ProbeCosts> Tracer::calibrate() {
    auto costs = measure_probe_costs(state_->kernel);
    if (costs) state_->costs = *costs;
    return costs;
}

TargetWork Tracer::target_work() {
    for (const auto& [pid, process] : state_->running) {
        (void)state_->meter(*process);
        state_->meter_cpu(*process);
    }
    return state_->spent;
}

void Tracer::set_sampling(std::uint64_t bytes) {
    if (bytes != 0) state_->kernel.expect_unfollowed();
    state_->kernel.set_sample_bytes(bytes);
}

Result<void> Tracer::pause() {
    if (state_->paused) return {};
    state_->kernel.set_recording(false);
    state_->paused = true;
    state_->paused_since_ns = monotonic_ns();
    for (const auto& [pid, process] : state_->running)
        process->paused_at_page_faults = process_page_faults(pid).value_or(0);
    state_->detach_allocators();
    return state_->reader.lapse();
}

Result<void> Tracer::resume() {
    if (!state_->paused) return {};
    std::vector<TracedProcess*> all;
    for (const auto& [pid, process] : state_->running) all.push_back(process);
    for (TracedProcess* process : all) {
        for (TracedAllocator& allocator : process->allocators) {
            const Result<void> attached = allocator.attachment.attach_again();
            // It may be about to end, which handle_events() will find.
            if (!attached && process->process.alive()) return attached;
        }
    }
    // Only now, so that all of the window has all of the probes.
    state_->kernel.begin_window();
    state_->kernel.set_recording(true);
    for (TracedProcess* process : all)
        if (const auto faults = process_page_faults(process->process.pid()))
            process->unobserved_page_faults = state_->unobserved_faults(*process, *faults);
    state_->unobserved_ns = state_->unobserved_so_far();
    state_->paused = false;
    return {};
}

std::uint64_t Tracer::unobserved_ns() const {
    return state_->unobserved_so_far();
}

void Tracer::note(std::string kind, std::string text) {
    state_->note(nullptr, std::move(kind), std::move(text));
}

void Tracer::detach() {
    state_->detach_allocators();
    if (state_->mappings) state_->mappings->detach();
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
