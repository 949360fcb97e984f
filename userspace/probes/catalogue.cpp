// SPDX-License-Identifier: GPL-2.0-only

#include "probes/catalogue.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <unordered_map>
#include <vector>

namespace seep {
namespace {

using Name = std::string_view;
using Argument = std::uint8_t;

constexpr AllocatorFunction allocate(Name name, Argument size, Argument count = 0) {
    return {.name = name, .role = Role::allocate, .size = size, .count = count};
}
constexpr AllocatorFunction allocate_to(Name name, Argument out, Argument size) {
    return {.name = name, .role = Role::allocate, .size = size, .out = out};
}
constexpr AllocatorFunction reallocate(Name name, Argument pointer, Argument size,
                                       Argument count = 0) {
    return {
        .name = name, .role = Role::reallocate, .size = size, .count = count, .pointer = pointer};
}
constexpr AllocatorFunction resize(Name name, Argument pointer, Argument size) {
    return {.name = name, .role = Role::resize, .size = size, .pointer = pointer};
}
constexpr AllocatorFunction release(Name name, Argument pointer = 1) {
    return {.name = name, .role = Role::free, .pointer = pointer};
}
constexpr AllocatorFunction throwing(AllocatorFunction function) {
    function.may_throw = true;
    return function;
}

// C, POSIX, glibc and BSD. Most wanted names first: they are what aliases are shown as.
constexpr AllocatorFunction c_functions[] = {
    allocate("malloc", 1),
    allocate("calloc", 2, 1),
    reallocate("realloc", 1, 2),
    release("free"),
    reallocate("reallocarray", 1, 3, 2),
    reallocate("reallocf", 1, 2),
    allocate("aligned_alloc", 2),
    allocate("memalign", 2),
    allocate_to("posix_memalign", 1, 3),
    allocate("valloc", 1),
    allocate("pvalloc", 1),
    release("cfree"),
    release("free_sized"),
    release("free_aligned_sized"),
};

// What C++ programs call, as the Itanium ABI spells it. `m` is size_t: 64-bit only. The forms with
// __hot_cold_t are calls that LLVM makes of the others where a profile says how hot they are.
constexpr AllocatorFunction cxx_operators[] = {
    throwing(allocate("_Znwm", 1)),
    throwing(allocate("_Znam", 1)),
    throwing(allocate("_ZnwmSt11align_val_t", 1)),
    throwing(allocate("_ZnamSt11align_val_t", 1)),
    throwing(allocate("_Znwm12__hot_cold_t", 1)),
    throwing(allocate("_Znam12__hot_cold_t", 1)),
    throwing(allocate("_ZnwmSt11align_val_t12__hot_cold_t", 1)),
    throwing(allocate("_ZnamSt11align_val_t12__hot_cold_t", 1)),
    allocate("_ZnwmRKSt9nothrow_t", 1),
    allocate("_ZnamRKSt9nothrow_t", 1),
    allocate("_ZnwmSt11align_val_tRKSt9nothrow_t", 1),
    allocate("_ZnamSt11align_val_tRKSt9nothrow_t", 1),
    allocate("_ZnwmRKSt9nothrow_t12__hot_cold_t", 1),
    allocate("_ZnamRKSt9nothrow_t12__hot_cold_t", 1),
    allocate("_ZnwmSt11align_val_tRKSt9nothrow_t12__hot_cold_t", 1),
    allocate("_ZnamSt11align_val_tRKSt9nothrow_t12__hot_cold_t", 1),
    release("_ZdlPv"),
    release("_ZdaPv"),
    release("_ZdlPvm"),
    release("_ZdaPvm"),
    release("_ZdlPvSt11align_val_t"),
    release("_ZdaPvSt11align_val_t"),
    release("_ZdlPvmSt11align_val_t"),
    release("_ZdaPvmSt11align_val_t"),
    release("_ZdlPvRKSt9nothrow_t"),
    release("_ZdaPvRKSt9nothrow_t"),
    release("_ZdlPvSt11align_val_tRKSt9nothrow_t"),
    release("_ZdaPvSt11align_val_tRKSt9nothrow_t"),
};

// jemalloc/jemalloc.h. smallocx_ is followed by the commit it was built from; it returns a
// structure of two words, the pointer in the result register.
constexpr Name smallocx = "smallocx_";
constexpr AllocatorFunction jemalloc_functions[] = {
    allocate("mallocx", 1), reallocate("rallocx", 1, 2), resize("xallocx", 1, 2),
    release("sdallocx"),    release("dallocx"),          allocate(smallocx, 1),
};

// gperftools/tcmalloc.h, after `tc_`.
constexpr AllocatorFunction tcmalloc_functions[] = {
    allocate("malloc_skip_new_handler", 1),
    throwing(allocate("new", 1)),
    throwing(allocate("newarray", 1)),
    throwing(allocate("new_aligned", 1)),
    throwing(allocate("newarray_aligned", 1)),
    allocate("new_nothrow", 1),
    allocate("newarray_nothrow", 1),
    allocate("new_aligned_nothrow", 1),
    allocate("newarray_aligned_nothrow", 1),
    release("delete"),
    release("deletearray"),
    release("delete_sized"),
    release("deletearray_sized"),
    release("delete_aligned"),
    release("deletearray_aligned"),
    release("delete_sized_aligned"),
    release("deletearray_sized_aligned"),
    release("delete_nothrow"),
    release("deletearray_nothrow"),
    release("delete_aligned_nothrow"),
    release("deletearray_aligned_nothrow"),
};

// mimalloc.h, after `mi_`. The heap_ forms take the heap first.
constexpr AllocatorFunction mimalloc_functions[] = {
    allocate("zalloc", 1),
    allocate("malloc_small", 1),
    allocate("zalloc_small", 1),
    allocate("mallocn", 2, 1),
    allocate("malloc_aligned", 1),
    allocate("malloc_aligned_at", 1),
    allocate("zalloc_aligned", 1),
    allocate("zalloc_aligned_at", 1),
    allocate("calloc_aligned", 2, 1),
    allocate("calloc_aligned_at", 2, 1),
    reallocate("reallocn", 1, 3, 2),
    reallocate("rezalloc", 1, 2),
    reallocate("recalloc", 1, 3, 2),
    reallocate("realloc_aligned", 1, 2),
    reallocate("realloc_aligned_at", 1, 2),
    reallocate("rezalloc_aligned", 1, 2),
    reallocate("rezalloc_aligned_at", 1, 2),
    reallocate("recalloc_aligned", 1, 3, 2),
    reallocate("recalloc_aligned_at", 1, 3, 2),
    reallocate("aligned_recalloc", 1, 3, 2),
    reallocate("aligned_offset_recalloc", 1, 3, 2),
    throwing(allocate("new", 1)),
    throwing(allocate("new_aligned", 1)),
    throwing(allocate("new_n", 2, 1)),
    throwing(reallocate("new_realloc", 1, 2)),
    throwing(reallocate("new_reallocn", 1, 3, 2)),
    allocate("new_nothrow", 1),
    allocate("new_aligned_nothrow", 1),
    release("free_size"),
    release("free_aligned"),
    release("free_size_aligned"),
    allocate("heap_malloc", 2),
    allocate("heap_zalloc", 2),
    allocate("heap_malloc_small", 2),
    allocate("heap_calloc", 3, 2),
    allocate("heap_mallocn", 3, 2),
    allocate("heap_malloc_aligned", 2),
    allocate("heap_malloc_aligned_at", 2),
    allocate("heap_zalloc_aligned", 2),
    allocate("heap_zalloc_aligned_at", 2),
    allocate("heap_calloc_aligned", 3, 2),
    allocate("heap_calloc_aligned_at", 3, 2),
    reallocate("heap_realloc", 2, 3),
    reallocate("heap_reallocf", 2, 3),
    reallocate("heap_reallocn", 2, 4, 3),
    reallocate("heap_rezalloc", 2, 3),
    reallocate("heap_recalloc", 2, 4, 3),
    reallocate("heap_realloc_aligned", 2, 3),
    reallocate("heap_realloc_aligned_at", 2, 3),
    reallocate("heap_rezalloc_aligned", 2, 3),
    reallocate("heap_rezalloc_aligned_at", 2, 3),
    reallocate("heap_recalloc_aligned", 2, 4, 3),
    reallocate("heap_recalloc_aligned_at", 2, 4, 3),
    throwing(allocate("heap_alloc_new", 2)),
    throwing(allocate("heap_alloc_new_n", 3, 2)),
};

// rpmalloc.h, after `rp`.
constexpr AllocatorFunction rpmalloc_functions[] = {
    allocate("zalloc", 1),
    allocate("aligned_zalloc", 2),
    allocate("aligned_calloc", 3, 2),
    reallocate("aligned_realloc", 1, 3),
    allocate("malloc_heap_alloc", 2),
    allocate("malloc_heap_aligned_alloc", 3),
    allocate("malloc_heap_calloc", 3, 2),
    allocate("malloc_heap_aligned_calloc", 4, 3),
    reallocate("malloc_heap_realloc", 2, 3),
    reallocate("malloc_heap_aligned_realloc", 2, 4),
    release("malloc_heap_free", 2),
};

// What snmalloc gives Rust programs, after `sn_`.
constexpr AllocatorFunction snmalloc_functions[] = {
    allocate("rust_alloc", 2),
    allocate("rust_alloc_zeroed", 2),
    reallocate("rust_realloc", 1, 4),
    release("rust_dealloc"),
};

using Functions = std::span<const AllocatorFunction>;

/// Which names exist with which prefix. `__libc_` are glibc's and musl's own aliases.
const struct {
    Name prefix;
    std::initializer_list<Functions> functions;
} families[] = {
    {"", {c_functions, jemalloc_functions, cxx_operators}},
    {"je_", {c_functions, jemalloc_functions}},
    {"_rjem_", {c_functions, jemalloc_functions}},
    {"tc_", {c_functions, tcmalloc_functions}},
    {"mi_", {c_functions, mimalloc_functions}},
    {"rp", {c_functions, rpmalloc_functions}},
    {"sn_", {c_functions, snmalloc_functions}},
    {"scudo_", {c_functions}},
    {"__libc_", {c_functions}},
};

std::vector<AllocatorFunction> concatenated() {
    std::vector<AllocatorFunction> all;
    for (Functions part :
         {Functions(c_functions), Functions(jemalloc_functions), Functions(cxx_operators),
          Functions(tcmalloc_functions), Functions(mimalloc_functions),
          Functions(rpmalloc_functions), Functions(snmalloc_functions)}) {
        all.insert(all.end(), part.begin(), part.end());
    }
    return all;
}

const std::vector<AllocatorFunction>& all_functions() {
    static const std::vector<AllocatorFunction> all = concatenated();
    return all;
}

/// The copy in all_functions() of a family's own function: "new" takes other arguments after tc_
/// than after mi_, so that the name alone would not do.
const AllocatorFunction* canonical(const AllocatorFunction& wanted) {
    return &*std::ranges::find(all_functions(), wanted);
}

struct NameHash : std::hash<Name> {
    using is_transparent = void;
};
using Index = std::unordered_map<std::string, CatalogueMatch, NameHash, std::equal_to<>>;

Index build_index() {
    Index index;
    for (const auto& family : families) {
        for (Functions part : family.functions) {
            for (const AllocatorFunction& function : part) {
                index.emplace(std::string(family.prefix).append(function.name),
                              CatalogueMatch{canonical(function), family.prefix});
            }
        }
    }
    return index;
}

}  // namespace

CatalogueMatch find_in_catalogue(std::string_view symbol) {
    static const Index index = build_index();
    Name name = symbol.substr(0, symbol.find('@'));
    if (auto commit = name.find(smallocx); commit != Name::npos) {
        name = name.substr(0, commit + smallocx.size());
    }
    auto found = index.find(name);
    return found == index.end() ? CatalogueMatch{} : found->second;
}

std::span<const AllocatorFunction> catalogue() {
    return all_functions();
}

}  // namespace seep
