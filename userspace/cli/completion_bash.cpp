// SPDX-License-Identifier: GPL-2.0-only
#include <fmt/format.h>

#include "cli/completion.h"

namespace seep {
namespace {

std::string names_of(const CommandEntry& command) {
    std::string names;
    for (const OptionEntry& option : command.options)
        for (const std::string& name : option.names) names += (names.empty() ? "" : " ") + name;
    return names;
}

/// The shell command that offers values; none needed if empty.
std::string offer(const OptionEntry& option) {
    switch (option.kind) {
        case ValueKind::none:
            break;
        case ValueKind::choice:
        case ValueKind::other:
            return fmt::format("_seep_words '{}'", fmt::join(option.choices, " "));
        case ValueKind::recording:
            return "_seep_recordings";
        case ValueKind::file:
            return "_seep_paths -f";
        case ValueKind::directory:
            return "_seep_paths -d";
        case ValueKind::process:
            return "_seep_words \"$(ps -eo pid=)\"";
    }
    return {};
}

/// case labels are COMMAND:OPTION; options of the program itself have no values.
std::string value_cases(const CommandEntry& command) {
    std::string text;
    for (const OptionEntry& option : command.options) {
        if (option.positional() || option.kind == ValueKind::none) continue;
        std::string labels;
        for (const std::string& name : option.names)
            labels += fmt::format("{}{}:{}", labels.empty() ? "" : " | ", command.name, name);
        text += fmt::format("        {}) {}; return ;;\n", labels, offer(option));
    }
    return text;
}

std::string command_case(const CommandEntry& command) {
    std::string positional = ":";
    for (const OptionEntry& option : command.options)
        if (option.positional() && option.kind == ValueKind::recording) positional = offer(option);
    return fmt::format("        {}) if [[ $cur == -* ]]; then _seep_words '{}'; else {}; fi ;;\n",
                       command.name, names_of(command), positional);
}

constexpr const char* helpers = R"(# bash completion for seep(1)
_seep_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }
_seep_paths() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
}
_seep_recordings() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -X '!*.seep' -- "$cur"; compgen -d -- "$cur")
}
)";

}  // namespace

std::string bash_completion(const std::vector<CommandEntry>& table) {
    std::string values;
    std::string commands;
    std::string names;
    for (std::size_t i = 1; i < table.size(); ++i) {
        values += value_cases(table[i]);
        commands += command_case(table[i]);
        names += table[i].name + (i + 1 < table.size() ? " " : "");
    }
    std::string labels = names;
    for (std::size_t at = 0; (at = labels.find(' ', at)) != std::string::npos; at += 3)
        labels.replace(at, 1, " | ");
    return fmt::format(R"({}_seep() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}} command='' i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${{COMP_WORDS[i]}} in
            --) compopt -o default 2>/dev/null; return ;;
            {}) [[ -n $command ]] || command=${{COMP_WORDS[i]}} ;;
        esac
    done
    case $command:$prev in
{}    esac
    case $command in
        '') _seep_words '{} {}' ;;
{}    esac
}}
complete -F _seep seep
)",
                       helpers, labels, values, names, names_of(table[0]), commands);
}

}  // namespace seep
