// SPDX-License-Identifier: GPL-2.0-only
#include <fmt/format.h>

#include "cli/completion.h"

namespace seep {
namespace {

std::string quoted(const std::string& text) {
    std::string result = "'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') result += '\\';
        result += c;
    }
    return result + "'";
}

std::string values(const OptionEntry& option) {
    switch (option.kind) {
        case ValueKind::none:
            break;
        case ValueKind::choice:
        case ValueKind::other:
            return option.choices.empty()
                       ? " -x"
                       : fmt::format(" -x -a '{}'", fmt::join(option.choices, " "));
        case ValueKind::recording:
            return " -r -k -a '(__fish_complete_suffix .seep)'";
        case ValueKind::file:
            return " -r -F";
        case ValueKind::directory:
            return " -x -a '(__fish_complete_directories)'";
        case ValueKind::process:
            return " -x -a '(__fish_complete_pids)'";
    }
    return {};
}

std::string line(const OptionEntry& option, const std::string& condition) {
    std::string text = fmt::format("complete -c seep -n '{}'", condition);
    if (option.positional()) {
        if (option.kind == ValueKind::recording) return text + values(option) + "\n";
        return text + " -a '(__fish_complete_subcommand)'\n";
    }
    for (const std::string& name : option.names) {
        const bool is_long = name.starts_with("--");
        text += (is_long ? " -l " : " -s ") + name.substr(is_long ? 2 : 1);
    }
    return text + values(option) + " -d " + quoted(option.description) + "\n";
}

}  // namespace

std::string fish_completion(const std::vector<CommandEntry>& table) {
    std::string text = "# fish completion for seep(1)\ncomplete -c seep -f\n";
    for (const OptionEntry& option : table[0].options)
        text += line(option, "__fish_use_subcommand");
    for (std::size_t i = 1; i < table.size(); ++i) {
        text += fmt::format("complete -c seep -n __fish_use_subcommand -a {} -d {}\n",
                            table[i].name, quoted(table[i].description));
        for (const OptionEntry& option : table[i].options)
            text += line(option, "__fish_seen_subcommand_from " + table[i].name);
    }
    return text;
}

}  // namespace seep
