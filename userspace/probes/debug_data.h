// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// .gnu_debugdata: an xz-compressed ELF file that holds the symbols a distribution stripped from
// .symtab (Fedora and its kin do so). Hostile input: what unpacks to more than 64 MiB is refused.
// Pure; thread-safe.

#include <cstdint>
#include <span>
#include <vector>

namespace seep {

/// The unpacked file; empty if it is broken or too large.
std::vector<char> unpack_debug_data(std::span<const std::uint8_t> packed);

}  // namespace seep
