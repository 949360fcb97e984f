// SPDX-License-Identifier: GPL-2.0-only
#include "cli/man_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>

namespace seep {
namespace {

/// Text as man shows it: no request at the start of a line, no escape, `-` as it is typed.
std::string escaped(std::string_view text) {
    std::string result;
    bool line_start = true;
    for (const char c : text) {
        if (line_start && (c == '.' || c == '\'')) result += "\\&";
        if (c == '\\') {
            result += "\\e";
        } else if (c == '-') {
            result += "\\-";
        } else {
            result += c;
        }
        line_start = c == '\n';
    }
    return result;
}

std::string upper(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

/// "\fB\-o\fR, \fB\-\-output\fR \fIFILE\fR"
std::string heading(const OptionEntry& option) {
    std::string text;
    for (const std::string& name : option.names)
        text += fmt::format("{}\\fB{}\\fR", text.empty() ? "" : ", ", escaped(name));
    if (!option.value.empty()) {
        const std::string value = option.kind == ValueKind::choice
                                      ? fmt::format("{}", fmt::join(option.choices, "|"))
                                      : option.value;
        text += fmt::format("{}\\fI{}\\fR", text.empty() ? "" : " ", escaped(value));
    }
    return text;
}

std::string options_text(const CommandEntry& command) {
    std::string text;
    std::set<std::string> groups;
    for (const OptionEntry& first : command.options) {
        if (!groups.insert(first.group).second) continue;
        text += fmt::format(".SH {}\n", upper(first.group));
        for (const OptionEntry& option : command.options) {
            if (option.group != first.group) continue;
            text += fmt::format(".TP\n{}\n{}", heading(option), escaped(option.description));
            if (!option.default_value.empty())
                text += fmt::format(" [{}]", escaped(option.default_value));
            text += '\n';
        }
    }
    return text;
}

std::string synopsis(const CommandEntry& command, bool is_program) {
    if (is_program) return ".B seep\n.I COMMAND\n[\\fIOPTIONS\\fR]\n";
    std::string text = fmt::format(".B seep {}\n[\\fIOPTIONS\\fR]\n", command.name);
    for (const OptionEntry& option : command.options) {
        if (!option.positional()) {
            if (option.required) text += heading(option) + "\n";
        } else if (option.required) {
            text += fmt::format(".I {}\n", escaped(option.value));
        } else {
            text += fmt::format("[\\-\\- \\fI{}\\fR]\n", escaped(option.value));
        }
    }
    return text;
}

struct Footer {
    std::string notes;
    std::string sections;
};

/// Paragraphs "Examples:" and "Exit status: ..." are sections of their own.
Footer footer_text(std::string_view footer) {
    constexpr std::string_view examples = "Examples:\n";
    constexpr std::string_view status = "Exit status: ";
    Footer result;
    while (!footer.empty()) {
        const std::size_t end = std::min(footer.find("\n\n"), footer.size());
        const std::string_view paragraph = footer.substr(0, end);
        footer.remove_prefix(std::min(end + 2, footer.size()));
        if (paragraph.starts_with(examples)) {
            result.sections += fmt::format(".SH EXAMPLES\n.EX\n{}\n.EE\n",
                                           escaped(paragraph.substr(examples.size())));
        } else if (paragraph.starts_with(status)) {
            result.sections +=
                fmt::format(".SH EXIT STATUS\n{}\n", escaped(paragraph.substr(status.size())));
        } else {
            result.notes += fmt::format(".PP\n{}\n", escaped(paragraph));
        }
    }
    return result;
}

std::string commands_text(const std::vector<CommandEntry>& table) {
    std::string text = ".SH COMMANDS\n";
    for (std::size_t i = 1; i < table.size(); ++i)
        text += fmt::format(".TP\n\\fB{}\\fR\n{}; see\n.BR seep\\-{} (1)\n", table[i].name,
                            escaped(table[i].description), table[i].name);
    return text;
}

std::string see_also(const CommandEntry& command, const std::vector<CommandEntry>& table) {
    std::vector<std::string> pages;
    for (const CommandEntry& other : table)
        if (&other != &command)
            pages.push_back(fmt::format(".BR {} (1)", escaped(man_page_name(other))));
    return fmt::format(".SH SEE ALSO\n{}\n", fmt::join(pages, ",\n"));
}

}  // namespace

std::string man_page_name(const CommandEntry& command) {
    return command.name == "seep" ? "seep" : "seep-" + command.name;
}

std::string man_page(const CommandEntry& command, const std::vector<CommandEntry>& table,
                     const std::string& date) {
    const bool is_program = &command == table.data();
    const std::string name = man_page_name(command);
    const Footer footer = footer_text(command.footer);
    std::string text = fmt::format(".TH {} 1 {} \"seep {}\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n{}",
                                   escaped(upper(name)), date, SEEP_VERSION, escaped(name),
                                   escaped(command.description), synopsis(command, is_program));
    if (!footer.notes.empty())
        text += ".SH DESCRIPTION\n" + footer.notes.substr(std::string_view(".PP\n").size());
    if (is_program) text += commands_text(table);
    return text + options_text(command) + footer.sections + see_also(command, table);
}

}  // namespace seep
