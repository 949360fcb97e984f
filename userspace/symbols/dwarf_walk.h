// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Walking DWARF that may be built to keep a walker busy for ever: sibling references that let a
// tree of n entries be read in 2^n ways, range lists that a million entries share, nesting without
// end. Not thread-safe.

#include <elfutils/libdw.h>

#include <cstddef>
#include <cstdint>

namespace seep {

/// What one object's debug information may cost, in entries visited and ranges read: some 10 times
/// what the largest programs need, about a minute. Once it is spent, what has not been walked yet
/// is shown without inlined calls.
class WorkBudget {
 public:
    bool spend() { return left_ != 0 && --left_ != 0; }

 private:
    std::uint64_t left_ = 1'000'000'000;
};

/// One walk down a tree, or a part of it, in the order of the file. Entries lie behind one another
/// in that order; one that does not has been visited already, so each is visited once at most.
class DieWalk {
 public:
    explicit DieWalk(WorkBudget& budget) : budget_(budget) {}

    /// Calls visit(die) for the children of `parent`; it may call for_each_child(die, ...) in turn.
    template <typename Visit>
    void for_each_child(Dwarf_Die parent, Visit visit) {
        Dwarf_Die die;
        if (depth_ == max_depth || dwarf_child(&parent, &die) != 0) return;
        ++depth_;
        do {
            if (die.addr <= last_ || !budget_.spend()) break;
            last_ = die.addr;
            visit(die);
        } while (dwarf_siblingof(&die, &die) == 0);
        --depth_;
    }

 private:
    static constexpr int max_depth = 512;
    WorkBudget& budget_;
    const void* last_ = nullptr;
    int depth_ = 0;
};

/// Calls visit(start, end) for each range of code of `die`.
template <typename Visit>
void for_each_range(Dwarf_Die die, WorkBudget& budget, Visit visit) {
    Dwarf_Addr base = 0;
    Dwarf_Addr start = 0;
    Dwarf_Addr end = 0;
    std::ptrdiff_t next = 0;
    while ((next = dwarf_ranges(&die, next, &base, &start, &end)) > 0 && budget.spend()) {
        visit(start, end);
    }
}

}  // namespace seep
