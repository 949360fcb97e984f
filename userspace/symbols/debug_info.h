// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The DWARF of one object: address -> functions, inlined ones included, with files and lines.
// DWARF 2 to 5, split units, supplementary (dwz) files. Units are found by their own ranges, not by
// .debug_aranges, which clang does not write.
// Addresses are those of the module. Valid as long as its module and symbol table; not thread-safe.

#include <elfutils/libdwfl.h>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "symbols/dwarf_walk.h"
#include "symbols/range_map.h"
#include "symbols/source_frame.h"
#include "symbols/symbol_table.h"
#include "symbols/unit_index.h"

namespace seep {

class DebugInfo {
 public:
    /// Empty if the module has no debug information.
    DebugInfo(Dwfl_Module* module, const SymbolTable& symbols);

    /// Innermost first; empty if nothing is known. A name that nothing is known of is empty.
    std::vector<SourceFrame> lookup(std::uint64_t address);

 private:
    void index_units();
    UnitIndex& unit_at(std::size_t index);
    const std::string& function_name(UnitIndex& unit, Dwarf_Die die);
    std::string make_function_name(UnitIndex& unit, Dwarf_Die origin);

    Dwfl_Module* module_;
    const SymbolTable& symbols_;
    Dwarf* dwarf_ = nullptr;
    Dwarf_Addr bias_ = 0;  // Address of the module less address of the debug information.
    WorkBudget budget_;
    std::vector<Dwarf_Die> unit_dies_;
    RangeMap<std::uint32_t> unit_ranges_;  // Index into unit_dies_.
    std::unordered_map<std::size_t, UnitIndex> units_;
    std::unordered_map<const void*, std::string> names_;  // By Dwarf_Die::addr of the origin.
};

}  // namespace seep
