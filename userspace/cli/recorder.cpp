// SPDX-License-Identifier: GPL-2.0-only
#include "cli/recorder.h"

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

namespace seep {
namespace {

const char* site_name(SiteKind kind) {
    switch (kind) {
        case SiteKind::nop5:
            return "nop5";
        case SiteKind::emulated:
            return "emulated";
        case SiteKind::single_stepped:
            return "single_stepped";
    }
    return "?";
}

std::string describe_allocators(const TracedProcess& process) {
    std::vector<std::string> names;
    for (const TracedAllocator& allocator : process.allocators)
        names.push_back(fmt::format("{} ({})", allocator.name, allocator.object->name()));
    return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

Recorder::Recorder(RecordingWriter writer, std::unique_ptr<SymbolWorker> symbols,
                   const ProbeCosts& costs, Tracer& tracer)
    : tracer_(&tracer),
      costs_(costs),
      writer_(std::move(writer)),
      symbols_(std::move(symbols)),
      locations_(writer_, *symbols_) {}

Result<std::unique_ptr<Recorder>> Recorder::create(const std::string& path,
                                                   const RecordingInfo& info,
                                                   const ProbeCosts& costs, Tracer& tracer,
                                                   WriterOptions options) {
    auto writer = RecordingWriter::create(path, info, options);
    if (!writer) return writer.error();
    auto symbols = SymbolWorker::start({});
    if (!symbols) return symbols.error();
    return std::unique_ptr<Recorder>(
        new Recorder(std::move(*writer), std::move(*symbols), costs, tracer));
}

Result<void> Recorder::write_events(const std::vector<TracerEvent>& events) {
    for (const TracerEvent& event : events)
        if (Result<void> put =
                writer_.put_event(event.time_ns, event.process, event.kind, event.text);
            !put)
            return put;
    return {};
}

Result<void> Recorder::write_probes(const TracedProcess& process, const ObjectFile& object,
                                    const Attachment& attachment) {
    const auto object_id = locations_.object_of(object);
    if (!object_id) return object_id.error();
    for (const AttachedProbe& probe : attachment.probes()) {
        const ProbePlan& plan = probe.plan;
        const auto hits = tracer_->hits(probe);
        const double cost_ps = costs_.of(plan.entry.kind, plan.exit).hit_ns * 1000;
        const ProbeRecord record{probe.slot,
                                 process.id,
                                 *object_id,
                                 plan.function.symbol,
                                 plan.function.address,
                                 site_name(plan.entry.kind),
                                 hits.value_or(0),
                                 static_cast<std::uint64_t>(cost_ps)};
        if (Result<void> put = writer_.put(record); !put) return put;
    }
    return {};
}

Result<void> Recorder::write_process(const TracedProcess& process) {
    const ProcessInfo& info = process.process.info();
    ProcessRecord record;
    record.id = process.id;
    record.pid = info.pid;
    record.command = info.command_line;
    record.executable = info.executable;
    record.started_ns = process.started_ns;
    record.ended_ns = process.ended_ns;
    record.allocators = describe_allocators(process);
    if (process.unwinding) {
        const TableSizes tables = process.unwinding->table_sizes();
        record.unwind_rows = tables.rows;
        record.unwind_bytes = tables.bytes;
    }
    if (Result<void> put = writer_.put(record); !put) return put;
    for (const TracedAllocator& allocator : process.allocators)
        if (Result<void> put = write_probes(process, *allocator.object, allocator.attachment); !put)
            return put;
    for (const TracedWork& work : process.work)
        if (Result<void> put = write_probes(process, *work.object, work.attachment); !put)
            return put;
    return {};
}

Result<void> Recorder::write_processes() {
    for (const auto& [id, process] : tracer_->processes()) {
        if (finished_.contains(id)) continue;
        if (Result<void> written = write_process(*process); !written) return written;
        if (process->ended_ns != 0) finished_.insert(id);
    }
    return {};
}

Result<LocationId> Recorder::locate_call(const TracedProcess& process, std::uint64_t frame) {
    return locations_.locate(process,
                             process.space.resolve(frame_address(frame) - 1, frame_occupant(frame)),
                             /*is_call=*/true);
}

Result<void> Recorder::write_stack(const NewStack& stack) {
    const TracedProcess& process = *tracer_->processes().at(stack.process);
    StackRecord record{stack.id, stack.process, stack.end, {}, stack.kind};
    record.locations.reserve(stack.frames.size());
    for (std::size_t i = 0; i < stack.frames.size(); ++i) {
        const std::uint64_t frame = stack.frames[i];
        const std::uint64_t address = frame_address(frame);
        // A call may be the last instruction of its mapping: its return address lies behind it.
        const bool is_call = i > 0 && (frame & SEEP_FRAME_EXACT) == 0 && address != 0;
        const bool is_probe = i == 0 && stack.kind == StackKind::heap;
        const auto location =
            is_call ? locate_call(process, frame)
                    : locations_.locate(process,
                                        is_probe
                                            ? process.space.resolve(address)
                                            : process.space.resolve(address, frame_occupant(frame)),
                                        /*is_call=*/false);
        if (!location) return location.error();
        record.locations.push_back(*location);
    }
    return writer_.put(record);
}

Result<void> Recorder::snapshot(const std::vector<PeriodRecord>& periods) {
    // Before the snapshot: what ended is read by it for the last time, and its probes are then
    // gone.
    if (Result<void> written = write_processes(); !written) return written;
    auto taken = tracer_->snapshot();
    if (!taken) return taken.error();
    last_ = std::move(*taken);
    if (first_ns_ == 0) first_ns_ = last_.time_ns;
    stacks_ += last_.new_stacks.size();
    for (const NewStack& stack : last_.new_stacks) {
        if (Result<void> written = write_stack(stack); !written) return written;
        tracer_->keep_up();
    }
    for (CallCount& call : last_.calls) {
        const auto location = locate_call(*tracer_->processes().at(call.process), call.frame);
        if (!location) return location.error();
        call.location = *location;
    }
    if (Result<void> written = writer_.put_snapshot(last_); !written) return written;
    for (const PeriodRecord& period : periods)
        if (Result<void> written = writer_.put(period); !written) return written;
    if (Result<void> written = locations_.write_symbols(); !written) return written;
    return writer_.commit();
}

Result<void> Recorder::halve(const RecordingInfo& info) {
    if (Result<void> halved = writer_.halve(); !halved) return halved;
    if (Result<void> written = writer_.put_info(info); !written) return written;
    return writer_.commit();
}

Result<void> Recorder::finish(std::chrono::milliseconds patience) {
    if (!symbols_->wait_idle(patience))
        spdlog::warn("symbols are not complete; `seep report` looks up what is missing");
    if (Result<void> written = locations_.write_symbols(); !written) return written;
    return writer_.close();
}

}  // namespace seep
