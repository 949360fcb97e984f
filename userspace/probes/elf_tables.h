// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What the tables of an ELF file say about its code: which allocator functions it defines, where
// functions start, and which names its indirect calls go to. Hostile input: whatever does not lie
// within the file is passed over. Values only; thread-safe.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "probes/catalogue.h"
#include "target/object_file.h"

namespace seep {

/// A function symbol that the catalogue knows.
struct AllocatorSymbol {
    std::string name;  ///< Without a symbol version.
    CatalogueMatch match;
    std::uint64_t address = 0;
    std::uint64_t size = 0;
    bool local = false;
};

/// A function that the dynamic linker binds: it puts the address into a slot (of the GOT), which
/// PLT stubs and calls read.
struct BoundFunction {
    std::string name;
    std::uint64_t address =
        0;  ///< If the object defines it itself, which is then taken to be meant.
};

struct ElfTables {
    std::vector<AllocatorSymbol> symbols;
    /// Ascending; from symbol tables and .eh_frame_hdr, so parts of functions that the compiler
    /// split off are here, too, and stripped files are covered.
    std::vector<std::uint64_t> function_starts;
    std::unordered_map<std::uint64_t, BoundFunction> slots;  ///< By the slot's address.
    std::vector<std::uint64_t> no_return;                    ///< Ascending: abort, __cxa_throw, ...

    [[nodiscard]] bool starts_function(std::uint64_t address) const;
    /// The function bound to the slot; nullptr if it is none.
    [[nodiscard]] const BoundFunction* bound(std::uint64_t slot) const;
};

/// Functions that end in an exception or the end of the process, by their mangled name.
bool never_returns(std::string_view name);

/// A function that a symbol table defines.
struct FunctionSymbol {
    std::string name;  ///< As in the table, without a symbol version.
    std::uint64_t address = 0;
    std::uint64_t size = 0;
};

/// Those whose name is wanted, aliases included. Error: no ELF file.
Result<std::vector<FunctionSymbol>> find_function_symbols(
    const ObjectFile& object, const std::function<bool(std::string_view)>& wanted);

/// Reads .symtab, .dynsym, .gnu_debugdata, the relocations and .eh_frame_hdr. Error: no ELF file.
Result<ElfTables> read_elf_tables(const ObjectFile& object);

}  // namespace seep
