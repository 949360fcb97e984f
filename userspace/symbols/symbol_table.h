// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The functions that an object's symbol tables name: .symtab of the object or of its debug file,
// else .dynsym together with the compressed table in .gnu_debugdata (libdwfl merges them).
// Immutable once read, valid as long as its module; thread-safe to look up.

#include <elfutils/libdwfl.h>

#include <cstdint>
#include <string_view>

#include "symbols/range_map.h"

namespace seep {

class SymbolTable {
 public:
    explicit SymbolTable(Dwfl_Module* module);

    /// The linker's name of the function at an address of the module, cut at max_name_bytes; empty
    /// if none covers it.
    /// Of names for one range, the one that the program's author would use: `malloc`, not
    /// `__libc_malloc`; a public one before a local one.
    [[nodiscard]] std::string_view lookup(std::uint64_t address) const;

 private:
    RangeMap<std::string_view> names_;
};

}  // namespace seep
