// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The functions of one compilation unit and the calls inlined into them, by address. Both are read
// when they are first asked for, and once: functions of the whole unit, inlined calls per function.
// Addresses are those of the debug information. Not thread-safe.

#include <elfutils/libdw.h>

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "symbols/dwarf_walk.h"
#include "symbols/range_map.h"

namespace seep {

class UnitIndex {
 public:
    /// `unit`: the entry that the line table hangs on. `tree`: the one with the functions below it;
    /// another one if the unit is split into a skeleton and a .dwo file.
    UnitIndex(Dwarf_Die unit, Dwarf_Die tree) : unit_(unit), tree_(tree) {}

    /// Inlined calls at the address, innermost first, and then the function that owns the code.
    /// Empty if no function is recorded there.
    std::vector<Dwarf_Die> scopes_at(Dwarf_Addr address, WorkBudget& budget);

    /// Where the out-of-line copy of a function lies (see function_origin), if the unit has one.
    std::optional<Dwarf_Addr> out_of_line_copy(Dwarf_Die origin, WorkBudget& budget);

    [[nodiscard]] Dwarf_Die unit() const { return unit_; }
    [[nodiscard]] Dwarf_Die tree() const { return tree_; }

 private:
    static constexpr std::uint32_t none = UINT32_MAX;
    struct InlinedCall {
        Dwarf_Die die;
        std::uint32_t caller = none;  // Index into inlined, or none: the function itself.
    };
    struct Function {
        Dwarf_Die die;
        bool indexed = false;
        std::vector<InlinedCall> inlined;
        RangeMap<std::uint32_t> inlined_ranges;
    };

    void index_functions(WorkBudget& budget);
    void add_functions(Dwarf_Die parent, DieWalk& walk, WorkBudget& budget);
    void add_function(Dwarf_Die die, WorkBudget& budget);
    static void index_inlined(Function& function, WorkBudget& budget);
    static void add_inlined(Function& function, Dwarf_Die parent, std::uint32_t caller,
                            DieWalk& walk, WorkBudget& budget);

    Dwarf_Die unit_;
    Dwarf_Die tree_;
    bool indexed_ = false;
    std::vector<Function> functions_;
    RangeMap<std::uint32_t> function_ranges_;
    std::unordered_map<const void*, Dwarf_Addr> copies_;  // By Dwarf_Die::addr of the origin.
};

}  // namespace seep
