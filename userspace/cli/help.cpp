// SPDX-License-Identifier: GPL-2.0-only
#include "cli/help.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cctype>
#include <set>
#include <string_view>

#include "base/text.h"

namespace seep {
namespace {

constexpr std::size_t width = 80;
constexpr std::size_t column = 30;  // where descriptions begin

std::string value_text(const OptionEntry& option) {
    return option.kind == ValueKind::choice ? fmt::format("{}", fmt::join(option.choices, "|"))
                                            : option.value;
}

/// "-o, --output FILE"
std::string heading(const OptionEntry& option) {
    std::string text = fmt::format("{}", fmt::join(option.names, ", "));
    if (!text.empty() && !option.value.empty()) text += ' ';
    return text + value_text(option);
}

/// A line of two columns; what is too long for the first has a line of its own.
std::string entry_text(const std::string& name, const std::string& description) {
    std::string label = "  " + name;
    std::string above;
    if (label.size() + 2 > column) above = std::exchange(label, "") + "\n";
    label.resize(column, ' ');
    return above + wrap_words(label, column, description, width) + "\n";
}

std::string usage_text(const CommandEntry& command, bool has_commands) {
    if (has_commands) return "Usage: seep COMMAND [OPTIONS]\n";
    std::string text = fmt::format("Usage: seep {} [OPTIONS]", command.name);
    for (const OptionEntry& option : command.options)
        if (option.required && !option.positional())
            text += fmt::format(" {} {}", option.names.front(), option.value);
    for (const OptionEntry& option : command.options)
        if (option.positional())
            text += option.required ? " " + option.value : " [-- " + option.value + "]";
    return text + "\n";
}

std::string options_text(const CommandEntry& command) {
    std::string text;
    std::set<std::string> groups;
    for (const OptionEntry& first : command.options) {
        if (!groups.insert(first.group).second) continue;
        text += fmt::format("\n{}:\n", first.group);
        for (const OptionEntry& option : command.options) {
            if (option.group != first.group) continue;
            const std::string& value = option.default_value;
            text += entry_text(heading(option),
                               option.description + (value.empty() ? "" : " [" + value + "]"));
        }
    }
    return text;
}

}  // namespace

std::string help_text(const std::vector<CommandEntry>& table) {
    const CommandEntry& command = table.front();
    const bool has_commands = table.size() > 1;
    std::string text = command.description + "\n" + usage_text(command, has_commands);
    if (has_commands) {
        text += "\nCommands:\n";
        for (std::size_t i = 1; i < table.size(); ++i)
            text += entry_text(table[i].name, table[i].description);
    }
    text += options_text(command);
    return text + "\n" + command.footer + "\n";
}

std::string usage_error_text(const CLI::App& app, const CLI::Error& error) {
    std::string message = printable(error.what(), 2000);
    if (message.size() > 1 && std::isupper(static_cast<unsigned char>(message[1])) == 0)
        message[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(message[0])));
    const std::vector<const CLI::App*> commands =
        app.get_subcommands([](const CLI::App* command) { return command->parsed(); });
    const std::string command = commands.empty() ? "" : " " + commands.front()->get_name();
    return fmt::format("seep: {}\n      seep{} --help shows what can be given\n", message, command);
}

}  // namespace seep
