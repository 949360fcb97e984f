// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The option table (the CLI::App that parses and makes --help) as passive data, for what else is
// made from it: manual pages and completions. Pure.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace seep {

/// What an option's value is, as far as a shell can offer some.
enum class ValueKind { none, choice, recording, file, directory, process, other };

struct OptionEntry {
    std::vector<std::string> names;  ///< "-o", "--output"; none for a positional.
    std::string value;               ///< "FILE", "live|growth"; empty for a flag.
    ValueKind kind = ValueKind::none;
    std::vector<std::string> choices;  ///< Of kind `choice`, all of them; of `other`, some.
    std::string description;
    std::string default_value;
    std::string group;  ///< "Options", "Target", ...
    bool required = false;
    bool repeatable = false;
    [[nodiscard]] bool positional() const { return names.empty(); }
};

struct CommandEntry {
    std::string name;  ///< "record"; "seep" for the program itself.
    std::string description;
    std::string footer;  ///< Examples and notes, paragraphs.
    std::vector<OptionEntry> options;
};

/// The program, then its commands, in the order of --help.
std::vector<CommandEntry> read_option_table(const CLI::App& app);

}  // namespace seep
