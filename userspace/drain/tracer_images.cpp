// SPDX-License-Identifier: GPL-2.0-only

// The images of processes that a Tracer follows: from attaching to giving their place back.

#include "drain/tracer_state.h"

#include <fmt/core.h>
#include <spdlog/spdlog.h>

#include <utility>

#include "base/clock.h"
#include "base/text.h"
#include "probes/finder.h"
#include "target/cgroup.h"
#include "target/process_counters.h"

namespace seep {
namespace {

/// For functions that a target can be traced without.
ProbePlans plans_if_any(const ObjectFile& object,
                        const Result<std::vector<FoundFunction>>& functions) {
    if (!functions || functions->empty()) return {};
    return plan_probes(object, *functions).value_or(ProbePlans{});
}

/// `work_function`: may be empty.
Result<ObjectPlans> examine(const ObjectFile& object, const std::string& work_function) {
    ObjectPlans result;
    if (!work_function.empty())
        result.work = plans_if_any(object, find_work_functions(object, work_function));
    auto functions = find_allocator_functions(object);
    if (!functions) return functions.error();
    if (!functions->empty() || object.name().starts_with("libdl.so"))
        result.unload = plans_if_any(object, find_unload_functions(object));
    if (functions->empty()) return result;
    auto plans = plan_probes(object, *functions);
    if (!plans) return plans.error();
    result.allocator = allocator_name(object, *functions);
    result.probes = std::move(*plans);
    return result;
}

Error no_allocator_error(const TracedProcess& process) {
    return {ErrorKind::untraceable,
            fmt::format("no allocator found in process {} ({}): none of its {} mapped objects "
                        "defines malloc and free under a name seep knows",
                        process.process.pid(), printable(process.process.info().comm),
                        process.examined.size()),
            "a statically linked and stripped program hides them: run one that is not stripped, or "
            "see where it maps its memory, and who touches it, with --source mapping,faults; `seep "
            "doctor -p PID` lists what was searched"};
}

}  // namespace

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
    auto unwinding =
        std::make_unique<SpaceSync>(pid, slot, tables, spaces, kernel.generations_map());
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

Result<Attachment> Tracer::State::attach(const TracedProcess& process, const ObjectFile& object,
                                         const ProbePlans& found) {
    return Attachment::attach(kernel, process.process.pid(), process.slot, object, found.plans,
                              probe_slots);
}

Result<void> Tracer::State::count_work(TracedProcess& process,
                                       const std::shared_ptr<const ObjectFile>& object,
                                       const ProbePlans& found) {
    if (found.plans.empty()) return {};
    auto attachment = attach(process, *object, found);
    if (!attachment) return attachment.error();
    for (const AttachedProbe& probe : attachment->probes())
        note(&process, "attach",
             fmt::format("{} of {}, whose calls are work", probe.plan.function.symbol,
                         object->name()));
    process.work.push_back({object, std::move(*attachment)});
    return {};
}

/// Without it the mappings are known to have changed when something is mapped in their place.
void Tracer::State::watch_unloads(TracedProcess& process,
                                  const std::shared_ptr<const ObjectFile>& object,
                                  const ProbePlans& found) {
    if (!heap || found.plans.empty()) return;
    auto attachment = attach(process, *object, found);
    if (!attachment) {
        note(&process, "refused",
             fmt::format("dlclose of {}: {}", object->name(), attachment.error().message));
        return;
    }
    process.unloads.push_back(std::move(*attachment));
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
    watch_unloads(process, object, found.unload);
    if (!heap || found.probes.plans.empty()) return {};
    auto attachment = attach(process, *object, found.probes);
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

Result<void> Tracer::State::attach_new_objects(TracedProcess& process,
                                               const std::vector<MappedCode>& mapped) {
    // What is unloaded while the mappings are read is not known yet.
    const std::uint64_t unloads = kernel.unloads(process.slot);
    const auto refreshed = process.space.refresh(mapped);
    if (!refreshed) return refreshed.error();
    for (const Error& unreadable : refreshed->unreadable)
        note(&process, "refused", unreadable.message);
    // Before any probe: the first allocation that is seen can be followed to its root.
    const auto without_table = process.unwinding->update(process.space, unloads);
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
    for (Attachment& unloads : process.unloads) unloads.detach();
}

void Tracer::State::end_image(TracedProcess& process, const char* kind, std::string text) {
    detach(process);
    if (mappings) mappings->end(process.process);
    if (faults) faults->end(process.slot, process.process);
    process.ended_ns = realtime_ns();
    running.erase(process.process.pid());
    note(&process, kind, std::move(text));
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
        if (mappings || faults)
            note(&traced, "refused", error.message + "; only the rest of its memory is traced");
        else
            attached = error;
    }
    // With the unwinder's tables in place: the first call that is told has its whole stack.
    if (attached && mappings) attached = mappings->begin(traced.slot, traced.id, traced.process);
    if (attached && faults) attached = faults->begin(traced.slot, traced.id, traced.process);
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

/// Gives an ended image's place in the kernel's maps back.
void Tracer::State::drop(TracedProcess& process) {
    const auto purged = kernel.purge(process.slot);
    if (!purged) spdlog::warn("{}", purged.error().message);
    reader.forget(process.stacks);
    if (mappings) mappings->drop(process.slot);
    if (faults) faults->drop(process.slot);
    if (revisits) revisits->forget(process.slot);
    lost_blocks.forget(process.slot, process.stacks);
    call_counts.forget(process.slot);
    process.allocators.clear();
    process.work.clear();
    process.unloads.clear();
    process.unwinding.reset();
    by_slot.erase(process.slot);
    process_slots.give_back(process.slot);
    process.slot = 0;
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

/// Nothing is recorded from here on; some of what is held now will be looked at again.
void Tracer::State::end_window() {
    if (!revisits) {
        auto created = Revisits::create(kernel);
        if (created)
            revisits.emplace(std::move(*created));
        else
            spdlog::debug("{}", created.error().message);
    }
    if (revisits) revisits->choose([&](std::uint32_t slot) { return running_pid(slot); });
    kernel.set_recording(false);
    if (revisits) revisits->watch(monotonic_ns(), [&](StackId id) { return reader.stack_of(id); });
}

std::vector<StackRevisits> Tracer::State::look_again() {
    if (!revisits) return {};
    revisits->look([&](std::uint32_t slot) { return running_pid(slot); }, monotonic_ns());
    std::vector<StackRevisits> seen = revisits->take();
    std::erase_if(seen, [&](const StackRevisits& stack) { return !reader.has_read(stack.stack); });
    return seen;
}

std::uint64_t Tracer::State::resident_bytes() const {
    std::uint64_t bytes = 0;
    for (const auto& [pid, process] : running) bytes += process->last.rss_bytes;
    return bytes;
}

/// While every free is seen.
void Tracer::State::search_for_lost_blocks(LostBlocks::Occasion occasion) {
    const bool in_windows = occasion == LostBlocks::Occasion::window_end;
    const std::uint64_t bytes = resident_bytes();
    if (!heap || (pauses > 0 && !in_windows) ||
        !lost_blocks.is_due(occasion, monotonic_ns(), bytes))
        return;
    lost_blocks.search(
        occasion, bytes, [&](std::uint32_t slot) { return running_pid(slot); },
        [&](StackId id) { return reader.stack_of(id); });
}

/// Among blocks that were looked at again.
void Tracer::State::search_again_for_lost_blocks() {
    const auto occasion = stopped ? LostBlocks::Occasion::end : LostBlocks::Occasion::snapshot;
    const std::uint64_t bytes = resident_bytes();
    if (revisits && lost_blocks.is_due_again(occasion, monotonic_ns(), bytes))
        lost_blocks.search_again(occasion, revisits->still_there(), bytes,
                                 [&](std::uint32_t slot) { return running_pid(slot); });
}

std::vector<StackReachability> Tracer::State::take_reachability() {
    std::vector<StackReachability> seen = lost_blocks.take();
    std::erase_if(seen,
                  [&](const StackReachability& stack) { return !reader.has_read(stack.stack); });
    for (StackReachability& stack : seen) {
        if (stack.in_object == 0 || reader.has_read(stack.object)) continue;
        stack.object = StackId();
        stack.in_object = 0;
    }
    return seen;
}

std::vector<HeapInUse> Tracer::State::take_lost_of_heaps() {
    std::vector<HeapInUse> lost;
    for (const auto& [slot, sizes] : lost_blocks.take_lost_of_heaps()) {
        const auto process = by_slot.find(slot);
        if (process == by_slot.end()) continue;
        HeapInUse all{.process = process->second->id};
        for (const auto& [chunk_bytes, blocks] : sizes) {
            lost.push_back({all.process, chunk_bytes, blocks.blocks, blocks.bytes});
            all.blocks += blocks.blocks;
            all.bytes += blocks.bytes;
        }
        lost.push_back(all);
    }
    return lost;
}

std::vector<HeapInUse> Tracer::State::count_heaps(bool is_last) {
    std::vector<HeapInUse> heaps;
    if (!heap) return heaps;
    HeapCounts::Now now{
        .age_s = static_cast<double>(monotonic_ns() -
                                     static_cast<std::int64_t>(kernel.attach_time_ns())) /
                 1e9,
        .is_last = is_last};
    std::vector<pid_t> pids;
    for (const auto& [pid, process] : running) {
        // With another allocator, there are two heaps, and the account is of one.
        const bool is_glibc =
            !process->allocators.empty() &&
            std::ranges::all_of(process->allocators, [](const TracedAllocator& allocator) {
                return allocator.name == "glibc";
            });
        // What is in swap cannot be read.
        if (!is_glibc || process->ended_ns != 0 || process->last.swap_bytes > 0) continue;
        pids.push_back(pid);
        now.anonymous_bytes += process->last.anonymous_bytes;
    }
    if (pids.empty() || !heap_counts.is_due(now)) return heaps;
    for (const auto& [pid, census] : heap_counts.count(pids, now)) {
        const ProcessId process = running.at(pid)->id;
        heaps.push_back({.process = process, .bytes = census.free_bytes});
        for (const auto& [chunk_bytes, in_use] : census.in_use)
            heaps.push_back({process, chunk_bytes, in_use.blocks, in_use.bytes});
    }
    return heaps;
}

/// 0 if there is none.
pid_t Tracer::State::running_pid(std::uint32_t process_slot) const {
    const auto process = by_slot.find(process_slot);
    return process != by_slot.end() && process->second->ended_ns == 0
               ? process->second->process.pid()
               : 0;
}

}  // namespace seep
