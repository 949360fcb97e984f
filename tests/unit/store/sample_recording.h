// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// A small recording with something in every table, and a directory of its own for each test.

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "store/reader.h"
#include "store/writer.h"

namespace seep::testing {

/// A new, empty directory, removed with all that is in it.
class TemporaryDirectory {
 public:
    TemporaryDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "seep-test-XXXXXX").string();
        path_ = mkdtemp(name.data());
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
    [[nodiscard]] std::string file(const std::string& name = "r.seep") const {
        return path_ + "/" + name;
    }
    [[nodiscard]] const std::string& path() const { return path_; }

 private:
    std::string path_;
};

inline constexpr std::int64_t second_ns = 1'000'000'000;
inline constexpr std::int64_t sample_start_ns = 1'763'662'000 * second_ns;
/// Above 2^63, as half of all hashes are.
inline const StackId leak_stack{0xf000000000000001};
inline const StackId steady_stack{0x11};

inline RecordingInfo sample_info() {
    return {.seep_version = "0.1.0",
            .started_ns = sample_start_ns,
            .interval_ns = 10 * second_ns,
            .sampling_asked = "exact",
            .sampling_bytes = 0,
            .budget_ppm = 50'000,
            .kernel = "6.18.0",
            .machine = "x86_64",
            .attach_mode = "session",
            .frame_cost_ps = 290'000};
}

inline Totals totals_of(std::uint64_t allocated_count, std::uint64_t allocated_bytes,
                        std::uint64_t freed_count = 0, std::uint64_t freed_bytes = 0) {
    return {.allocated_count = allocated_count,
            .allocated_bytes = allocated_bytes,
            .freed_count = freed_count,
            .freed_bytes = freed_bytes,
            .allocated_squares = ~std::uint64_t{0},
            .freed_squares = 1,
            .mean_birth_us = 5};
}

inline std::vector<LocationRecord> sample_locations() {
    return {
        {LocationId(1), ObjectId(1), 0x98890, false, true, {{"malloc", "", 0, false}}},
        {LocationId(2),
         ObjectId(2),
         0x1234,
         true,
         true,
         {{"inner", "/src/a.h", 7, true}, {"outer", "/src/a.c", 42, false}}},
        {LocationId(3), ObjectId(2), 0xffffffffffffff00, true, true, {}},
        {LocationId(4), ObjectId(), 0x7f0000001000, true, false, {}},
    };
}

inline ProcessSample sample_of(std::uint64_t rss, bool alive = true) {
    ProcessSample sample;
    sample.process = ProcessId(1);
    sample.alive = alive;
    sample.rss_bytes = rss;
    sample.cpu_ns = 1'000'000;
    sample.waited_ns = 30'000;
    sample.cgroup_limit = 1 << 30;
    sample.probe_hits = 12;
    sample.overhead_ns = 5000;
    sample.page_faults = 7000;
    sample.unobserved_page_faults = 600;
    sample.losses[SEEP_LOSS_UNMATCHED_FREES] = 3;
    return sample;
}

/// What does not change any more after the first snapshot.
inline void put_static_parts(RecordingWriter& writer) {
    const ProcessRecord process{ProcessId(1),    4242, "leaky --fast",     "/usr/bin/leaky",
                                sample_start_ns, 0,    "glibc (libc.so.6)"};
    ASSERT_TRUE(writer.put(process));
    ASSERT_TRUE(writer.put(
        ObjectRecord{ObjectId(1), ObjectKind::file, "/lib/x86_64-linux-gnu/libc.so.6", "ab12"}));
    ASSERT_TRUE(writer.put(ObjectRecord{ObjectId(2), ObjectKind::file, "/usr/bin/leaky", ""}));
    for (const LocationRecord& location : sample_locations()) ASSERT_TRUE(writer.put(location));
    ASSERT_TRUE(writer.put(StackRecord{leak_stack,
                                       ProcessId(1),
                                       StackEnd::complete,
                                       {LocationId(1), LocationId(2), LocationId(3)}}));
    ASSERT_TRUE(writer.put(
        StackRecord{steady_stack, ProcessId(1), StackEnd::broken, {LocationId(1), LocationId(4)}}));
    ASSERT_TRUE(writer.put(
        ProbeRecord{1, ProcessId(1), ObjectId(1), "malloc", 0x98890, "emulated", 12, 600'000}));
    ASSERT_TRUE(writer.put(PeriodRecord{1, sample_start_ns, sample_start_ns + 10 * second_ns,
                                        "windows", 4096, 7 * second_ns}));
    ASSERT_TRUE(writer.put_event(sample_start_ns, ProcessId(1), "attach", "42 probes"));
}

/// Snapshot `index`: the leak holds index * 100 bytes, the other stack changes only in the first.
inline Snapshot sample_snapshot(std::uint64_t index) {
    Snapshot snapshot;
    snapshot.time_ns = sample_start_ns + static_cast<std::int64_t>(index) * 10 * second_ns;
    snapshot.unobserved_ns = 7 * second_ns;
    snapshot.pauses = 3;
    if (index > 0) snapshot.host = HostMemory{1000, 700, 200, index % 200};
    snapshot.processes = {sample_of(1'000'000 + index * 4096)};
    snapshot.changed.push_back(
        {leak_stack, totals_of(2 * index, 200 * index, index, 100 * index), {index, 0, 7}});
    if (index == 0) snapshot.changed.push_back({steady_stack, totals_of(5, 500), {}});
    if (index > 0)
        snapshot.revisits.push_back(
            {leak_stack, {{0, 10 * index, 4}, {0, 1, index}}, {{index, 7}, {0, 7}}});
    if (index > 0)
        snapshot.reachability.push_back({leak_stack, 9'000'000 * index, 50, 40 + index, 4'000,
                                         5'000'000, 12, index, true, steady_stack, 30 + index});
    if (index > 0)
        snapshot.calls.push_back({.process = ProcessId(1),
                                  .location = LocationId(2),
                                  .observed_ns = index * second_ns,
                                  .observed_calls = 7 * index,
                                  .unobserved_ns = 9 * index * second_ns,
                                  .unobserved_calls = 70 * index});
    if (index > 0) {
        snapshot.heap = {{.process = ProcessId(1), .bytes = 900},
                         {.process = ProcessId(1),
                          .chunk_bytes = 112,
                          .blocks = 5 * index,
                          .bytes = 560 * index}};
        snapshot.heap_lost = {{.process = ProcessId(1),
                               .chunk_bytes = 112,
                               .blocks = 2 * index,
                               .bytes = 224 * index}};
    }
    return snapshot;
}

/// Writes and closes a recording of that many snapshots.
inline void write_sample(const std::string& path, std::uint64_t snapshots = 4) {
    Result<RecordingWriter> writer = RecordingWriter::create(path, sample_info());
    ASSERT_TRUE(writer) << writer.error().message;
    put_static_parts(*writer);
    for (std::uint64_t index = 0; index < snapshots; ++index) {
        ASSERT_TRUE(writer->put_snapshot(sample_snapshot(index)));
        ASSERT_TRUE(writer->commit());
    }
    ASSERT_TRUE(writer->close());
}

}  // namespace seep::testing
