// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// A long recording whose every number is known: stack s at second t has Workload::totals(s, t), if
// it changed then.

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <vector>

#include "sample_recording.h"

namespace seep::testing {

struct Workload {
    std::uint64_t stacks = 0;
    std::uint64_t seconds = 0;
    std::uint64_t changed_every =
        1;  ///< Stack s changes in seconds with t % changed_every == s % it.
    std::uint64_t max_rows = 0;
    std::chrono::nanoseconds keep{0};
    std::uint64_t heap_sizes = 0;  ///< Of which the heap is counted each second.
    std::uint64_t halved_at = 0;   ///< The second after which every other snapshot goes; 0: never.

    [[nodiscard]] bool changes(std::uint64_t stack, std::uint64_t second) const {
        return second % changed_every == stack % changed_every;
    }
    /// Live bytes: a slow rise with a sawtooth on top.
    [[nodiscard]] static std::uint64_t live(std::uint64_t stack, std::uint64_t second) {
        return stack + second * 10 + (second * 7919 + stack) % 64 * 1000;
    }
    [[nodiscard]] static Totals totals(std::uint64_t stack, std::uint64_t second) {
        const std::uint64_t allocated = 70'000 * (second + 1) + stack;
        return {.allocated_count = allocated / 100,
                .allocated_bytes = allocated,
                .freed_count = allocated / 200,
                .freed_bytes = allocated - live(stack, second),
                .allocated_squares = allocated * 50,
                .freed_squares = allocated * 40,
                .mean_birth_us = second * 900'000};
    }
    [[nodiscard]] static StackId id(std::uint64_t stack) {
        return StackId((stack + 1) * 0x9e3779b97f4a7c15);
    }
    [[nodiscard]] Snapshot snapshot(std::uint64_t second) const {
        Snapshot result;
        result.time_ns = sample_start_ns + static_cast<std::int64_t>(second) * second_ns;
        result.processes = {sample_of(1 << 20)};
        for (std::uint64_t size = 1; size <= heap_sizes; ++size)
            result.heap.push_back({ProcessId(1), 16 * size, second, second * size});
        result.heap_lost = result.heap;
        for (std::uint64_t stack = 0; stack < stacks; ++stack)
            if (second == 0 || changes(stack, second))
                result.changed.push_back(
                    {id(stack), totals(stack, second), {second, second / 2, 3, 0, 0, stack, 1}});
        return result;
    }
};

struct Outcome {
    std::uintmax_t greatest_bytes = 0;  ///< The file and its -wal, at any moment.
    double mean_ms = 0;                 ///< Of put_snapshot and commit.
    double worst_ms = 0;
};

inline Outcome record(const Workload& workload, const TemporaryDirectory& directory) {
    Outcome outcome;
    Result<RecordingWriter> writer = RecordingWriter::create(
        directory.file(), sample_info(), {.max_rows = workload.max_rows, .keep = workload.keep});
    put_static_parts(*writer);
    for (std::uint64_t stack = 0; stack < workload.stacks; ++stack)
        EXPECT_TRUE(writer->put(StackRecord{Workload::id(stack),
                                            ProcessId(1),
                                            StackEnd::complete,
                                            {LocationId(1), LocationId(2)}}));
    for (std::uint64_t second = 0; second < workload.seconds; ++second) {
        const Snapshot snapshot = workload.snapshot(second);
        const auto start = std::chrono::steady_clock::now();
        EXPECT_TRUE(writer->put_snapshot(snapshot));
        if (workload.halved_at != 0 && second == workload.halved_at) {
            EXPECT_TRUE(writer->halve());
        }
        EXPECT_TRUE(writer->commit());
        const double ms =
            std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
                .count();
        outcome.mean_ms += ms / static_cast<double>(workload.seconds);
        outcome.worst_ms = std::max(outcome.worst_ms, ms);
        outcome.greatest_bytes = std::max(
            outcome.greatest_bytes, std::filesystem::file_size(directory.file()) +
                                        std::filesystem::file_size(directory.file("r.seep-wal")));
    }
    EXPECT_TRUE(writer->close());
    return outcome;
}

inline std::vector<std::uint64_t> kept_seconds(const RecordingReader& reader) {
    std::vector<std::uint64_t> seconds;
    for (const SnapshotRecord& snapshot : reader.snapshots())
        seconds.push_back(
            static_cast<std::uint64_t>((snapshot.time_ns - sample_start_ns) / second_ns));
    return seconds;
}

/// At each kept snapshot every stack has the state it truly had; what came before the first is
/// forgotten but for that state.
inline void expect_exact(const Workload& workload, RecordingReader& reader) {
    const std::vector<std::uint64_t> seconds = kept_seconds(reader);
    std::map<StackId, std::vector<TotalsRow>> rows;
    ASSERT_TRUE(reader.for_each_totals([&](const TotalsRow& r) { rows[r.stack].push_back(r); }));
    ASSERT_EQ(rows.size(), workload.stacks);
    for (std::uint64_t stack = 0; stack < workload.stacks; ++stack) {
        auto row = rows[Workload::id(stack)].begin();
        const auto end = rows[Workload::id(stack)].end();
        std::uint64_t changed = 0;  // When the stack last changed.
        std::size_t before = 0;     // The snapshot of the row before.
        for (std::size_t i = 0; i < seconds.size(); ++i) {
            std::uint64_t least = ~std::uint64_t{0};
            for (std::uint64_t t = i == 0 ? 0 : seconds[i - 1] + 1; t <= seconds[i]; ++t)
                if (t == 0 || workload.changes(stack, t)) {
                    changed = t;
                    least = std::min(least, Workload::live(stack, t));
                }
            if (i == 0) least = Workload::live(stack, changed);
            const bool has_row = row != end && row->snapshot == i;
            ASSERT_EQ(has_row, least != ~std::uint64_t{0}) << "stack " << stack << " at " << i;
            if (!has_row) continue;
            EXPECT_EQ(row->totals, Workload::totals(stack, changed));
            EXPECT_EQ(row->least_held_bytes, least) << "stack " << stack << " from " << before;
            before = i;
            ++row;
        }
        EXPECT_EQ(row, end);
    }
}

}  // namespace seep::testing
