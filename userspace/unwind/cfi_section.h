// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Where an object keeps its call frame information (CFI), and the bytes of it. Read with pread, so
// that a file that is truncated meanwhile gives an error and not SIGBUS. Stateless, thread-safe.

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "target/object_file.h"

namespace seep {

struct CfiSection {
    std::vector<unsigned char> bytes;  ///< Of .eh_frame; behind its end may be others.
    std::uint64_t address = 0;         ///< Of the first byte, in the object.
};

/// The object's .eh_frame, by its section header, else by PT_GNU_EH_FRAME. An error if it has none
/// or it cannot be read; the caller puts the file's name before it.
Result<CfiSection> read_cfi_section(const ObjectFile& object);

}  // namespace seep
