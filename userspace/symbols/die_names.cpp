// SPDX-License-Identifier: GPL-2.0-only
#include "symbols/die_names.h"

#include <dwarf.h>

#include <cstring>
#include <optional>

#include "symbols/demangle.h"
#include "symbols/dwarf_walk.h"

namespace seep {
namespace {

// References may form a circle.
constexpr int max_references = 16;

std::optional<Dwarf_Die> referenced(Dwarf_Die die, unsigned int attribute_name) {
    Dwarf_Attribute attribute;
    Dwarf_Die target;
    if (dwarf_attr(&die, attribute_name, &attribute) == nullptr ||
        dwarf_formref_die(&attribute, &target) == nullptr) {
        return std::nullopt;
    }
    return target;
}

Dwarf_Die follow(Dwarf_Die die, unsigned int attribute_name) {
    for (int i = 0; i < max_references; ++i) {
        const auto next = referenced(die, attribute_name);
        if (!next) break;
        die = *next;
    }
    return die;
}

std::string text_of(Dwarf_Attribute* attribute) {
    const char* text = attribute == nullptr ? nullptr : dwarf_formstring(attribute);
    return text == nullptr ? std::string() : std::string(text, strnlen(text, max_name_bytes));
}

std::string own_name(Dwarf_Die die) {
    Dwarf_Attribute attribute;
    return text_of(dwarf_attr_integrate(&die, DW_AT_name, &attribute));
}

// libdw has no way up from an entry: this goes down from the unit, at each level into the last
// entry that does not lie behind the one that is looked for.
std::string scope_prefix(Dwarf_Die declaration) {
    std::string prefix;
    Dwarf_Die scope;
    if (dwarf_diecu(&declaration, &scope, nullptr, nullptr) == nullptr) return prefix;
    WorkBudget budget;
    while (prefix.size() < max_name_bytes) {
        Dwarf_Die inner = scope;
        DieWalk(budget).for_each_child(scope, [&](Dwarf_Die die) {
            if (die.addr <= declaration.addr) inner = die;
        });
        if (inner.addr == scope.addr || inner.addr == declaration.addr) break;
        scope = inner;
        const bool is_namespace = dwarf_tag(&scope) == DW_TAG_namespace;
        std::string name = own_name(scope);
        if (name.empty() && is_namespace) name = "(anonymous namespace)";
        if (!name.empty()) prefix += name + "::";
    }
    return prefix;
}

}  // namespace

Dwarf_Die function_origin(Dwarf_Die die) {
    return follow(die, DW_AT_abstract_origin);
}

std::string linkage_name(Dwarf_Die die) {
    Dwarf_Attribute attribute;
    if (dwarf_attr_integrate(&die, DW_AT_linkage_name, &attribute) == nullptr &&
        dwarf_attr_integrate(&die, DW_AT_MIPS_linkage_name, &attribute) == nullptr) {
        return {};
    }
    return text_of(&attribute);
}

std::string source_name(Dwarf_Die die, bool qualified) {
    std::string name = own_name(die);
    if (!qualified || name.empty()) return name;
    return scope_prefix(follow(function_origin(die), DW_AT_specification)) + name;
}

bool is_cpp(Dwarf_Die unit) {
    // Later standards' codes, which elfutils 0.188 has no names for: C++17, C++20.
    constexpr Dwarf_Word cpp17 = 0x2b;
    constexpr Dwarf_Word cpp20 = 0x2c;
    Dwarf_Attribute attribute;
    Dwarf_Word language = 0;
    if (dwarf_formudata(dwarf_attr_integrate(&unit, DW_AT_language, &attribute), &language) != 0) {
        return false;
    }
    switch (language) {
        case DW_LANG_C_plus_plus:
        case DW_LANG_C_plus_plus_03:
        case DW_LANG_C_plus_plus_11:
        case DW_LANG_C_plus_plus_14:
        case cpp17:
        case cpp20:
            return true;
        default:
            return false;
    }
}

}  // namespace seep
