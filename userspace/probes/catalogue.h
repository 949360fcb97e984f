// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Every allocator function seep knows, by name: what it takes and what it gives. Pure data; a new
// allocator is a line in catalogue.cpp. Thread-safe.
//
// Left out on purpose, because no role describes them:
// - What frees without being given the block (mi_heap_destroy, rpmalloc_heap_free_all): those
// blocks
//   stay live in the books.
// - What copies a string (mi_strdup and its kin): the size is no argument. mimalloc inlines the
//   allocation there, so those blocks are not followed and their frees count as unmatched.
// - What grows a block only in place and answers with a pointer (mi_expand): the block keeps the
//   size it was requested with.
// - mi_reallocarr, which takes the block by reference: it calls mi_reallocarray.
// reallocf is listed although it frees the old block when it fails: until the address is handed out
// again, that block is taken for live.

#include <cstdint>
#include <span>
#include <string_view>

namespace seep {

enum class Role : std::uint8_t {
    allocate = 1,
    reallocate = 2,
    free = 3,
    resize = 4,
    // No allocator's, see finder.h:
    work = 5,    ///< A call of it is a unit of the program's work.
    unload = 6,  ///< It unmaps libraries.
};               // enum seep_role

/// Arguments are numbered from 1; 0 means the function has none of that kind.
struct AllocatorFunction {
    std::string_view name;  ///< As in the symbol table, without the family's prefix.
    Role role = Role::allocate;
    std::uint8_t size = 0;  ///< Bytes, times `count` if there is one.
    std::uint8_t count = 0;
    std::uint8_t pointer = 0;  ///< The block that is freed or reallocated.
    std::uint8_t out = 0;    ///< Where the result is put, if it is not returned; 0 is success then.
    bool may_throw = false;  ///< No return probe may sit on it.

    bool operator==(const AllocatorFunction&) const = default;
};

/// The function a symbol names, with or without a known prefix (`je_`, `tc_`, `mi_`, `_rjem_`,
/// ...). nullptr if it is none. A symbol version ("cfree@GLIBC_2.2.5") is not looked at.
struct CatalogueMatch {
    const AllocatorFunction* function = nullptr;
    std::string_view prefix;  ///< Lives as long as the program; empty for the plain names.
};
CatalogueMatch find_in_catalogue(std::string_view symbol);

/// All functions; among aliases at one address the one that stands first here gives the name.
std::span<const AllocatorFunction> catalogue();

}  // namespace seep
