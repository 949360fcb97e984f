// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Where Go calls C. The runtime's asmcgocall leaves the goroutine's stack for the thread's own
// before it calls, of which Go's .debug_frame says nothing: its rule leads to whatever lies on the
// thread's stack. The frame pointer, which Go keeps and C restores, still is the goroutine's. One
// file a processor: go_calls_x86_64.cpp.
//
// The object is untrusted: time is linear in the size of its code, which is bounded. Stateless,
// thread-safe.

#include <cstdint>
#include <string_view>
#include <vector>

#include "target/object_file.h"
#include "unwind/rules.h"

namespace seep {

/// What holds in a range of code, whatever call frame information says.
struct CodeRule {
    std::uint64_t start = 0;  ///< In the object's own addresses.
    std::uint64_t end = 0;
    TranslatedRule rule;
};

/// The object's, ascending; none if it was not linked by Go.
std::vector<CodeRule> find_go_calls(const ObjectFile& object);
/// Those in the code, which begins at the address.
std::vector<CodeRule> find_go_calls(std::string_view code, std::uint64_t address);

}  // namespace seep
