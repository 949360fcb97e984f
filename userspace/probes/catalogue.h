// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Every allocator function seep knows, by name: what it takes and what it gives. Pure data; a new
// allocator is a line here. Thread-safe.

#include <cstdint>
#include <span>
#include <string_view>

namespace seep {

enum class Role : std::uint8_t { allocate = 1, reallocate = 2, free = 3, resize = 4 };  // enum seep_role

/// Arguments are numbered from 1; 0 means the function has none of that kind.
struct AllocatorFunction {
    std::string_view name;  ///< As in the symbol table, without the family's prefix.
    Role role = Role::allocate;
    std::uint8_t size = 0;     ///< Bytes, times `count` if there is one.
    std::uint8_t count = 0;
    std::uint8_t pointer = 0;  ///< The block that is freed or reallocated.
    std::uint8_t out = 0;      ///< Where the result is put, if it is not returned; 0 is success then.
    bool may_throw = false;    ///< No return probe may sit on it.
};

/// The function a symbol names, with or without a known prefix (`je_`, `tc_`, `mi_`, `_rjem_`, ...).
/// nullptr if it is none.
struct CatalogueMatch {
    const AllocatorFunction* function = nullptr;
    std::string_view prefix;  ///< Part of `symbol`; empty for the plain names.
};
CatalogueMatch find_in_catalogue(std::string_view symbol);

std::span<const AllocatorFunction> catalogue();

}  // namespace seep
