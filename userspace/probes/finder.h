// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Which allocator functions an object defines. Reads .symtab and .dynsym (and .gnu_debugdata);
// hostile input. Pure function of the file; thread-safe.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "probes/catalogue.h"
#include "target/object_file.h"

namespace seep {

struct FoundFunction {
    const AllocatorFunction* function = nullptr;
    std::string symbol;  ///< The name people know it by ("malloc", "operator new(unsigned long)").
    std::uint64_t address = 0;  ///< In the object's address space.
    std::uint64_t size = 0;     ///< Bytes of code, 0 if the symbol table does not say.
    std::string_view prefix;    ///< Of any of its names ("tc_"), as in CatalogueMatch.
};

/// Functions to probe, ascending by address, each address once: among aliases the plain name is
/// shown. A family (the functions of one prefix; operators new and delete are one of their own)
/// counts only if the object defines both an allocating and a freeing function of it, so that a
/// program's own `free(struct thing*)` is not taken for an allocator. Local symbols count only for
/// a family that also reallocates; the operators' mangled names cannot be mistaken.
///
/// Left out: functions that do their work by calling another one of the same role on every path
/// (libstdc++'s operators new and delete do; so do thunks), so that a call costs one probe and not
/// two; undefined symbols; ifunc resolvers. Empty if the object is no allocator, or is for another
/// processor than x86-64.
Result<std::vector<FoundFunction>> find_allocator_functions(const ObjectFile& object);

/// The functions called `name`, whose calls a user counts as units of work: as in the symbol table
/// ("PQexec", "_ZN3app6handleEv"), or as in C++ ("app::handle"; with its arguments, only that
/// overload). Ascending by address, each address once; empty if the object has none.
Result<std::vector<FoundFunction>> find_work_functions(const ObjectFile& object,
                                                       std::string_view name);

/// dlclose, which unmaps libraries. Looked for in C libraries alone: in what defines an allocator,
/// and in the libdl.so that came with older ones.
Result<std::vector<FoundFunction>> find_unload_functions(const ObjectFile& object);

/// "glibc", "jemalloc", "tcmalloc", "mimalloc", "musl", ..., or "allocator in NAME".
std::string allocator_name(const ObjectFile& object, const std::vector<FoundFunction>& functions);

}  // namespace seep
