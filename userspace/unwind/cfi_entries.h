// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The entries of .eh_frame or .debug_frame: for each function the program that makes its rows
// (FDE), and what functions have in common (CIE). Entries are untrusted: one that makes no sense is
// passed over and counted. Values that point into the section's bytes, which must live as long.
// Thread-safe.

#include <cstdint>
#include <deque>
#include <vector>

#include "unwind/byte_cursor.h"
#include "unwind/cfa_state.h"
#include "unwind/cfi_section.h"

namespace seep {

struct CfiCommon {
    std::uint64_t code_alignment = 1;
    std::int64_t data_alignment = 1;
    std::uint8_t pointer_encoding = 0;  ///< DW_EH_PE_* of the addresses of functions.
    bool has_augmentation_size = false;
    bool signal_frame = false;
    CfaState initial;  ///< At the first instruction of each function.
};

struct CfiFunction {
    std::uint64_t start = 0;
    std::uint64_t end = 0;  ///< One past the last byte; above `start`.
    const CfiCommon* common = nullptr;
    Bytes program;
    std::uint64_t program_address = 0;
};

struct CfiEntries {
    std::deque<CfiCommon> commons;       ///< Where functions point to.
    std::vector<CfiFunction> functions;  ///< By start; of one start, in the order of the section.
    std::uint64_t unusable = 0;          ///< Entries that were passed over.
};

/// Linear in the size of the section.
CfiEntries read_cfi_entries(const CfiSection& section);

}  // namespace seep
