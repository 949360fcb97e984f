// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Turns the call frame information of an object into its unwind table. The object is untrusted:
// time and memory are linear in the size of its call frame information, which is bounded, and what
// makes no sense in it becomes an error or rows that are not supported. Stateless, thread-safe.
//
//     auto table = compile_unwind_table(object);
//     if (table) seep_rule rule = find_rule(*table, address_in_object);

#include "base/result.h"
#include "target/object_file.h"
#include "unwind/unwind_table.h"

namespace seep {

/// An error, with the object's name, for one without CFI or of another processor.
Result<UnwindTable> compile_unwind_table(const ObjectFile& object);

}  // namespace seep
