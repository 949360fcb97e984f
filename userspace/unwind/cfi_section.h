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
    std::vector<unsigned char> bytes;  ///< Behind the end of .eh_frame may be others.
    std::uint64_t address = 0;         ///< Of the first byte, in the object; 0 if it is not loaded.
    bool for_debuggers = false;        ///< .debug_frame: laid out a little differently.
};

/// The object's .eh_frame, by its section header, else by PT_GNU_EH_FRAME, and its .debug_frame,
/// which is what is left of a compiler's -fno-asynchronous-unwind-tables (a compressed one is left
/// out). An error if it has neither or what it has cannot be read; the caller puts the file's name
/// before it.
Result<std::vector<CfiSection>> read_cfi_sections(const ObjectFile& object);

}  // namespace seep
