// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What an address means in the source. Passive data.

#include <cstdint>
#include <string>

namespace seep {

/// One function at an address.
struct SourceFrame {
    std::string function;    ///< Demangled; empty if unknown.
    std::string file;        ///< As the compiler recorded it (directory joined); empty if unknown.
    std::uint32_t line = 0;  ///< Of the call (or, innermost, of the address); 0 if unknown.
    bool inlined = false;    ///< Its code is part of the next frame's function.
    bool operator==(const SourceFrame&) const = default;
};

}  // namespace seep
