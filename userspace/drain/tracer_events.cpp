// SPDX-License-Identifier: GPL-2.0-only

// What happens to the targets of a Tracer, and what follows from it.

#include <spdlog/spdlog.h>

#include <utility>

#include "base/clock.h"
#include "base/text.h"
#include "drain/tracer_state.h"
#include "target/cgroup.h"
#include "target/mappings.h"

namespace seep {

void Tracer::State::take_in_new_code(TracedProcess& process,
                                     const std::vector<MappedCode>& mapped) {
    // It was met in the middle of an exec.
    if (process.process.info().command_line.empty()) (void)process.process.refresh();
    const Result<void> attached = attach_new_objects(process, mapped);
    if (attached) return;
    if (read_mappings(process.process.pid())) {
        note(&process, "refused", attached.error().message);
        return;
    }
    // It has ended, and there may be walks to go on with.
    process.space.add(mapped);
    const auto updated = process.unwinding->update(process.space);
    if (!updated) note(&process, "refused", updated.error().message);
}

void Tracer::State::on_event(const TargetEvent& event) {
    const auto found = running.find(event.pid);
    if (found == running.end()) return;
    TracedProcess& process = *found->second;
    switch (event.kind) {
        case TargetEvent::Kind::code_mapped:
            take_in_new_code(process, event.mapped);
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
    // All that they did is there to be read now, and can be told of while they are known.
    if (!ended.empty()) take_in_events_and_walks();
    for (TracedProcess* process : ended)
        if (process->ended_ns == 0) end_image(*process, "exit", "the process ended");
}

void Tracer::State::read_mapping_calls() {
    if (!mappings) return;
    if (const Result<void> read = mappings->read_calls(); !read)
        note(nullptr, "lost", read.error().message);
}

void Tracer::State::read_faults() {
    if (!faults) return;
    if (const Result<void> read = faults->read_faults(); !read)
        note(nullptr, "lost", read.error().message);
}

/// Goes on with the walks that the kernel broke off. One that comes to unknown code even so is of
/// code that was mapped after the last look at the process.
void Tracer::State::walk_on(const std::vector<DeferredWalk>& walks) {
    std::set<const TracedProcess*> looked_at;
    for (const DeferredWalk& walk : walks) {
        const StackId id(walk.walk.id);
        const auto owner = by_slot.find(walk.walk.process);
        if (owner == by_slot.end()) {
            reader.forget_deferred(id);
            continue;
        }
        TracedProcess& process = *owner->second;
        WalkedStack walked = process.unwinding->walk_on(process.space, walk);
        if (walked.stack.end == SEEP_STACK_NO_MAPPING && process.ended_ns == 0 &&
            looked_at.insert(&process).second) {
            take_in_new_code(process);
            walked = process.unwinding->walk_on(process.space, walk);
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

void Tracer::State::take_in_events() {
    std::vector<pid_t> watched;
    for (const auto& [pid, process] : running) watched.push_back(pid);
    bool lost = false;
    for (const TargetEvent& event : events.read(watched)) {
        lost = lost || event.kind == TargetEvent::Kind::lost;
        on_event(event);
    }
    // Nothing else tells of mremap, with which V8 moves its built-in functions, and of munmap.
    for (const std::uint32_t slot : strays.read()) {
        const auto found = by_slot.find(slot);
        if (found != by_slot.end() && found->second->ended_ns == 0)
            take_in_new_code(*found->second);
    }
    if (lost) rescan();
}

/// The walks are read before the events: what they led to was mapped before them, and of a process
/// that has ended since nothing else tells of it.
void Tracer::State::take_in_events_and_walks() {
    // Of an image that an event ends, they are the last.
    read_mapping_calls();
    read_faults();
    const auto now = static_cast<std::uint64_t>(monotonic_ns());
    const std::vector<DeferredWalk> walks = deferred.read();
    take_in_events();
    walk_on(walks);
    // A walk may have been on its way when those were read.
    for (const auto& [pid, process] : running) process->space.forget_before(walks_read_ns);
    walks_read_ns = now;
}

/// Deals with what is waiting.
void Tracer::State::catch_up() {
    take_in_events_and_walks();
    check_exits();
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

}  // namespace seep
