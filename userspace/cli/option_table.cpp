// SPDX-License-Identifier: GPL-2.0-only
#include "cli/option_table.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace seep {
namespace {

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(separator), text.size());
        parts.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

/// A placeholder is written in capitals, a word to be given as it is in small letters.
bool is_literal(const std::string& word) {
    return std::ranges::none_of(word, [](unsigned char c) { return std::isupper(c) != 0; });
}

ValueKind kind_of(const OptionEntry& option) {
    const std::string& value = option.value;
    if (value == "PID") return ValueKind::process;
    if (value == "DIR" || value == "PATH") return ValueKind::directory;
    if (value == "BASE" || (value == "FILE" && option.positional())) return ValueKind::recording;
    if (value == "FILE" || value.starts_with("OUT")) return ValueKind::file;
    return ValueKind::other;
}

/// CLI11 adds what a value may be, as in "TEXT:{text,json}". Other checks have no description here.
void read_value(const CLI::Option& option, OptionEntry& entry) {
    if (option.get_items_expected_max() == 0) return;  // a flag
    const std::string type = option.get_type_name();
    const std::size_t open = type.find('{');
    entry.value = type.substr(0, type.find(":{"));
    const std::size_t close = type.find('}', std::min(open, type.size()));
    if (close != std::string::npos) {
        entry.choices = split(std::string_view(type).substr(open + 1, close - open - 1), ',');
        entry.kind = ValueKind::choice;
        return;
    }
    const std::vector<std::string> words = split(entry.value, '|');
    std::ranges::copy_if(words, std::back_inserter(entry.choices), is_literal);
    entry.kind = entry.choices.size() == words.size() ? ValueKind::choice : kind_of(entry);
}

OptionEntry read_option(const CLI::Option& option) {
    OptionEntry entry;
    for (const std::string& name : option.get_snames()) entry.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) entry.names.push_back("--" + name);
    read_value(option, entry);
    entry.description = option.get_description();
    entry.default_value = option.get_default_str();
    entry.group = option.get_group();
    entry.required = option.get_required();
    entry.repeatable = option.get_items_expected_max() > 1;
    return entry;
}

CommandEntry read_command(const CLI::App& app) {
    CommandEntry entry{.name = app.get_name(),
                       .description = app.get_description(),
                       .footer = app.get_footer(),
                       .options = {}};
    const std::vector<const CLI::Option*> options = app.get_options();
    for (const CLI::Option* option : options)
        if (!option->get_group().empty()) entry.options.push_back(read_option(*option));
    return entry;
}

}  // namespace

std::vector<CommandEntry> read_option_table(const CLI::App& app) {
    std::vector<CommandEntry> table{read_command(app)};
    const auto shown = [](const CLI::App* command) { return !command->get_group().empty(); };
    const std::vector<const CLI::App*> commands = app.get_subcommands(shown);
    for (const CLI::App* command : commands) table.push_back(read_command(*command));
    return table;
}

}  // namespace seep
