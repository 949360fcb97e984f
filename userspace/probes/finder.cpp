// SPDX-License-Identifier: GPL-2.0-only

#include "probes/finder.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "base/handles.h"
#include "probes/elf_tables.h"
#include "probes/flow.h"

namespace seep {
namespace {

bool is_operator(std::string_view name) {
    return name.starts_with("_Z");
}

/// What a family is made of, by its functions' roles.
struct Family {
    std::string_view prefix;
    bool operators = false;
    auto operator<=>(const Family&) const = default;
};
Family family_of(const AllocatorSymbol& symbol) {
    return {symbol.match.prefix, is_operator(symbol.match.function->name)};
}
using FamilyRoles = std::map<Family, std::set<Role>>;

FamilyRoles roles_of(const std::vector<AllocatorSymbol>& symbols) {
    FamilyRoles roles;
    for (const AllocatorSymbol& symbol : symbols) {
        roles[family_of(symbol)].insert(symbol.match.function->role);
    }
    return roles;
}

bool is_credible(const AllocatorSymbol& symbol, const FamilyRoles& families) {
    const Family family = family_of(symbol);
    const std::set<Role>& roles = families.at(family);
    return roles.contains(Role::allocate) && roles.contains(Role::free) &&
           (!symbol.local || family.operators || roles.contains(Role::reallocate));
}

std::string shown_name(const std::string& symbol) {
    int status = 0;
    const CHandle<char, std::free> name(
        abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status));
    return name ? name.get() : symbol;
}

/// "handle" of "app::Server::handle(int)".
std::string_view last_word(std::string_view name) {
    name = name.substr(0, name.find('('));
    name = name.substr(0, name.find('<'));
    const auto scope = name.rfind("::");
    return scope == std::string_view::npos ? name : name.substr(scope + 2);
}

/// The function that a symbol stands for: compilers add ".constprop.0", ".isra.0" and the like to
/// the name of a copy. Empty for a part that was split off (".cold", ".part.0"), which nobody
/// calls.
std::string_view whole_function(std::string_view symbol) {
    const auto suffix = symbol.find('.');
    if (suffix == std::string_view::npos || suffix == 0) return symbol;
    const std::string_view kind = symbol.substr(suffix);
    return kind.starts_with(".cold") || kind.starts_with(".part") ? "" : symbol.substr(0, suffix);
}

/// Is `name` that of the demangled function, with or without its arguments? Nobody types the name
/// of an anonymous namespace.
bool is_called(std::string demangled, std::string_view name) {
    static constexpr std::string_view anonymous = "(anonymous namespace)::";
    for (auto at = demangled.find(anonymous); at != std::string::npos;
         at = demangled.find(anonymous))
        demangled.erase(at, anonymous.size());
    return demangled.starts_with(name) &&
           (demangled.size() == name.size() || demangled[name.size()] == '(');
}

/// Whether name `a` is shown rather than its alias `b`.
bool is_better_name(const AllocatorSymbol& a, const AllocatorSymbol& b) {
    const auto rank = [](const AllocatorSymbol& s) {
        return std::tuple(!s.match.prefix.empty(), s.match.function - catalogue().data(),
                          s.match.prefix);
    };
    return rank(a) < rank(b);
}

using FunctionsByAddress = std::map<std::uint64_t, FoundFunction>;

FunctionsByAddress merge_aliases(std::vector<AllocatorSymbol> symbols) {
    std::ranges::stable_sort(symbols, is_better_name);
    FunctionsByAddress functions;
    for (const AllocatorSymbol& symbol : symbols) {
        FoundFunction& found = functions[symbol.address];
        if (found.function == nullptr) {
            found = {symbol.match.function, shown_name(symbol.name), symbol.address, 0, {}};
        }
        found.size = std::max(found.size, symbol.size);
        // Other allocators define glibc's names too, so that prefix tells the least.
        if (found.prefix.empty() || found.prefix == "__libc_") found.prefix = symbol.match.prefix;
    }
    return functions;
}

/// The role of the allocator function that a call or jump goes to, if it is one.
std::optional<Role> role_of(const Destination& destination, const FunctionsByAddress& functions) {
    if (destination.address) {
        auto found = functions.find(*destination.address);
        if (found != functions.end()) return found->second.function->role;
    }
    const AllocatorFunction* bound = find_in_catalogue(destination.name).function;
    return bound != nullptr ? std::optional(bound->role) : std::nullopt;
}

/// Does each way from the entry to a return, or out of the object, lead through a call of another
/// function with the same role? (pvalloc does in tcmalloc, but the other one is asked for whole
/// pages, not for what the program requested.)
bool only_wraps(Code& code, const ElfTables& tables, const FoundFunction& function,
                const FunctionsByAddress& functions) {
    if (function.function->name == "pvalloc") return false;
    bool wraps = false;
    bool returns_without = false;
    const auto visit = [&](const Instruction& instruction, const Destination& destination) {
        const bool to_itself = destination.address == function.address;
        if (!to_itself && role_of(destination, functions) == function.function->role) {
            wraps = true;
            // A conditional tail call has another way out, which is still to be seen.
            return instruction.kind == InstructionKind::branch ? Onward::yes : Onward::no;
        }
        const bool jumps_away = instruction.kind == InstructionKind::jump && !destination.address;
        returns_without |= instruction.kind == InstructionKind::ret || jumps_away;
        return returns_without ? Onward::no : Onward::yes;
    };
    return follow(code, tables, function.address, visit) && wraps && !returns_without;
}

}  // namespace

Result<std::vector<FoundFunction>> find_allocator_functions(const ObjectFile& object) {
    if (object.architecture() != Architecture::x86_64) return std::vector<FoundFunction>{};
    auto tables = read_elf_tables(object);
    if (!tables) return tables.error();

    const FamilyRoles families = roles_of(tables->symbols);
    std::erase_if(tables->symbols,
                  [&](const AllocatorSymbol& symbol) { return !is_credible(symbol, families); });
    const FunctionsByAddress functions = merge_aliases(tables->symbols);

    Code code(object);
    std::vector<FoundFunction> found;
    for (const auto& [address, function] : functions) {
        if (!only_wraps(code, *tables, function, functions)) found.push_back(function);
    }
    return found;
}

namespace {

/// Those of a name that `wanted` takes, ascending by address, each address once.
Result<std::vector<FoundFunction>> find_functions(
    const ObjectFile& object, const AllocatorFunction& as,
    const std::function<bool(std::string_view symbol)>& wanted) {
    if (object.architecture() != Architecture::x86_64) return std::vector<FoundFunction>{};
    const auto symbols = find_function_symbols(object, wanted);
    if (!symbols) return symbols.error();
    std::map<std::uint64_t, FoundFunction> found;
    for (const FunctionSymbol& symbol : *symbols)
        found.try_emplace(
            symbol.address,
            FoundFunction{&as, shown_name(symbol.name), symbol.address, symbol.size, {}});
    std::vector<FoundFunction> functions;
    for (auto& [address, function] : found) functions.push_back(std::move(function));
    return functions;
}

}  // namespace

Result<std::vector<FoundFunction>> find_work_functions(const ObjectFile& object,
                                                       std::string_view name) {
    static constexpr AllocatorFunction work{.name = "work", .role = Role::work};
    const std::string_view word = last_word(name);
    return find_functions(object, work, [&](std::string_view symbol) {
        const std::string_view whole = whole_function(symbol);
        // Most symbols need not be demangled: a mangled name holds each of its words.
        return whole == name || (is_operator(whole) && whole.find(word) != std::string_view::npos &&
                                 is_called(shown_name(std::string(whole)), name));
    });
}

Result<std::vector<FoundFunction>> find_unload_functions(const ObjectFile& object) {
    // What a library does as it is unloaded is its own affair.
    static constexpr AllocatorFunction unload{
        .name = "dlclose", .role = Role::unload, .may_throw = true};
    return find_functions(object, unload, [](std::string_view symbol) {
        return symbol.substr(0, symbol.find('@')) == unload.name;
    });
}

std::string allocator_name(const ObjectFile& object, const std::vector<FoundFunction>& functions) {
    static constexpr struct {
        std::string_view prefix;
        std::string_view name;
    } known[] = {{"je_", "jemalloc"}, {"_rjem_", "jemalloc"}, {"tc_", "tcmalloc"},
                 {"mi_", "mimalloc"}, {"rp", "rpmalloc"},     {"sn_", "snmalloc"},
                 {"scudo_", "scudo"}};
    const auto any = [&](auto matches) { return std::ranges::any_of(functions, matches); };
    for (const auto& allocator : known) {
        if (any([&](const auto& f) { return f.prefix == allocator.prefix; })) {
            return std::string(allocator.name);
        }
    }
    const auto defines = [&](std::string_view name, std::string_view prefix) {
        return any([&](const auto& f) { return f.function->name == name && f.prefix == prefix; });
    };
    if (defines("mallocx", "")) return "jemalloc";
    if (defines("pvalloc", "__libc_")) return "glibc";
    // musl has few of those aliases and no pvalloc; its shared library has its own name instead.
    if (defines("malloc", "__libc_") || object.name().find("musl") != std::string::npos) {
        return "musl";
    }
    return "allocator in " + object.name();
}

}  // namespace seep
