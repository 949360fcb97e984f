// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/contents.h"

#include <algorithm>

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
                                   .lifetimes = {}});
    }
    Result<void> read = reader.for_each_totals([&](const TotalsRow& row) {
        if (row.snapshot > contents.window.last) return;
        StackHistory& stack = contents.stacks[index.at(row.stack)];
        if (row.snapshot <= contents.window.first) stack.at_start = row.totals;
        stack.at_end = row.totals;
        stack.live.push_back({row.snapshot, row.totals.live_bytes(), row.least_live_bytes,
                              row.totals.live_count(), row.totals.allocated_count,
                              row.totals.allocated_squares - row.totals.freed_squares});
    });
    if (!read) return read;
    const auto lifetimes = reader.lifetimes();
    if (!lifetimes) return lifetimes.error();
    for (const auto& [stack, buckets] : *lifetimes)
        contents.stacks[index.at(stack)].lifetimes = buckets;
    std::erase_if(contents.stacks, [](const StackHistory& stack) { return stack.live.empty(); });
    return {};
}

}  // namespace

Result<RecordingContents> load_contents(RecordingReader& reader, const WindowRequest& request) {
    const Result<Window> window = resolve_window(request, reader.snapshots());
    if (!window) return window.error();
    Result<std::vector<ProbeRecord>> probes = reader.probes();
    if (!probes) return probes.error();
    RecordingContents contents{.info = reader.info(),
                               .window = *window,
                               .snapshots = reader.snapshots(),
                               .processes = reader.processes(),
                               .probes = std::move(*probes),
                               .objects = {},
                               .locations = {},
                               .stacks = {}};
    Result<void> loaded = load_code(reader, contents);
    if (loaded) loaded = load_stacks(reader, contents);
    if (!loaded) return loaded.error();
    return contents;
}

}  // namespace seep
