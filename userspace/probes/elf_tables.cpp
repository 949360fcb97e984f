// SPDX-License-Identifier: GPL-2.0-only

#include "probes/elf_tables.h"

#include <fmt/core.h>
#include <gelf.h>
#include <libelf.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>

#include "base/handles.h"
#include "base/text.h"
#include "probes/debug_data.h"
#include "target/elf_reading.h"

namespace seep {
namespace {

using ElfHandle = CHandle<Elf, elf_end>;

/// Calls `visit(section, header)` for each section.
template <typename Visit>
void for_each_section(Elf* elf, Visit visit) {
    Elf_Scn* section = nullptr;
    while ((section = elf_nextscn(elf, section)) != nullptr) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) != nullptr) visit(section, header);
    }
}

std::optional<std::string_view> string_at(Elf* elf, std::uint64_t table, std::uint64_t offset) {
    const char* text = elf_strptr(elf, table, offset);
    if (text == nullptr) return std::nullopt;
    return text;
}

std::size_t entry_count(const Elf_Data* data, Elf* elf, Elf_Type type) {
    const std::size_t entry_size = gelf_fsize(elf, type, 1, EV_CURRENT);
    return data == nullptr || entry_size == 0 ? 0 : data->d_size / entry_size;
}

bool is_defined_function(const GElf_Sym& symbol) {
    // An ifunc's address is its resolver, which allocates nothing.
    return GELF_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_shndx != SHN_UNDEF &&
           symbol.st_shndx != SHN_ABS && symbol.st_value != 0;
}

void add_symbol(std::string_view name, const GElf_Sym& symbol, ElfTables& tables) {
    tables.function_starts.push_back(symbol.st_value);
    name = name.substr(0, name.find('@'));
    if (never_returns(name)) tables.no_return.push_back(symbol.st_value);
    const CatalogueMatch match = find_in_catalogue(name);
    if (match.function == nullptr) return;
    tables.symbols.push_back({.name = std::string(name),
                              .match = match,
                              .address = symbol.st_value,
                              .size = symbol.st_size,
                              .local = GELF_ST_BIND(symbol.st_info) == STB_LOCAL});
}

/// Calls `visit(name, symbol)` for each function that the tables of `elf` define.
template <typename Visit>
void for_each_function(Elf* elf, Visit visit) {
    for_each_section(elf, [&](Elf_Scn* section, const GElf_Shdr& header) {
        if (header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM) return;
        Elf_Data* data = elf_getdata(section, nullptr);
        const std::size_t count = entry_count(data, elf, ELF_T_SYM);
        for (std::size_t i = 0; i < count; ++i) {
            GElf_Sym symbol;
            if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) break;
            if (!is_defined_function(symbol)) continue;
            if (auto name = string_at(elf, header.sh_link, symbol.st_name)) visit(*name, symbol);
        }
    });
}

/// The same, with what .gnu_debugdata adds.
template <typename Visit>
void for_each_function_anywhere(Elf* elf, Visit visit) {
    for_each_function(elf, visit);
    std::size_t names = 0;
    if (elf_getshdrstrndx(elf, &names) != 0) return;
    for_each_section(elf, [&](Elf_Scn* section, const GElf_Shdr& header) {
        if (string_at(elf, names, header.sh_name) != ".gnu_debugdata") return;
        const Elf_Data* data = elf_rawdata(section, nullptr);
        if (data == nullptr || data->d_buf == nullptr) return;
        std::vector<char> image = unpack_debug_data(
            std::span(static_cast<const std::uint8_t*>(data->d_buf), data->d_size));
        const ElfHandle inner(elf_memory(image.data(), image.size()));
        if (inner) for_each_function(inner.get(), visit);
    });
}

/// The symbols of dynamic relocations, by the address that they are written to.
void add_slots(Elf* elf, ElfTables& tables) {
    for_each_section(elf, [&](Elf_Scn* section, const GElf_Shdr& header) {
        if (header.sh_type != SHT_RELA) return;
        Elf_Scn* symbols = elf_getscn(elf, header.sh_link);
        GElf_Shdr symbols_header;
        if (symbols == nullptr || gelf_getshdr(symbols, &symbols_header) == nullptr ||
            symbols_header.sh_type != SHT_DYNSYM) {
            return;
        }
        Elf_Data* data = elf_getdata(section, nullptr);
        Elf_Data* symbol_data = elf_getdata(symbols, nullptr);
        const std::size_t count = entry_count(data, elf, ELF_T_RELA);
        for (std::size_t i = 0; i < count && symbol_data != nullptr; ++i) {
            GElf_Rela relocation;
            GElf_Sym symbol;
            if (gelf_getrela(data, static_cast<int>(i), &relocation) == nullptr) break;
            const auto index = GELF_R_SYM(relocation.r_info);
            if (index == 0 ||
                gelf_getsym(symbol_data, static_cast<int>(index), &symbol) == nullptr) {
                continue;
            }
            if (auto name = string_at(elf, symbols_header.sh_link, symbol.st_name)) {
                tables.slots[relocation.r_offset] = {
                    std::string(*name), is_defined_function(symbol) ? symbol.st_value : 0};
            }
        }
    });
}

std::vector<std::uint8_t> read_file_part(const ObjectFile& object, std::uint64_t offset,
                                         std::uint64_t size) {
    struct stat status {};
    if (fstat(object.fd(), &status) != 0) return {};
    // No more memory than the file has bytes, whatever its headers say.
    if (size > static_cast<std::uint64_t>(status.st_size)) return {};
    std::vector<std::uint8_t> part(size);
    if (!read_exactly(object.fd(), part.data(), size, offset)) return {};
    return part;
}

/// .eh_frame_hdr as all linkers write it (LSB, "Eh_Frame_Hdr"):
///
///     01 1b 03 3b | .eh_frame, 4 bytes | count, 4 bytes | count * (function, FDE: 4 bytes each)
///
/// Entries are relative to the header's own address.
void add_unwind_starts(Elf* elf, const ObjectFile& object, ElfTables& tables) {
    constexpr std::uint8_t form[] = {0x01, 0x1b, 0x03, 0x3b};
    constexpr std::size_t table_at = 12;
    constexpr std::size_t entry_size = 8;
    std::size_t count = 0;
    if (elf_getphdrnum(elf, &count) != 0) return;
    for (std::size_t i = 0; i < count; ++i) {
        GElf_Phdr header;
        if (gelf_getphdr(elf, static_cast<int>(i), &header) == nullptr) return;
        if (header.p_type != PT_GNU_EH_FRAME) continue;
        const auto bytes = read_file_part(object, header.p_offset, header.p_filesz);
        if (bytes.size() < table_at ||
            !std::equal(std::begin(form), std::end(form), bytes.begin())) {
            continue;
        }
        for (std::size_t at = table_at; bytes.size() - at >= entry_size; at += entry_size) {
            std::int32_t relative = 0;
            std::memcpy(&relative, bytes.data() + at, sizeof relative);
            tables.function_starts.push_back(header.p_vaddr +
                                             static_cast<std::uint64_t>(std::int64_t{relative}));
        }
    }
}

void sort_unique(std::vector<std::uint64_t>& addresses) {
    std::ranges::sort(addresses);
    const auto duplicates = std::ranges::unique(addresses);
    addresses.erase(duplicates.begin(), duplicates.end());
}

}  // namespace

bool ElfTables::starts_function(std::uint64_t address) const {
    return std::ranges::binary_search(function_starts, address);
}

const BoundFunction* ElfTables::bound(std::uint64_t slot) const {
    auto found = slots.find(slot);
    return found == slots.end() ? nullptr : &found->second;
}

bool never_returns(std::string_view name) {
    static constexpr std::string_view names[] = {"abort",
                                                 "exit",
                                                 "_exit",
                                                 "__assert_fail",
                                                 "__stack_chk_fail",
                                                 "__cxa_throw",
                                                 "__cxa_rethrow",
                                                 "__cxa_throw_bad_array_new_length",
                                                 "_Unwind_Resume",
                                                 "_ZSt9terminatev"};
    // libstdc++'s std::__throw_bad_alloc() and its kin.
    return std::ranges::find(names, name) != std::end(names) ||
           (name.starts_with("_ZSt") && name.find("__throw_") != std::string_view::npos);
}

namespace {

Result<ElfHandle> open_elf(const ObjectFile& object) {
    elf_version(EV_CURRENT);
    // Read, not mapped: a file that the target truncates meanwhile must not raise SIGBUS here.
    ElfHandle elf(elf_begin(object.fd(), ELF_C_READ, nullptr));
    if (!elf || elf_kind(elf.get()) != ELF_K_ELF) {
        return Error{ErrorKind::failed,
                     fmt::format("cannot read {} as an ELF file: {}", printable(object.path()),
                                 elf_errmsg(-1)),
                     {}};
    }
    return elf;
}

}  // namespace

Result<std::vector<FunctionSymbol>> find_function_symbols(
    const ObjectFile& object, const std::function<bool(std::string_view)>& wanted) {
    const auto elf = open_elf(object);
    if (!elf) return elf.error();
    std::vector<FunctionSymbol> found;
    for_each_function_anywhere(elf->get(), [&](std::string_view name, const GElf_Sym& symbol) {
        name = name.substr(0, name.find('@'));
        if (wanted(name)) found.push_back({std::string(name), symbol.st_value, symbol.st_size});
    });
    return found;
}

Result<ElfTables> read_elf_tables(const ObjectFile& object) {
    const auto elf = open_elf(object);
    if (!elf) return elf.error();
    ElfTables tables;
    for_each_function_anywhere(elf->get(), [&](std::string_view name, const GElf_Sym& symbol) {
        add_symbol(name, symbol, tables);
    });
    add_slots(elf->get(), tables);
    add_unwind_starts(elf->get(), object, tables);
    sort_unique(tables.function_starts);
    sort_unique(tables.no_return);
    return tables;
}

}  // namespace seep
