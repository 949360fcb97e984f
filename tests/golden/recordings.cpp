// SPDX-License-Identifier: GPL-2.0-only

// Writes recordings that the tests of this folder read with seep: golden_recordings DIRECTORY.
//
//   earlier.seep, plain.seep   a server that leaks; every figure can be computed by hand
//   limited.seep               the same in a control group with a limit
//   nasty.seep                 the same tables with the worst names that a target can have
//   many.seep                  10,000 stacks, each 20 calls deep, the higher numbers the more live

#include <fmt/format.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/writer.h"

namespace {

using namespace seep;
using namespace std::string_literals;

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t start = 1'795'197'600 * second;
constexpr std::uint64_t snapshots = 12;
const StackId leak{1};
const StackId cache{2};
const StackId cut{3};
const StackId pages{4};

template <typename T>
T must(Result<T> result) {
    if (!result) {
        fmt::print(stderr, "golden_recordings: {}\n", result.error().message);
        std::exit(1);
    }
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

RecordingInfo info(const std::string& mode, std::uint64_t sampling_bytes) {
    return {.seep_version = "0.1.0",
            .started_ns = start,
            .interval_ns = 10 * second,
            .sampling_asked = mode,
            .sampling_bytes = sampling_bytes,
            .kernel = "6.18.0",
            .machine = "x86_64",
            .attach_mode = "session",
            .frame_cost_ps = 0};
}

Totals totals(std::uint64_t allocated, std::uint64_t freed, std::uint64_t size) {
    return {.allocated_count = allocated,
            .allocated_bytes = allocated * size,
            .freed_count = freed,
            .freed_bytes = freed * size,
            .allocated_squares = allocated * size * size / 256,
            .freed_squares = freed * size * size / 256,
            .mean_birth_us = 1};
}

/// Snapshot `index` of a stack that keeps `rate` blocks of 64 bytes each time, one that had all at
/// the start, and one that frees what it allocates.
Snapshot snapshot(std::uint64_t index, std::uint64_t rate) {
    Snapshot snapshot;
    snapshot.time_ns = start + static_cast<std::int64_t>(index) * 10 * second;
    ProcessSample sample;
    sample.process = ProcessId(1);
    sample.rss_bytes = (1 << 20) + index * rate * 64;
    sample.cpu_ns = (index + 1) * second;
    sample.losses[SEEP_LOSS_UNMATCHED_FREES] = 3 * index;
    snapshot.processes = {sample};
    snapshot.changed.push_back({leak, totals(index * rate * 2, index * rate, 64), {}});
    snapshot.changed.push_back({cache, totals(5, 0, 1000), {}});
    snapshot.changed.push_back({cut, totals(7 * (index + 1), 7 * index, 16), {}});
    return snapshot;
}

void put_stacks(RecordingWriter& writer) {
    must(writer.put(
        StackRecord{leak,
                    ProcessId(1),
                    StackEnd::complete,
                    {LocationId(1), LocationId(2), LocationId(3), LocationId(3), LocationId(4)}}));
    must(writer.put(StackRecord{
        cache, ProcessId(1), StackEnd::complete, {LocationId(1), LocationId(5), LocationId(4)}}));
    must(writer.put(
        StackRecord{cut, ProcessId(1), StackEnd::broken, {LocationId(1), LocationId(6)}}));
}

/// Besides, a page for each snapshot, where faults are followed.
void add_pages(std::uint64_t index, Snapshot& snapshot) {
    snapshot.processes.front().faulted = FaultedBytes{index * 4096, 4096, 1 << 20};
    snapshot.changed.push_back({pages, totals(index, 0, 4096), {}});
}

void finish(RecordingWriter& writer, std::uint64_t rate, std::optional<std::uint64_t> limit = {},
            bool with_pages = false) {
    put_stacks(writer);
    for (std::uint64_t index = 0; index < snapshots; ++index) {
        Snapshot each = snapshot(index, rate);
        if (with_pages) add_pages(index, each);
        ProcessSample& sample = each.processes.front();
        sample.cgroup_limit = limit;
        if (limit) sample.cgroup_current = sample.anonymous_bytes = sample.rss_bytes;
        must(writer.put_snapshot(each));
        must(writer.commit());
    }
    must(writer.close());
}

void write_plain(const std::string& path, std::uint64_t rate,
                 std::optional<std::uint64_t> limit = {}) {
    RecordingWriter writer = must(RecordingWriter::create(path, info("exact", 0)));
    must(writer.put(ProcessRecord{ProcessId(1), 4242, "server --port 80", "/usr/bin/server", start,
                                  0, "glibc (libc.so.6)"}));
    must(writer.put(ObjectRecord{ObjectId(1), ObjectKind::file, "/usr/lib/libc.so.6", "c0ffee"}));
    must(writer.put(ObjectRecord{ObjectId(2), ObjectKind::file, "/usr/bin/server", "5e4fe4"}));
    must(writer.put(ObjectRecord{ObjectId(3), ObjectKind::file, "/usr/lib/libother.so", "07e4"}));
    must(writer.put(LocationRecord{
        LocationId(1), ObjectId(1), 0x9a700, false, true, {{"malloc", "", 0, false}}}));
    must(writer.put(
        LocationRecord{LocationId(2),
                       ObjectId(2),
                       0x1234,
                       true,
                       true,
                       {{"Cache::insert(std::string const&)", "/src/cache.cpp", 42, true},
                        {"serve(Request&)", "/src/server.cpp", 107, false}}}));
    must(writer.put(LocationRecord{
        LocationId(3), ObjectId(2), 0x2000, true, true, {{"walk", "/src/server.cpp", 7, false}}}));
    must(writer.put(LocationRecord{
        LocationId(4), ObjectId(2), 0x3000, true, true, {{"main", "/src/main.cpp", 9, false}}}));
    must(writer.put(LocationRecord{LocationId(5), ObjectId(3), 0xbeef, true, true, {}}));
    must(writer.put(LocationRecord{LocationId(6), ObjectId(), 0x7f0000001000, true, true, {}}));
    must(
        writer.put(ProbeRecord{1, ProcessId(1), ObjectId(1), "malloc", 0x9a700, "emulated", 1, 0}));
    finish(writer, rate, limit);
}

std::string repeated(std::string_view text, std::size_t bytes) {
    std::string result;
    while (result.size() < bytes) result += text;
    return result;
}

void write_nasty(const std::string& path) {
    // Ends a line, a field, a string, an attribute, a comment, a section; moves the cursor;
    // reorders.
    const std::string all =
        "evil;\n\r\t\x1b[2J\x1b]0;title\x07\x9b"
        "31m\x00\xff\xfe\xc0\xaf\xed\xa0\x80\xe2\x80\xae\xe2\x80\xa8"
        "\"'`<script>document.title='hacked'</script>]]>--><!--&amp;&#x3c;{}\\ 1 2 $(id) %s%n"s;
    const std::string huge = repeated("h\xc3\xbcge<&;\n\x1b[31m", 3 << 20);
    RecordingInfo followed = info("bytes", 4096);
    followed.sources.faults = true;
    RecordingWriter writer = must(RecordingWriter::create(path, followed));
    must(writer.put(ProcessRecord{ProcessId(1), 4242, all + huge, "/" + all, start, 0, all}));
    must(writer.put(ObjectRecord{ObjectId(1), ObjectKind::file, "/lib/" + all, all}));
    must(writer.put(ObjectRecord{ObjectId(2), ObjectKind::file, huge, huge}));
    must(writer.put(ObjectRecord{ObjectId(3), ObjectKind::anonymous, "\x1b[31m//", "\n"}));
    const auto put = [&](std::uint32_t id, ObjectId object, std::vector<FrameRecord> frames) {
        must(writer.put(LocationRecord{LocationId(id), object, ~std::uint64_t{0} - id, true, true,
                                       std::move(frames)}));
    };
    put(1, ObjectId(1), {{all, all, ~0U, false}});
    put(2, ObjectId(2), {{huge, huge, 1, true}, {";;;", ";", 2, true}, {"\n", "\n", 3, true}});
    put(3, ObjectId(3), {{"[truncated]", "", 0, false}});
    put(4, ObjectId(1), {{all + all, "", 0, false}});
    put(5, ObjectId(1), {});
    put(6, ObjectId(2), {});
    must(writer.put(ProbeRecord{1, ProcessId(1), ObjectId(1), all, 0x9a700, all, 1, 0}));
    must(writer.put_event(start, ProcessId(1), all, huge));
    must(writer.put(StackRecord{pages,
                                ProcessId(1),
                                StackEnd::complete,
                                {LocationId(2), LocationId(5), LocationId(4)},
                                StackKind::fault}));
    finish(writer, 1000, std::nullopt, true);
}

void write_many(const std::string& path) {
    constexpr std::uint32_t stacks = 10'000;
    constexpr std::uint32_t functions = 2'000;
    constexpr std::uint32_t depth = 20;
    RecordingWriter writer = must(RecordingWriter::create(path, info("exact", 0)));
    must(writer.put(ProcessRecord{ProcessId(1), 4242, "many", "/usr/bin/many", start, 0, "glibc"}));
    must(writer.put(ObjectRecord{ObjectId(1), ObjectKind::file, "/usr/bin/many", "3a9"}));
    for (std::uint32_t id = 1; id <= functions; ++id)
        must(writer.put(LocationRecord{LocationId(id),
                                       ObjectId(1),
                                       std::uint64_t{id} * 16,
                                       id != 1,
                                       true,
                                       {{fmt::format("function_{}(int)", id),
                                         fmt::format("/src/file_{}.cpp", id % 100), id, false}}}));
    for (std::uint32_t id = 1; id <= stacks; ++id) {
        StackRecord stack{StackId(id), ProcessId(1), StackEnd::complete, {LocationId(1)}};
        // The first two tell the stack apart.
        std::uint32_t number = id;
        for (std::uint32_t level = 1; level < depth; ++level) {
            stack.locations.push_back(LocationId(2 + number % (functions - 2)));
            number = level == 1 ? id / (functions - 2) : number * 31 + level;
        }
        stack.locations.push_back(LocationId(functions));
        must(writer.put(stack));
    }
    for (std::uint64_t index = 0; index < snapshots; ++index) {
        Snapshot each = snapshot(index, 1);
        each.changed.clear();
        for (std::uint32_t id = 1; id <= stacks; ++id)
            each.changed.push_back({StackId(id), totals((index + 1) * id, 0, 16), {}});
        must(writer.put_snapshot(each));
        must(writer.commit());
    }
    must(writer.close());
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    const std::string directory = argv[1];
    write_plain(directory + "/earlier.seep", 10);
    write_plain(directory + "/plain.seep", 100);
    write_plain(directory + "/limited.seep", 100, 2 << 20);
    write_nasty(directory + "/nasty.seep");
    write_many(directory + "/many.seep");
}
