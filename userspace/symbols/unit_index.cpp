// SPDX-License-Identifier: GPL-2.0-only
#include "symbols/unit_index.h"

#include <dwarf.h>

#include "symbols/die_names.h"

namespace seep {
namespace {

// What may hold functions with code. A subprogram does even if it has none itself: g++ leaves the
// code of a lambda in the description of a function that was inlined everywhere.
bool holds_functions(int tag) {
    switch (tag) {
        case DW_TAG_subprogram:
        case DW_TAG_namespace:
        case DW_TAG_module:
        case DW_TAG_class_type:
        case DW_TAG_structure_type:
        case DW_TAG_union_type:
        case DW_TAG_enumeration_type:
        case DW_TAG_lexical_block:
            return true;
        default:
            return false;
    }
}

}  // namespace

std::vector<Dwarf_Die> UnitIndex::scopes_at(Dwarf_Addr address, WorkBudget& budget) {
    index_functions(budget);
    const std::uint32_t* function_index = function_ranges_.find(address);
    if (function_index == nullptr) return {};
    Function& function = functions_[*function_index];
    index_inlined(function, budget);

    std::vector<Dwarf_Die> scopes;
    const std::uint32_t* innermost = function.inlined_ranges.find(address);
    for (std::uint32_t i = innermost == nullptr ? none : *innermost; i != none;
         i = function.inlined[i].caller) {
        scopes.push_back(function.inlined[i].die);
    }
    scopes.push_back(function.die);
    return scopes;
}

std::optional<Dwarf_Addr> UnitIndex::out_of_line_copy(Dwarf_Die origin, WorkBudget& budget) {
    index_functions(budget);
    const auto found = copies_.find(origin.addr);
    return found == copies_.end() ? std::nullopt : std::optional(found->second);
}

void UnitIndex::index_functions(WorkBudget& budget) {
    if (indexed_) return;
    indexed_ = true;
    DieWalk walk(budget);
    add_functions(tree_, walk, budget);
}

void UnitIndex::add_functions(Dwarf_Die parent, DieWalk& walk, WorkBudget& budget) {
    walk.for_each_child(parent, [&](Dwarf_Die die) {
        const int tag = dwarf_tag(&die);
        if (tag == DW_TAG_subprogram) add_function(die, budget);
        if (holds_functions(tag)) add_functions(die, walk, budget);
    });
}

void UnitIndex::add_function(Dwarf_Die die, WorkBudget& budget) {
    bool has_code = false;
    const auto index = static_cast<std::uint32_t>(functions_.size());
    for_each_range(die, budget, [&](Dwarf_Addr start, Dwarf_Addr end) {
        function_ranges_.assign(start, end, index);
        if (!has_code) copies_.try_emplace(function_origin(die).addr, start);
        has_code = true;
    });
    if (has_code) functions_.emplace_back().die = die;
}

void UnitIndex::index_inlined(Function& function, WorkBudget& budget) {
    if (function.indexed) return;
    function.indexed = true;
    DieWalk walk(budget);
    add_inlined(function, function.die, none, walk, budget);
}

void UnitIndex::add_inlined(Function& function, Dwarf_Die parent, std::uint32_t caller,
                            DieWalk& walk, WorkBudget& budget) {
    walk.for_each_child(parent, [&](Dwarf_Die die) {
        const int tag = dwarf_tag(&die);
        std::uint32_t holder = caller;
        if (tag == DW_TAG_inlined_subroutine) {
            holder = static_cast<std::uint32_t>(function.inlined.size());
            function.inlined.push_back({die, caller});
            for_each_range(die, budget, [&](Dwarf_Addr start, Dwarf_Addr end) {
                function.inlined_ranges.assign(start, end, holder);
            });
        } else if (tag != DW_TAG_lexical_block && tag != DW_TAG_try_block &&
                   tag != DW_TAG_catch_block && tag != DW_TAG_with_stmt) {
            return;
        }
        add_inlined(function, die, holder, walk, budget);
    });
}

}  // namespace seep
