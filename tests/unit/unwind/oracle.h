// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What libdw says about the same addresses. libdw interprets CFI on its own, from the bytes to the
// operations that find a register; only what the tables can express is decided here a second time.

#include <cstdint>
#include <string>
#include <vector>

#include "bpf/wire.h"
#include "unwind/unwind_table.h"

namespace seep::test {

struct Comparison {
    std::uint64_t rows = 0;           ///< Rows of libdw's that were compared.
    std::uint64_t disagreements = 0;  ///< Addresses at which rules differ.
    std::string first;                ///< What the first of them is about.
};

/// Compares the table with libdw at both ends of every row that either of them has. With a `stride`
/// above 1, only every so manieth function is looked at.
Comparison compare_with_libdw(const UnwindTable& table, int fd, std::size_t stride = 1);

/// "cfa=1 8+0 fp=1 -16 bx=0 0"
std::string text_of(const seep_rule& rule);

}  // namespace seep::test
