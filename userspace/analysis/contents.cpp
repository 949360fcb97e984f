// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/contents.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

namespace seep {

namespace {

Result<void> load_code(RecordingReader& reader, RecordingContents& contents) {
    Result<std::vector<ObjectRecord>> objects = reader.objects();
    if (!objects) return objects.error();
    for (ObjectRecord& object : *objects) contents.objects.emplace(object.id, std::move(object));
    Result<std::vector<LocationRecord>> locations = reader.locations();
    if (!locations) return locations.error();
    for (LocationRecord& location : *locations)
        contents.locations.emplace(location.id, std::move(location));
    return {};
}

Result<void> load_stacks(RecordingReader& reader, RecordingContents& contents) {
    Result<std::vector<StackRecord>> records = reader.stacks();
    if (!records) return records.error();
    std::unordered_map<StackId, std::size_t> index;
    for (StackRecord& record : *records) {
        index.emplace(record.id, contents.stacks.size());
        contents.stacks.push_back({.record = std::move(record),
                                   .at_start = {},
                                   .at_end = {},
                                   .live = {},
                                   .lifetimes = {},
                                   .revisits = {},
                                   .reachability = {}});
    }
    Result<void> read = reader.for_each_totals([&](const TotalsRow& row) {
        if (row.snapshot > contents.window.last) return;
        StackHistory& stack = contents.stacks[index.at(row.stack)];
        if (row.snapshot <= contents.window.first) stack.at_start = row.totals;
        stack.at_end = row.totals;
        stack.live.push_back({row.snapshot, row.totals.held_bytes(), row.least_held_bytes,
                              row.totals.held_count(), row.totals.allocated_count,
                              row.totals.allocated_squares - row.totals.freed_squares});
    });
    if (!read) return read;
    const auto lifetimes = reader.lifetimes();
    if (!lifetimes) return lifetimes.error();
    for (const auto& [stack, buckets] : *lifetimes)
        contents.stacks[index.at(stack)].lifetimes = buckets;
    const auto revisits = reader.revisits();
    if (!revisits) return revisits.error();
    for (const StackRevisits& stack : *revisits)
        contents.stacks[index.at(stack.stack)].revisits = stack;
    const auto reachability = reader.reachability();
    if (!reachability) return reachability.error();
    for (const StackReachability& stack : *reachability)
        contents.stacks[index.at(stack.stack)].reachability = stack;
    std::erase_if(contents.stacks, [](const StackHistory& stack) { return stack.live.empty(); });
    return {};
}

/// Those up to the window's end.
template <typename Row>
Result<void> take_rows(Result<std::vector<Row>> rows, const Window& window,
                       std::vector<Row>& into) {
    if (!rows) return rows.error();
    into = std::move(*rows);
    std::erase_if(into, [&](const Row& row) { return row.snapshot > window.last; });
    return {};
}

/// Each period with the share of the time that it was observed for: the variance of a sum of
/// samples is that of its parts, which is in proportion to the gap they were drawn with.
std::uint64_t mean_gap(const std::vector<PeriodRecord>& periods) {
    double bytes = 0;
    double observed = 0;
    for (const PeriodRecord& period : periods) {
        const double seconds =
            std::max(0.0, static_cast<double>(period.ended_ns - period.started_ns) -
                              static_cast<double>(period.unobserved_ns));
        bytes += seconds * static_cast<double>(period.sampling_bytes);
        observed += seconds;
    }
    return observed > 0 ? static_cast<std::uint64_t>(std::ceil(bytes / observed)) : 0;
}

}  // namespace

Result<RecordingContents> load_contents(RecordingReader& reader, const WindowRequest& request) {
    const Result<Window> window = resolve_window(request, reader.snapshots());
    if (!window) return window.error();
    Result<std::vector<ProbeRecord>> probes = reader.probes();
    if (!probes) return probes.error();
    Result<std::vector<PeriodRecord>> periods = reader.periods();
    if (!periods) return periods.error();
    const std::int64_t end = reader.snapshots()[window->last].time_ns;
    std::erase_if(*periods, [&](const PeriodRecord& period) { return period.started_ns > end; });
    RecordingContents contents{.info = reader.info(),
                               .window = *window,
                               .snapshots = reader.snapshots(),
                               .processes = reader.processes(),
                               .probes = std::move(*probes),
                               .periods = std::move(*periods),
                               .objects = {},
                               .locations = {},
                               .calls = {},
                               .stacks = {}};
    if (!contents.periods.empty()) contents.info.sampling_bytes = mean_gap(contents.periods);
    Result<void> loaded = load_code(reader, contents);
    if (loaded) loaded = load_stacks(reader, contents);
    if (loaded) loaded = take_rows(reader.call_counts(), contents.window, contents.calls);
    if (loaded) loaded = take_rows(reader.heap_in_use(), contents.window, contents.heap);
    if (loaded) loaded = take_rows(reader.heap_lost(), contents.window, contents.heap_lost);
    if (!loaded) return loaded.error();
    return contents;
}

RecordingContents only_processes(const RecordingContents& contents,
                                 const std::function<bool(const ProcessRecord&)>& counts) {
    std::unordered_set<ProcessId> others;
    for (const ProcessRecord& process : contents.processes)
        if (!counts(process)) others.insert(process.id);
    RecordingContents only = contents;
    std::erase_if(only.processes, [&](const auto& each) { return others.contains(each.id); });
    std::erase_if(only.probes, [&](const auto& each) { return others.contains(each.process); });
    std::erase_if(only.calls,
                  [&](const auto& each) { return others.contains(each.count.process); });
    for (std::vector<HeapInUseRow>* const sizes : {&only.heap, &only.heap_lost})
        std::erase_if(*sizes, [&](const auto& each) { return others.contains(each.size.process); });
    std::erase_if(only.stacks,
                  [&](const auto& each) { return others.contains(each.record.process); });
    for (SnapshotRecord& snapshot : only.snapshots)
        std::erase_if(snapshot.processes,
                      [&](const auto& each) { return others.contains(each.process); });
    return only;
}

}  // namespace seep
