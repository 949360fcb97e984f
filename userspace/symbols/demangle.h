// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The one spelling of a function's name, whichever table the linker's name came from.
// Names are the target's: they may be of any length and built to make a demangler recurse, expand
// without end or never return. Thread-safe.

#include <cstddef>
#include <string>
#include <string_view>

namespace seep {

/// Names are cut here, mangled or not; the longest that real C++ programs have are some 10 KiB.
inline constexpr std::size_t max_name_bytes = 16384;

/// How a linker's name is shown:
///     malloc@@GLIBC_2.2.5                -> malloc
///     _ZN2ns5Class6methodEi              -> ns::Class::method(int)
///     _ZN4core3fmt5write17h0123..E       -> core::fmt::write        (Rust, without the hash)
///     _RNvCs1234_7mycrate3foo            -> mycrate::foo
///     parse.constprop.0, parse.cold      -> parse
/// What cannot be demangled, or not within the limits, stays as it is.
///
/// The compiler's clone suffixes go because a clone is the same function to whoever wrote it: which
/// call got the specialised copy is the optimiser's choice and changes with every build, and stacks
/// through either should add up under one name.
std::string display_name(std::string_view linkage_name);

}  // namespace seep
