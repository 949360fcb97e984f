// SPDX-License-Identifier: GPL-2.0-only
#include "store/thinning.h"

namespace seep {

namespace {

constexpr int merges_per_commit = 4;
constexpr std::size_t least_kept = 16;

constexpr const char* lower_sql =
    "UPDATE totals SET least_held_bytes = gone.least_held_bytes FROM totals AS gone "
    "WHERE totals.snapshot = ?1 AND gone.snapshot = ?2 AND totals.stack = gone.stack "
    "AND gone.least_held_bytes < totals.least_held_bytes";

/// The snapshot to merge into its successor: neither the first nor the last, and the one that
/// leaves the smallest gap for its age. Needs three snapshots.
std::size_t choose_victim(const std::vector<Thinning::Entry>& kept) {
    const std::int64_t now = kept.back().time_ns;
    std::size_t best = 1;
    double least = 0;
    for (std::size_t i = 1; i + 1 < kept.size(); ++i) {
        const double gap = static_cast<double>(kept[i + 1].time_ns - kept[i - 1].time_ns);
        const double relative = gap / static_cast<double>(now - kept[i].time_ns);
        if (i == 1 || relative < least) {
            least = relative;
            best = i;
        }
    }
    return best;
}

}  // namespace

Result<Thinning> Thinning::create(sqlite3* db, std::uint64_t max_rows) {
    Thinning thinning(db, max_rows);
    Preparer prepared(db);
    thinning.lower_ = prepared(lower_sql);
    thinning.carry_ = prepared(carry_totals_sql);
    thinning.drop_totals_ = prepared("DELETE FROM totals WHERE snapshot = ?");
    thinning.drop_samples_ = prepared("DELETE FROM process_sample WHERE snapshot = ?");
    thinning.drop_calls_ = prepared("DELETE FROM call_count WHERE snapshot = ?");
    thinning.drop_heap_ = prepared("DELETE FROM heap_in_use WHERE snapshot = ?");
    thinning.drop_lost_ = prepared("DELETE FROM heap_lost WHERE snapshot = ?");
    thinning.drop_snapshot_ = prepared("DELETE FROM snapshot WHERE id = ?");
    if (prepared.error()) return *prepared.error();
    return thinning;
}

Result<void> Thinning::add(Entry snapshot, std::uint64_t rows) {
    kept_.push_back(snapshot);
    rows_ += rows;
    for (int i = 0; i < merges_per_commit && rows_ > max_rows_ && kept_.size() > least_kept; ++i)
        if (Result<void> merged = merge(choose_victim(kept_)); !merged) return merged;
    return {};
}

void Thinning::forget_before(std::size_t first, std::int64_t rows) {
    kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(first));
    rows_ += static_cast<std::uint64_t>(rows);
}

Result<void> Thinning::halve() {
    for (std::size_t victim = 1; victim + 1 < kept_.size(); ++victim)
        if (Result<void> removed = remove(victim); !removed) return removed;
    return {};
}

Result<void> Thinning::merge(std::size_t victim) {
    // First: remove() then adds only what the later snapshot does not have.
    if (Result<void> done = lower_.run(kept_[victim + 1].snapshot, kept_[victim].snapshot); !done)
        return done;
    return remove(victim);
}

Result<void> Thinning::remove(std::size_t victim) {
    const std::uint32_t gone = kept_[victim].snapshot;
    const std::uint32_t into = kept_[victim + 1].snapshot;
    if (Result<void> done = carry_.run(into, gone); !done) return done;
    rows_ += static_cast<std::uint64_t>(sqlite3_changes64(db_));
    for (Statement* drop :
         {&drop_totals_, &drop_samples_, &drop_calls_, &drop_heap_, &drop_lost_, &drop_snapshot_}) {
        if (Result<void> done = drop->run(gone); !done) return done;
        rows_ -= static_cast<std::uint64_t>(sqlite3_changes64(db_));
    }
    kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(victim));
    return {};
}

}  // namespace seep
