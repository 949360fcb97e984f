// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Completions for shells from the option table: commands, options, and their values as far as a
// shell can offer some. Pure.

#include <string>
#include <vector>

#include "cli/option_table.h"

namespace seep {

std::string bash_completion(const std::vector<CommandEntry>& table);
std::string zsh_completion(const std::vector<CommandEntry>& table);
std::string fish_completion(const std::vector<CommandEntry>& table);

}  // namespace seep
