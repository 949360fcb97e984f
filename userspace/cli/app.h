// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The option table of the whole program. Parsing, --help, completions and the manual page read it.

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/command.h"

namespace seep {

/// Parsing the result sets `run` to what the chosen command does.
std::unique_ptr<CLI::App> build_app(RunCommand& run);

}  // namespace seep
