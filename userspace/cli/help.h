// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What --help shows, and what is said of wrong usage, from the option table. Pure.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/option_table.h"

namespace seep {

/// Of the table's first entry, in 80 columns.
std::string help_text(const std::vector<CommandEntry>& table);

/// An error of parsing, as any other is shown: what is wrong, and what to do.
std::string usage_error_text(const CLI::App& app, const CLI::Error& error);

}  // namespace seep
