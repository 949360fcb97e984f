// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The kernel's own shared object in every process, which no file stands behind. Stateless,
// thread-safe.

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "target/address_space.h"
#include "target/object_file.h"

namespace seep {

struct Vdso {
    ObjectFile object;  ///< Of an anonymous file with the same contents.
    std::string bytes;
};

/// Copies the vDSO out of the process's memory.
Result<Vdso> read_vdso(pid_t pid, const AddressRange& range);

}  // namespace seep
