// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Which allocator functions an object defines. Reads .symtab and .dynsym (and .gnu_debugdata);
// hostile input. Pure function of the file; thread-safe.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "probes/catalogue.h"
#include "target/object_file.h"

namespace seep {

struct FoundFunction {
    const AllocatorFunction* function = nullptr;
    std::string symbol;          ///< The name people know it by ("malloc", "operator new(unsigned long)").
    std::uint64_t address = 0;   ///< In the object's address space.
    std::uint64_t size = 0;      ///< Bytes of code, 0 if the symbol table does not say.
};

/// Functions to probe, ascending by address, each address once: among aliases the plain name is
/// shown. A family (a prefix) counts only if the object defines both an allocating and a freeing
/// function of it, so that a program's own `free(struct thing*)` is not taken for an allocator.
/// Left out: operators new and delete that do their work by calling another function of the list
/// on every path (libstdc++'s do), undefined symbols, ifunc resolvers, thunks of other families.
/// Empty if the object is no allocator.
Result<std::vector<FoundFunction>> find_allocator_functions(const ObjectFile& object);

/// "glibc", "jemalloc", "tcmalloc", "mimalloc", "musl", or "allocator in NAME".
std::string allocator_name(const ObjectFile& object, const std::vector<FoundFunction>& functions);

}  // namespace seep
