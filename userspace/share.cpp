// SPDX-License-Identifier: GPL-2.0-only

// Run by the build: writes manual pages and completions, seep_share DIRECTORY DATE. They are made
// from the table that the program itself parses with, so that they cannot differ from it.

#include <fmt/core.h>

#include <filesystem>

#include "cli/app.h"
#include "cli/completion.h"
#include "cli/man_page.h"

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const std::filesystem::path directory = argv[1];
    seep::RunCommand none;
    const auto app = seep::build_app(none);
    const std::vector<seep::CommandEntry> table = seep::read_option_table(*app);
    std::vector<std::pair<std::filesystem::path, std::string>> files{
        {directory / "bash/seep", seep::bash_completion(table)},
        {directory / "zsh/_seep", seep::zsh_completion(table)},
        {directory / "fish/seep.fish", seep::fish_completion(table)}};
    for (const seep::CommandEntry& command : table)
        files.emplace_back(directory / "man" / (seep::man_page_name(command) + ".1"),
                           seep::man_page(command, table, argv[2]));
    for (const auto& [path, text] : files) {
        std::filesystem::create_directories(path.parent_path());
        if (const auto written = seep::write_output(path.string(), text); !written) {
            fmt::print(stderr, "seep_share: {}\n", written.error().message);
            return 1;
        }
    }
}
