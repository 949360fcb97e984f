// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Names of functions as debug information has them. Stateless but for libdw's caches: not
// thread-safe for one object.

#include <elfutils/libdw.h>

#include <string>

namespace seep {

/// The entry that describes the function as such: behind the abstract origins of an inlined call or
/// of an out-of-line copy.
Dwarf_Die function_origin(Dwarf_Die die);

/// The linker's name; empty if none is recorded: C functions, and functions that g++ keeps local to
/// a file.
std::string linkage_name(Dwarf_Die die);

/// The plain name, with its namespaces and classes if `qualified`:
/// "ns::(anonymous namespace)::Class::method", without parameters.
std::string source_name(Dwarf_Die die, bool qualified);

/// Whether the unit's language is C++.
bool is_cpp(Dwarf_Die unit);

}  // namespace seep
