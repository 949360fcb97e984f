// SPDX-License-Identifier: GPL-2.0-only
#include "store/retention.h"

#include <algorithm>

namespace seep {

namespace {

constexpr const char* settle_sql =
    "UPDATE totals SET least_held_bytes = max(allocated_bytes - freed_bytes, 0) WHERE snapshot = ?";

// Rows of these count as the recording's size.
constexpr const char* of_snapshot_sql[] = {
    "DELETE FROM totals WHERE snapshot < ?",     "DELETE FROM process_sample WHERE snapshot < ?",
    "DELETE FROM call_count WHERE snapshot < ?", "DELETE FROM heap_in_use WHERE snapshot < ?",
    "DELETE FROM heap_lost WHERE snapshot < ?",  "DELETE FROM snapshot WHERE id < ?",
};

// Of an ended process, what is left of totals and samples is at the first snapshot.
constexpr const char* of_ended_snapshot_sql[] = {
    ("DELETE FROM totals WHERE snapshot = ? AND stack IN (SELECT id FROM stack WHERE process IN "
     "temp.ended)"),
    "DELETE FROM process_sample WHERE snapshot = ? AND process IN temp.ended",
    "DELETE FROM call_count WHERE snapshot = ? AND process IN temp.ended",
    "DELETE FROM heap_in_use WHERE snapshot = ? AND process IN temp.ended",
    "DELETE FROM heap_lost WHERE snapshot = ? AND process IN temp.ended",
};

constexpr const char* of_time_sql[] = {
    "DELETE FROM event WHERE time_ns < ?",
    "DELETE FROM period WHERE ended_ns < ? AND id < (SELECT max(id) FROM period)",
};

// What refers to others goes before them.
constexpr const char* of_ended_sql[] = {
    "DELETE FROM lifetime WHERE stack IN (SELECT id FROM stack WHERE process IN temp.ended)",
    "DELETE FROM revisit WHERE stack IN (SELECT id FROM stack WHERE process IN temp.ended)",
    "DELETE FROM reachability WHERE stack IN (SELECT id FROM stack WHERE process IN temp.ended)",
    "DELETE FROM stack_frame WHERE stack IN (SELECT id FROM stack WHERE process IN temp.ended)",
    "DELETE FROM stack WHERE process IN temp.ended",
    "DELETE FROM probe WHERE process IN temp.ended",
    "DELETE FROM event WHERE process IN temp.ended",
    "DELETE FROM process WHERE id IN temp.ended",
};

}  // namespace

Result<Retention> Retention::create(sqlite3* db, std::chrono::nanoseconds keep) {
    Retention retention(db, keep.count());
    if (Result<void> made = execute(db, "CREATE TEMP TABLE ended (process INTEGER PRIMARY KEY)");
        !made)
        return made.error();
    Preparer prepared(db);
    retention.carry_ = prepared(carry_totals_sql);
    retention.settle_ = prepared(settle_sql);
    retention.name_ = prepared("INSERT INTO temp.ended VALUES (?)");
    for (const char* sql : of_snapshot_sql) retention.of_snapshot_.push_back(prepared(sql));
    for (const char* sql : of_ended_snapshot_sql) retention.of_snapshot_.push_back(prepared(sql));
    for (const char* sql : of_time_sql) retention.of_time_.push_back(prepared(sql));
    for (const char* sql : of_ended_sql) retention.of_ended_.push_back(prepared(sql));
    if (prepared.error()) return *prepared.error();
    return retention;
}

Result<void> Retention::add(const std::vector<ProcessSample>& processes, Thinning& history) {
    if (keep_ns_ == 0) return {};
    const std::vector<Thinning::Entry>& kept = history.kept();
    for (const ProcessSample& sample : processes)
        if (!sample.alive) ended_.emplace(sample.process, kept.back().snapshot);
    const std::int64_t age = kept.back().time_ns - kept.front().time_ns;
    if (age - keep_ns_ < keep_ns_ / 8) return {};
    const auto after = std::ranges::upper_bound(kept, kept.back().time_ns - keep_ns_, {},
                                                &Thinning::Entry::time_ns);
    const auto first = static_cast<std::size_t>(after - kept.begin()) - 1;
    return first > 0 ? forget_before(first, history) : Result<void>();
}

/// Merging moves rows to later snapshots, but never past one that is kept: a process that was seen
/// for the last time before that has no row after it.
Result<void> Retention::name_ended(std::uint32_t snapshot) {
    if (Result<void> done = execute(db_, "DELETE FROM temp.ended"); !done) return done;
    for (auto entry = ended_.begin(); entry != ended_.end();) {
        if (entry->second > snapshot) {
            ++entry;
            continue;
        }
        if (Result<void> done = name_.run(entry->first.value); !done) return done;
        entry = ended_.erase(entry);
    }
    return {};
}

Result<void> Retention::forget_before(std::size_t first, Thinning& history) {
    const Thinning::Entry oldest = history.kept()[first];
    std::int64_t rows = 0;
    // The latest state of a stack is the first that comes here; older ones are ignored then.
    for (std::size_t i = first; i-- > 0;) {
        if (Result<void> done = carry_.run(oldest.snapshot, history.kept()[i].snapshot); !done)
            return done;
        rows += sqlite3_changes64(db_);
    }
    if (Result<void> done = settle_.run(oldest.snapshot); !done) return done;
    if (Result<void> done = name_ended(oldest.snapshot); !done) return done;
    for (Statement& statement : of_snapshot_) {
        if (Result<void> done = statement.run(oldest.snapshot); !done) return done;
        rows -= sqlite3_changes64(db_);
    }
    for (Statement& statement : of_time_)
        if (Result<void> done = statement.run(oldest.time_ns); !done) return done;
    for (Statement& statement : of_ended_)
        if (Result<void> done = statement.run(); !done) return done;
    history.forget_before(first, rows);
    return {};
}

}  // namespace seep
