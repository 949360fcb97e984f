// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Objects for the tests: built on the spot, changed in memory, opened from there.

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "target/object_file.h"
#include "unwind/unwind_table.h"

namespace seep::test {

std::string read_file(const std::string& path);

/// The bytes of a shared object made of assembler source by `cc FLAGS`.
std::string assemble(std::string_view source, const std::string& flags = "");

/// An object with these bytes, in an anonymous file.
Result<ObjectFile> object_of(std::string_view bytes);

/// The object's table; a failure of the test if it has none.
UnwindTable table_of(std::string_view bytes);

/// Why BPF maps cannot be made here; empty if they can.
std::string why_no_bpf();
/// Whether that is a failure: SEEP_REQUIRE_BPF=1.
bool bpf_is_required();

}  // namespace seep::test
