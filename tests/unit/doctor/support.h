// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Facts of a machine on which everything works, and objects built on the spot.

#include <string>
#include <string_view>
#include <vector>

#include "doctor/check.h"
#include "doctor/system_facts.h"
#include "target/object_file.h"

namespace seep::test {

/// Root on a kernel that has all.
SystemFacts good_facts();
/// The same machine as an ordinary user sees it.
SystemFacts facts_without_privilege();

/// The check of that name; fails the test if there is none.
Check check_named(const std::vector<Check>& checks, std::string_view name);
/// Names of the checks with that status.
std::vector<std::string> names_with(const std::vector<Check>& checks, CheckStatus status);

/// Compiles and links `source` ("x.c", "x.s": by the name's ending) with `cc FLAGS` into an object
/// that is deleted at once; only the open file is left of it.
ObjectFile build(std::string_view file_name, std::string_view source, std::string_view flags);

}  // namespace seep::test
