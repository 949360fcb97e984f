// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Keeps a recording that is being written within a number of rows, by merging an old snapshot into
// the one after it. Part of the writer's transactions.
//
//     snapshot      1   2   3   4   5   6           1       3   4   5   6
//     stack A       10  20  30  40  50  60   ->     10     30  40  50  60   (least of 3: 20)
//     stack B       7   9   .   .   8   .           7       9   .   8   .   (moved to 3)
//
// The state of every stack at every kept snapshot stays exact, because rows are cumulative and a
// stack without a row has not changed. least_held_bytes of the later row takes the minimum of both.
// The first and the last snapshot are never merged away, and sixteen always stay: with fewer, no
// trend can be told.
//
// The snapshot that goes is the one whose neighbours would be closest together relative to its age,
// so that resolution falls evenly with age: with n snapshots kept over a time T, neighbours of age
// a are about a * ln(T)/n apart.
//
// Cost: at most merges_per_commit merges a snapshot, each of which costs what the snapshot that
// goes has of rows. A merge frees at least the row in `snapshot` and one sample a process. Where
// rows are freed more slowly than new ones come (few stacks in common), max_rows is passed for a
// while; where sixteen snapshots have more rows, it stays passed.
//
// Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "store/sql.h"

namespace seep {

/// Adds to a snapshot's totals (?1) what it has none of and an earlier one (?2) has: a stack
/// without a row is as it was before.
inline constexpr const char* carry_totals_sql =
    "INSERT OR IGNORE INTO totals SELECT ?1, stack, allocated_count, allocated_bytes, freed_count, "
    "freed_bytes, allocated_squares, freed_squares, held_variance, mean_birth_us, lapsed_count, "
    "lapsed_bytes, least_held_bytes "
    "FROM totals WHERE snapshot = ?2";

class Thinning {
 public:
    struct Entry {
        std::uint32_t snapshot = 0;
        std::int64_t time_ns = 0;
    };

    static Result<Thinning> create(sqlite3* db, std::uint64_t max_rows);

    /// Tells of a snapshot just written, later than all before, with that many rows in all tables;
    /// merges older ones if there are too many rows now.
    Result<void> add(Entry snapshot, std::uint64_t rows);

    /// Removes every other snapshot, but the first and the last, as if it had never been taken:
    /// what was least held then is forgotten, so that the lows of early and late times are of as
    /// many moments.
    Result<void> halve();

    [[nodiscard]] std::uint64_t rows() const { return rows_; }
    /// The snapshots there are, in order.
    [[nodiscard]] const std::vector<Entry>& kept() const { return kept_; }
    /// Tells that the snapshots before kept()[first] were removed by somebody else, and by how much
    /// that changed the number of rows.
    void forget_before(std::size_t first, std::int64_t rows);

 private:
    Thinning(sqlite3* db, std::uint64_t max_rows) : db_(db), max_rows_(max_rows) {}
    Result<void> merge(std::size_t victim);
    Result<void> remove(std::size_t victim);

    sqlite3* db_;
    std::uint64_t max_rows_;
    std::uint64_t rows_ = 0;
    std::vector<Entry> kept_;
    Statement lower_;
    Statement carry_;
    Statement drop_totals_;
    Statement drop_samples_;
    Statement drop_calls_;
    Statement drop_heap_;
    Statement drop_lost_;
    Statement drop_snapshot_;
};

}  // namespace seep
