// SPDX-License-Identifier: GPL-2.0-only

// What the targets of a Tracer did, in numbers.

#include <spdlog/spdlog.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "base/clock.h"
#include "drain/tracer_state.h"
#include "target/cgroup.h"
#include "target/process_counters.h"

namespace seep {
namespace {

/// Of the process whose sample is the last.
void take_in(StackReading& reading, Snapshot& snapshot) {
    std::ranges::move(reading.new_stacks, std::back_inserter(snapshot.new_stacks));
    std::ranges::move(reading.changed, std::back_inserter(snapshot.changed));
    snapshot.processes.back().losses[SEEP_LOSS_LOST_STACKS] += reading.lost_stacks;
}

}  // namespace

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
    take_in(reading, snapshot);
    ProcessSample& sample = snapshot.processes.back();
    sample.mapped = reading.mapped;
    sample.losses[SEEP_LOSS_LOST_MAPPING_CALLS] += reading.lost_calls;
}

/// Who came for the pages that are there now. Of a process that has ended: at the last look.
void Tracer::State::take_faults(TracedProcess& process, Snapshot& snapshot) {
    if (!faults) return;
    const Result<void> looked = faults->look(process.slot);
    // It may be about to end, which handle_events() will find.
    if (!looked && process.process.alive()) note(&process, "lost", looked.error().message);
    FaultReading reading = faults->take(process.slot);
    take_in(reading, snapshot);
    ProcessSample& sample = snapshot.processes.back();
    sample.faulted = reading.faulted;
    sample.losses[SEEP_LOSS_LOST_FAULTS] += reading.lost_faults;
}

std::uint64_t Tracer::State::hits_of(const Attachment& attachment) {
    std::uint64_t hits = 0;
    for (const AttachedProbe& probe : attachment.probes())
        hits += probe_hits(kernel, probe.slot).value_or(0);
    return hits;
}

std::uint64_t Tracer::State::work_so_far() {
    if (stopped) return stopped->work;
    if (work_file) {
        const std::uint64_t count = work_file->read();
        if (!work_file->trouble().empty()) note(nullptr, "lost", work_file->trouble());
        return count;
    }
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
    std::ranges::copy(call_counts.attachments(process.slot), std::back_inserter(attachments));
    const auto cpu = process_cpu_ns(process.process.pid());
    const TargetWork more = process.meter.read(kernel, attachments, kept->totals,
                                               cpu ? std::optional(*cpu) : std::nullopt, costs);
    process.overhead_ns += more.cost_ns;
    spent.add(more);
    return kept;
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

/// Reads what the system counts of a process, and the calls that are its work.
void Tracer::State::read_counters(TracedProcess& process) {
    ProcessSample& sample = process.last;
    if (const auto counters = read_process_counters(process.process.pid());
        counters && process.ended_ns == 0) {
        sample.rss_bytes = counters->rss_bytes;
        sample.anonymous_bytes = counters->anonymous_bytes;
        sample.swap_bytes = counters->swap_bytes;
        sample.virtual_bytes = counters->virtual_bytes;
        sample.cpu_ns = counters->cpu_ns;
        const std::uint64_t waited = process_waited_ns(process.process.pid());
        sample.waited_ns += waited - std::min(process.threads_waited_ns.value_or(waited), waited);
        process.threads_waited_ns = waited;
        sample.page_faults = counters->page_faults;
        sample.unobserved_page_faults = unobserved_faults(process, counters->page_faults);
        if (!process.memory_cgroup.empty()) {
            const CgroupMemory memory = read_cgroup_memory(process.memory_cgroup);
            sample.cgroup_current = memory.current;
            sample.cgroup_limit = memory.limit;
            sample.cgroup_inactive_file = memory.inactive_file;
        }
    }
    std::uint64_t calls = 0;
    for (const TracedWork& work : process.work) calls += hits_of(work.attachment);
    process.work_calls = std::max(calls, process.work_calls);
}

ProcessSample Tracer::State::sample(TracedProcess& process) {
    if (!stopped) read_counters(process);
    ProcessSample& sample = process.last;
    sample.process = process.id;
    sample.alive = process.ended_ns == 0;
    if (const auto kept = meter(process)) {
        sample.allocated_count = allocated_count(kept->totals);
        sample.allocated_bytes = kept->totals.allocated_bytes;
        sample.freed_count = kept->totals.freed_count;
        sample.failed_count = kept->totals.failed_count;
        std::ranges::transform(kept->losses, process.deferred_losses, sample.losses.begin(),
                               std::plus());
    }
    sample.probe_hits = process.meter.hits();
    sample.overhead_ns = static_cast<std::uint64_t>(process.overhead_ns);
    return sample;
}

/// From here on nothing is recorded, though the probes take a while to go.
void Tracer::State::stop() {
    kernel.set_recording(false);
    call_counts.enter(CallCounts::Phase::none);
    unobserved_ns = unobserved_so_far();
    for (const auto& [slot, process] : by_slot) read_counters(*process);
    paused = false;
    stopped = Moment{.time_ns = realtime_ns(), .work = work_so_far()};
}

}  // namespace seep
