// SPDX-License-Identifier: GPL-2.0-only
#include "drain/fault_ledger.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "drain/lifetime_bucket.h"

namespace seep {
namespace {

std::uint64_t block_start(std::uint64_t address) {
    return address & ~(FaultLedger::block_bytes - 1);
}

std::uint64_t block_end(std::uint64_t address) {
    return block_start(address) + FaultLedger::block_bytes;
}

}  // namespace

/// Walks the ledger, the touches and the pages in memory side by side, and makes the new ledger.
class FaultLedger::Merge {
 public:
    Merge(FaultLedger& ledger, double time_us)
        : ledger_(ledger),
          time_us_(time_us),
          range_(ledger.ranges_.begin()),
          touch_(ledger.touches_.begin()) {
        result_.reserve(ledger.ranges_.size());
    }

    void add(const PageRun& run) {
        for (std::uint64_t at = run.start; at < run.end;) {
            while (range_ != ledger_.ranges_.end() && range_->end <= at) ++range_;
            while (touch_ != ledger_.touches_.end() && touch_->second.end <= at) ++touch_;
            at = step(at, run);
        }
    }

    std::vector<Range> take() { return std::move(result_); }

 private:
    [[nodiscard]] std::uint64_t next_range() const {
        return range_ == ledger_.ranges_.end() ? none : range_->start;
    }
    [[nodiscard]] std::uint64_t next_touch() const {
        return touch_ == ledger_.touches_.end() ? none : touch_->first;
    }

    /// Deals with what holds from `at` on; where that ends.
    std::uint64_t step(std::uint64_t at, const PageRun& run) {
        const bool known = next_range() <= at;
        const bool touched = next_touch() <= at;
        std::uint64_t end = std::min(run.end, known ? range_->end : next_range());
        end = std::min(end, touched ? touch_->second.end : next_touch());
        if (touched && !(known && touch_->second.came != Came::fresh)) {
            emit({at, end, touch_->second.owner, time_us_});
            touched_until_ = end;
            toucher_ = touch_->second.owner;
        } else if (known) {
            Books& books = ledger_.owners_[range_->owner];
            const std::uint64_t pages = (end - at) / ledger_.page_;
            books.kept += pages;
            books.kept_births_us += static_cast<double>(pages) * range_->born_us;
            emit({at, end, range_->owner, range_->born_us});
        } else {
            came_along(at, end, next_touch() == end && end < run.end);
        }
        return end;
    }

    /// New pages that nobody was seen to come for: [at, end).
    void came_along(std::uint64_t at, std::uint64_t end, bool touched_behind) {
        if (touched_until_ == at && at != 0) {
            const std::uint64_t until = std::min(end, block_end(at - 1));
            if (until > at) emit({at, until, toucher_, time_us_});
            touched_until_ = until;
            at = until;
        }
        const std::uint64_t from = touched_behind ? std::max(at, block_start(end)) : end;
        if (from > at) emit({at, from, untold, time_us_});
        if (end > from) emit({from, end, touch_->second.owner, time_us_});
    }

    void emit(Range range) {
        if (!result_.empty() && result_.back().end == range.start &&
            result_.back().owner == range.owner) {
            Range& last = result_.back();
            const auto before = static_cast<double>(last.end - last.start);
            const auto more = static_cast<double>(range.end - range.start);
            last.born_us = (before * last.born_us + more * range.born_us) / (before + more);
            last.end = range.end;
            return;
        }
        if (result_.size() >= max_ranges) {
            ledger_.refused_ += (range.end - range.start) / ledger_.page_;
            return;
        }
        result_.push_back(range);
    }

    static constexpr std::uint64_t none = std::numeric_limits<std::uint64_t>::max();
    FaultLedger& ledger_;
    double time_us_;
    std::vector<Range>::const_iterator range_;
    std::map<std::uint64_t, Touch>::const_iterator touch_;
    std::uint64_t touched_until_ = 0;  ///< The end of what was just given to toucher_.
    Owner toucher_ = untold;
    std::vector<Range> result_;
};

FaultLedger::Owner FaultLedger::owner_of(StackId stack) {
    if (!stack) return untold;
    const auto [known, is_new] = by_stack_.emplace(stack, static_cast<Owner>(owners_.size()));
    if (is_new) owners_.push_back({.stack = stack});
    return known->second;
}

void FaultLedger::begin(std::span<const PageRun> pages) {
    ranges_.clear();
    for (const PageRun& run : pages) {
        if (ranges_.size() >= max_ranges) {
            refused_ += (run.end - run.start) / page_;
            continue;
        }
        ranges_.push_back({run.start, run.end, earlier, 0});
        owners_[earlier].live += (run.end - run.start) / page_;
    }
}

void FaultLedger::touch(std::uint64_t address, StackId stack, bool was_there) {
    const std::uint64_t start = address & ~(page_ - 1);
    const std::uint64_t end = start + page_;
    const Owner owner = owner_of(stack);
    const Came came = was_there ? Came::was_there : Came::fresh;
    auto next = touches_.upper_bound(start);
    if (next != touches_.begin()) {
        const auto before = std::prev(next);
        Touch& known = before->second;
        if (known.end > start) {
            // Again: only if the page was gone in between does it change hands.
            if (was_there || (known.owner == owner && known.came == came)) return;
            const Touch old = known;
            const std::uint64_t old_start = before->first;
            touches_.erase(before);
            if (old_start < start) touches_.emplace(old_start, Touch{start, old.owner, old.came});
            if (end < old.end) touches_.emplace(end, Touch{old.end, old.owner, old.came});
            touches_.emplace(start, Touch{end, owner, came});
            return;
        }
        if (known.end == start && known.owner == owner && known.came == came) {
            known.end = end;
            return;
        }
    }
    if (touches_.size() >= max_ranges) {
        ++refused_;
        return;
    }
    touches_.emplace_hint(next, start, Touch{end, owner, came});
}

void FaultLedger::reconcile(std::span<const PageRun> pages, std::uint64_t time_us) {
    for (Books& books : owners_) {
        books.kept = 0;
        books.kept_births_us = 0;
    }
    Merge merge(*this, static_cast<double>(time_us));
    for (const PageRun& run : pages) merge.add(run);
    ranges_ = merge.take();
    keep_late_touches();
    settle(time_us);
}

void FaultLedger::keep_late_touches() {
    std::map<std::uint64_t, Touch> late;
    auto range = ranges_.cbegin();
    for (const auto& [start, touch] : touches_) {
        if (touch.came == Came::late) continue;
        for (std::uint64_t at = start; at < touch.end;) {
            while (range != ranges_.cend() && range->end <= at) ++range;
            const bool there = range != ranges_.cend() && range->start <= at;
            const std::uint64_t end = std::min(touch.end, there                     ? range->end
                                                          : range == ranges_.cend() ? touch.end
                                                                                    : range->start);
            if (!there) late.emplace_hint(late.end(), at, Touch{end, touch.owner, Came::late});
            at = end;
        }
    }
    touches_ = std::move(late);
}

/// Brings the books in step with the new ranges.
void FaultLedger::settle(std::uint64_t time_us) {
    std::vector<std::uint64_t> live(owners_.size());
    std::vector<double> births(owners_.size());
    for (const Range& range : ranges_) {
        const std::uint64_t pages = (range.end - range.start) / page_;
        live[range.owner] += pages;
        births[range.owner] += static_cast<double>(pages) * range.born_us;
    }
    for (std::size_t i = 0; i < owners_.size(); ++i) {
        Books& books = owners_[i];
        const std::uint64_t kept = std::min({books.kept, books.live, live[i]});
        const std::uint64_t freed = books.live - kept;
        const std::uint64_t added = live[i] - kept;
        if (freed > 0) {
            const double born =
                (books.births_us - books.kept_births_us) / static_cast<double>(freed);
            const double lived = std::max(0.0, static_cast<double>(time_us) - born);
            books.lifetimes[lifetime_bucket(static_cast<std::uint64_t>(lived))] += freed;
        }
        books.freed += freed;
        books.allocated += added;
        books.changed = books.changed || freed > 0 || added > 0;
        books.live = live[i];
        books.births_us = births[i];
    }
}

std::vector<StackTotals> FaultLedger::take_changed() {
    std::vector<StackTotals> changed;
    const std::uint64_t squares = page_ * page_ / 256;
    for (std::size_t i = untold + 1; i < owners_.size(); ++i) {
        Books& books = owners_[i];
        if (!books.changed) continue;
        books.changed = false;
        StackTotals stack;
        stack.stack = books.stack;
        stack.totals.allocated_count = books.allocated;
        stack.totals.allocated_bytes = books.allocated * page_;
        stack.totals.allocated_squares = books.allocated * squares;
        stack.totals.freed_count = books.freed;
        stack.totals.freed_bytes = books.freed * page_;
        stack.totals.freed_squares = books.freed * squares;
        if (books.live > 0)
            stack.totals.mean_birth_us = static_cast<std::uint64_t>(
                std::max(0.0, books.births_us / static_cast<double>(books.live)));
        stack.lifetimes = books.lifetimes;
        changed.push_back(stack);
    }
    return changed;
}

FaultedBytes FaultLedger::faulted() const {
    FaultedBytes bytes;
    for (std::size_t i = untold + 1; i < owners_.size(); ++i)
        bytes.touched += owners_[i].live * page_;
    bytes.untold = owners_[untold].live * page_;
    bytes.earlier = owners_[earlier].live * page_;
    return bytes;
}

}  // namespace seep
