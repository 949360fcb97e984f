// SPDX-License-Identifier: GPL-2.0-only
#include "symbols/debug_info.h"

#include <dwarf.h>
#include <elfutils/libdwelf.h>

#include <climits>
#include <cstring>
#include <optional>

#include "symbols/demangle.h"
#include "symbols/die_names.h"
#include "symbols/harmless_file.h"

namespace seep {
namespace {

std::string path_text(const char* path) {
    return path == nullptr ? std::string() : std::string(path, strnlen(path, PATH_MAX));
}

std::string attribute_text(Dwarf_Die die, unsigned int name) {
    Dwarf_Attribute attribute;
    if (dwarf_attr(&die, name, &attribute) == nullptr) return {};
    return path_text(dwarf_formstring(&attribute));
}

Dwarf_Word attribute_number(Dwarf_Die die, unsigned int name) {
    Dwarf_Attribute attribute;
    Dwarf_Word number = 0;
    if (dwarf_attr(&die, name, &attribute) == nullptr) return 0;
    return dwarf_formudata(&attribute, &number) == 0 ? number : 0;
}

std::string join(const std::string& directory, const std::string& name) {
    return name.starts_with('/') ? name : directory + "/" + name;
}

struct SourcePosition {
    std::string file;
    std::uint32_t line = 0;
};

SourcePosition position_of_address(Dwarf_Die unit, Dwarf_Addr address) {
    SourcePosition position;
    Dwarf_Line* row = dwarf_getsrc_die(&unit, address);
    int line = 0;
    if (row == nullptr) return position;
    position.file = path_text(dwarf_linesrc(row, nullptr, nullptr));
    if (dwarf_lineno(row, &line) == 0 && line > 0) {
        position.line = static_cast<std::uint32_t>(line);
    }
    return position;
}

SourcePosition position_of_call(Dwarf_Die unit, Dwarf_Die inlined_call) {
    SourcePosition position;
    Dwarf_Files* files = nullptr;
    std::size_t count = 0;
    const Dwarf_Word file = attribute_number(inlined_call, DW_AT_call_file);
    if (dwarf_getsrcfiles(&unit, &files, &count) == 0 && file < count) {
        position.file = path_text(dwarf_filesrc(files, file, nullptr, nullptr));
    }
    const Dwarf_Word line = attribute_number(inlined_call, DW_AT_call_line);
    if (line <= UINT32_MAX) position.line = static_cast<std::uint32_t>(line);
    return position;
}

// libdw looks for the supplementary file itself where libdwfl did not find it.
bool has_harmless_supplement(Dwarf* dwarf, const std::string& directory) {
    const char* name = nullptr;
    const void* build_id = nullptr;
    if (dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &build_id) <= 0) return true;
    return is_harmless_file(join(directory, path_text(name)));
}

// Whether libdw may look for the rest of a skeleton unit.
bool has_harmless_split_file(Dwarf_Die skeleton, const std::string& debug_file) {
    std::string name = attribute_text(skeleton, DW_AT_dwo_name);
    if (name.empty()) name = attribute_text(skeleton, DW_AT_GNU_dwo_name);
    const std::string directory = directory_of(debug_file);
    const std::string compiled_in = join(directory, attribute_text(skeleton, DW_AT_comp_dir));
    return is_harmless_file(debug_file + ".dwp") && is_harmless_file(join(directory, name)) &&
           is_harmless_file(join(compiled_in, name));
}

std::string debug_file_of(Dwfl_Module* module) {
    const char* main_file = nullptr;
    const char* debug_file = nullptr;
    dwfl_module_info(module, nullptr, nullptr, nullptr, nullptr, nullptr, &main_file, &debug_file);
    return path_text(debug_file != nullptr ? debug_file : main_file);
}

}  // namespace

DebugInfo::DebugInfo(Dwfl_Module* module, const SymbolTable& symbols)
    : module_(module), symbols_(symbols) {
    dwarf_ = dwfl_module_getdwarf(module, &bias_);
    if (dwarf_ == nullptr) return;
    if (!has_harmless_supplement(dwarf_, directory_of(debug_file_of(module)))) {
        dwarf_ = nullptr;
        return;
    }
    index_units();
}

void DebugInfo::index_units() {
    Dwarf_CU* unit = nullptr;
    Dwarf_Die die;
    std::uint8_t type = 0;
    while (dwarf_get_units(dwarf_, unit, &unit, nullptr, &type, &die, nullptr) == 0 &&
           budget_.spend()) {
        if (type != DW_UT_compile && type != DW_UT_skeleton) continue;
        unit_dies_.push_back(die);
    }
    // Of template code that several units have the linker keeps the first one's, and points the
    // debug information of the others at it although theirs may have been compiled differently. The
    // range that is assigned last wins.
    for (auto index = static_cast<std::uint32_t>(unit_dies_.size()); index-- > 0;) {
        for_each_range(unit_dies_[index], budget_, [&](Dwarf_Addr start, Dwarf_Addr end) {
            unit_ranges_.assign(start, end, index);
        });
    }
}

UnitIndex& DebugInfo::unit_at(std::size_t index) {
    if (const auto known = units_.find(index); known != units_.end()) return known->second;
    const Dwarf_Die unit = unit_dies_[index];
    Dwarf_Die tree = unit;
    std::uint8_t type = 0;
    dwarf_cu_info(unit.cu, nullptr, &type, nullptr, nullptr, nullptr, nullptr, nullptr);
    if (type == DW_UT_skeleton && has_harmless_split_file(unit, debug_file_of(module_))) {
        Dwarf_Die split{};
        dwarf_cu_info(unit.cu, nullptr, nullptr, nullptr, &split, nullptr, nullptr, nullptr);
        if (split.addr != nullptr) tree = split;
    }
    return units_.try_emplace(index, unit, tree).first->second;
}

std::vector<SourceFrame> DebugInfo::lookup(std::uint64_t address) {
    if (dwarf_ == nullptr) return {};
    const Dwarf_Addr dwarf_address = address - bias_;
    const std::uint32_t* index = unit_ranges_.find(dwarf_address);
    if (index == nullptr) return {};
    UnitIndex& unit = unit_at(*index);

    std::vector<SourceFrame> frames;
    SourcePosition position = position_of_address(unit.unit(), dwarf_address);
    for (const Dwarf_Die& scope : unit.scopes_at(dwarf_address, budget_)) {
        Dwarf_Die die = scope;
        const bool inlined = dwarf_tag(&die) == DW_TAG_inlined_subroutine;
        frames.push_back({function_name(unit, die), position.file, position.line, inlined});
        if (inlined) position = position_of_call(unit.tree(), die);
    }
    if (frames.empty() && !position.file.empty()) {
        frames.push_back({"", position.file, position.line, false});
    }
    return frames;
}

const std::string& DebugInfo::function_name(UnitIndex& unit, Dwarf_Die die) {
    const Dwarf_Die origin = function_origin(die);
    const auto known = names_.find(origin.addr);
    if (known != names_.end()) return known->second;
    return names_.emplace(origin.addr, make_function_name(unit, origin)).first->second;
}

// g++ records no linker's name for a function that is local to its file. If the unit has a copy of
// it that was not inlined, the symbol table names that one; so a function is spelled alike in both.
std::string DebugInfo::make_function_name(UnitIndex& unit, Dwarf_Die origin) {
    if (const std::string name = linkage_name(origin); !name.empty()) return display_name(name);
    if (const auto copy = unit.out_of_line_copy(origin, budget_)) {
        const std::string_view symbol = symbols_.lookup(*copy + bias_);
        if (!symbol.empty()) return display_name(symbol);
    }
    return source_name(origin, is_cpp(unit.tree()));
}

}  // namespace seep
