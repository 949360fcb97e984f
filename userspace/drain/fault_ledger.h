// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Which stack first touched each page that a process has in memory.
//
// Faults say who came for a page, and not what became of it; the page tables say at a look
// which pages are there (target/anonymous_pages.h), and not who came for them. The ledger puts the
// two together:
//
//     ledger           |AAAA|        |BB|           A's four pages and B's two were there
//     faults since       C        DD                C touched a page of A anew, D two new ones
//     now in memory    |####|    |####|             B's are gone; beside D's two more came
//     ledger           |ACAA|    |DDDD|             A: 1 freed, B: 2 freed, C: 1, D: 4
//
// - A page that is not there any more is freed: unmapped, given back by madvise, in swap.
// - A fault on a page that could be read before is a write after a fork, or the first to a page
//   that had only been read: the page stays its owner's, if it has one.
// - Any other fault on a page of the ledger shows that it was gone in between, and makes it new.
// - Pages beside a touched one, in its block of 2 MiB, came along with it: a large page.
// - Other pages came without a fault that was seen (MAP_POPULATE, reads into pinned memory, lost
//   faults) and are summed up as `untold`; what was there at the start, as `earlier`.
// - A fault may be told just before its page is there. One without a page waits for the next look.
// - What comes and goes between two looks is not counted.
//
// Counts are of pages. Pages of one stack that are next to each other are one range, with the mean
// of their births; those that are freed together count as having lived equally long.
//
// Pure: no system calls. Not thread-safe.

#include <cstdint>
#include <map>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "drain/snapshot.h"
#include "target/anonymous_pages.h"

namespace seep {

class FaultLedger {
 public:
    /// Ranges kept at most, of the ledger and of faults since the last look, each. What does
    /// not fit is untold, and counted as refused.
    static constexpr std::size_t max_ranges = std::size_t{1} << 20;
    /// Of the largest page that one fault brings.
    static constexpr std::uint64_t block_bytes = 2 << 20;

    explicit FaultLedger(std::uint64_t page_bytes) : page_(page_bytes) {}

    /// What is in memory when tracing begins.
    void begin(std::span<const PageRun> pages);
    /// A fault. `was_there`: the page could be read before it.
    void touch(std::uint64_t address, StackId stack, bool was_there);
    /// A look. `time_us`: since attach.
    void reconcile(std::span<const PageRun> pages, std::uint64_t time_us);

    /// Totals of the stacks at which anything happened since the last time.
    std::vector<StackTotals> take_changed();
    /// As of the last reconcile().
    [[nodiscard]] FaultedBytes faulted() const;
    [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
    using Owner = std::uint32_t;  ///< Index into owners_.
    static constexpr Owner earlier = 0;
    static constexpr Owner untold = 1;

    struct Range {
        std::uint64_t start = 0;
        std::uint64_t end = 0;
        Owner owner = earlier;
        double born_us = 0;  ///< The mean of its pages.
    };
    enum class Came : std::uint8_t {
        fresh,      ///< The page was not there.
        was_there,  ///< It could be read.
        late,       ///< Told before the last look, which did not find the page.
    };
    struct Touch {
        std::uint64_t end = 0;
        Owner owner = earlier;
        Came came = Came::fresh;
        bool operator==(const Touch&) const = default;
    };
    struct Books {
        StackId stack;
        std::uint64_t allocated = 0;  ///< Pages.
        std::uint64_t freed = 0;
        std::uint64_t live = 0;
        double births_us = 0;  ///< Of the live ones, summed.
        Lifetimes lifetimes{};
        bool changed = false;
        // While reconciling:
        std::uint64_t kept = 0;
        double kept_births_us = 0;
    };
    class Merge;

    Owner owner_of(StackId stack);
    void settle(std::uint64_t time_us);
    void keep_late_touches();

    std::uint64_t page_;
    std::vector<Range> ranges_;               ///< Ascending, disjoint.
    std::map<std::uint64_t, Touch> touches_;  ///< By start; disjoint.
    std::vector<Books> owners_{2};
    std::unordered_map<StackId, Owner> by_stack_;
    std::uint64_t refused_ = 0;
};

}  // namespace seep
