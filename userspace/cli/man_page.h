// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Manual pages, in the language of man(7), from the option table. Pure.

#include <string>
#include <vector>

#include "cli/option_table.h"

namespace seep {

/// seep(1), or seep-COMMAND(1) for an entry that is not the table's first. `date`: "2026-11-20".
std::string man_page(const CommandEntry& command, const std::vector<CommandEntry>& table,
                     const std::string& date);

/// "seep", "seep-record".
std::string man_page_name(const CommandEntry& command);

}  // namespace seep
