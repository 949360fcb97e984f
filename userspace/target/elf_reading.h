// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The first step into an untrusted ELF file: its header, read with pread. A file that another
// process truncates gives an error here; read through a mapping (as libelf does) it would give
// SIGBUS. Stateless, thread-safe.

#include <elf.h>

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "target/process.h"

namespace seep {

/// "WHY", as an error that the caller puts the file's name before.
Error bad_elf(std::string_view why);

/// Whether all `size` bytes at `offset` could be read.
bool read_exactly(int fd, void* buffer, std::size_t size, std::uint64_t offset);

/// A little-endian ELF header of either class. For a 32-bit file only what comes before e_entry is
/// meaningful.
Result<Elf64_Ehdr> read_elf_header(int fd);

Architecture architecture_of(const Elf64_Ehdr& header);

}  // namespace seep
