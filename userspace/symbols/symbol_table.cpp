// SPDX-License-Identifier: GPL-2.0-only
#include "symbols/symbol_table.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <tuple>
#include <vector>

#include "symbols/demangle.h"

namespace seep {
namespace {

struct Symbol {
    std::uint64_t start = 0;
    std::uint64_t size = 0;  // 0: not recorded, as in hand-written assembly.
    std::uint64_t section_end = 0;
    std::string_view name;
    unsigned char binding = STB_LOCAL;
};

bool is_code(const GElf_Sym& symbol, const GElf_Shdr& section) {
    const auto type = GELF_ST_TYPE(symbol.st_info);
    return (section.sh_flags & SHF_EXECINSTR) != 0 &&
           (type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE);
}

// An end that does not wrap, whatever the file claims.
std::uint64_t end_of(std::uint64_t start, std::uint64_t size) {
    return size > UINT64_MAX - start ? UINT64_MAX : start + size;
}

std::vector<Symbol> read_functions(Dwfl_Module* module) {
    std::vector<Symbol> functions;
    const int count = dwfl_module_getsymtab(module);
    for (int i = 1; i < count; ++i) {
        GElf_Sym symbol;
        GElf_Addr address = 0;
        GElf_Addr bias = 0;
        GElf_Word section_index = 0;
        Elf* elf = nullptr;
        const char* name =
            dwfl_module_getsym_info(module, i, &symbol, &address, &section_index, &elf, &bias);
        GElf_Shdr section;
        if (name == nullptr || *name == '\0' || section_index == SHN_UNDEF ||
            gelf_getshdr(elf_getscn(elf, section_index), &section) == nullptr ||
            !is_code(symbol, section)) {
            continue;
        }
        functions.push_back({address,
                             symbol.st_size,
                             end_of(section.sh_addr + bias, section.sh_size),
                             {name, strnlen(name, max_name_bytes)},
                             static_cast<unsigned char>(GELF_ST_BIND(symbol.st_info))});
    }
    return functions;
}

// A symbol without a size reaches to the next symbol or to the end of its section.
std::uint64_t end_of_sizeless(const Symbol& symbol, const std::vector<std::uint64_t>& starts) {
    const auto next = std::ranges::upper_bound(starts, symbol.start);
    return next == starts.end() ? symbol.section_end : std::min(*next, symbol.section_end);
}

int publicity(const Symbol& symbol) {
    return symbol.binding == STB_LOCAL ? 0 : symbol.binding == STB_WEAK ? 1 : 2;
}

// Ascending by how much the symbol says about its range: what is assigned later wins. Leading
// underscores come before publicity because the C library defines `__strdup` global and the
// `strdup` that programs call weak.
bool says_less(const Symbol& a, const Symbol& b) {
    const auto key = [](const Symbol& symbol) {
        const auto underscores = std::min(symbol.name.find_first_not_of('_'), symbol.name.size());
        return std::tuple(symbol.size != 0, ~symbol.size, ~underscores, publicity(symbol),
                          ~symbol.name.size());
    };
    const auto key_a = key(a);
    const auto key_b = key(b);
    return key_a != key_b ? key_a < key_b : a.name > b.name;
}

}  // namespace

SymbolTable::SymbolTable(Dwfl_Module* module) {
    std::vector<Symbol> functions = read_functions(module);
    std::vector<std::uint64_t> starts;
    starts.reserve(functions.size());
    for (const Symbol& function : functions) starts.push_back(function.start);
    std::ranges::sort(starts);
    std::ranges::sort(functions, says_less);
    for (const Symbol& function : functions) {
        names_.assign(function.start,
                      function.size != 0 ? end_of(function.start, function.size)
                                         : end_of_sizeless(function, starts),
                      function.name);
    }
}

std::string_view SymbolTable::lookup(std::uint64_t address) const {
    const std::string_view* name = names_.find(address);
    return name == nullptr ? std::string_view() : *name;
}

}  // namespace seep
