// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Which instructions can follow a function's entry: a recursive traversal of branches and tail
// calls through the object's code, calls being stepped over. It neither evaluates conditions nor
// resolves jump tables; what it could not follow it says. Not thread-safe, like the Code it reads.

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "probes/code.h"
#include "probes/elf_tables.h"

namespace seep {

/// Where a branch, jump or call goes, seen through PLT stubs.
struct Destination {
    std::optional<std::uint64_t> address;  ///< In this object.
    std::string_view name;                 ///< If it is bound by name; `address` may be set, too.
};
Destination destination_of(Code& code, const ElfTables& tables, const Instruction& instruction);

/// Whether to go on past the instruction.
enum class Onward { yes, no };
using Visitor = std::function<Onward(const Instruction&, const Destination&)>;

/// Visits each instruction that can be reached from `entry`, once. After a call it goes on, unless
/// the called function never returns: known by its name, or by the function ending there. False if
/// it met what is no code, or gave up on the function's size.
bool follow(Code& code, const ElfTables& tables, std::uint64_t entry, const Visitor& visit);

}  // namespace seep
