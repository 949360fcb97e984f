// SPDX-License-Identifier: GPL-2.0-only
#include <fmt/format.h>

#include "cli/completion.h"

namespace seep {
namespace {

/// Within '...' and within a specification of _arguments or _describe, where : [ ] divide.
std::string quoted(const std::string& text) {
    std::string result;
    for (const char c : text) {
        if (c == '\'') {
            result += "'\\''";
            continue;
        }
        if (c == ':' || c == '[' || c == ']' || c == '\\') result += '\\';
        result += c;
    }
    return result;
}

std::string action(const OptionEntry& option) {
    switch (option.kind) {
        case ValueKind::none:
            break;
        case ValueKind::choice:
        case ValueKind::other:
            return option.choices.empty() ? " "
                                          : fmt::format("({})", fmt::join(option.choices, " "));
        case ValueKind::recording:
            return "_files -g \"*.seep(-.)\"";
        case ValueKind::file:
            return "_files";
        case ValueKind::directory:
            return "_files -/";
        case ValueKind::process:
            return "_pids";
    }
    return {};
}

std::string specification(const OptionEntry& option) {
    const std::string value =
        option.value.empty() ? "" : fmt::format(":{}:{}", quoted(option.value), action(option));
    if (option.positional())
        return option.kind == ValueKind::recording ? fmt::format("'1{}'", value)
                                                   : std::string("'*:: :_normal'");
    std::string specs;
    for (const std::string& name : option.names)
        specs += fmt::format("{}'{}{}[{}]{}'", specs.empty() ? "" : " ",
                             option.repeatable ? "*" : "", name, quoted(option.description), value);
    return specs;
}

std::string arguments(const CommandEntry& command) {
    std::string text;
    for (const OptionEntry& option : command.options)
        text += fmt::format(" \\\n                    {}", specification(option));
    return text;
}

}  // namespace

std::string zsh_completion(const std::vector<CommandEntry>& table) {
    std::string names;
    std::string commands;
    for (std::size_t i = 1; i < table.size(); ++i) {
        names +=
            fmt::format("                '{}:{}'\n", table[i].name, quoted(table[i].description));
        commands += fmt::format("                {})\n                _arguments{} ;;\n",
                                table[i].name, arguments(table[i]));
    }
    return fmt::format(R"(#compdef seep
_seep() {{
    local curcontext="$curcontext" state line
    typeset -A opt_args
    _arguments -C{} \
                    '1:command:->command' '*::argument:->argument'
    case $state in
        command)
            local -a commands=(
{}            )
            _describe command commands ;;
        argument)
            case $line[1] in
{}            esac ;;
    esac
}}
if [[ $funcstack[1] == _seep ]]; then _seep "$@"; else compdef _seep seep; fi
)",
                       arguments(table[0]), names, commands);
}

}  // namespace seep
