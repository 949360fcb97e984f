// SPDX-License-Identifier: GPL-2.0-only
#include <optional>

#include "analysis/comparison.h"
#include "cli/command.h"
#include "cli/results.h"
#include "output/comparison_report.h"

namespace seep {
namespace {

struct DiffOptions {
    ReportRequest base;
    ReportRequest current;
    std::string per = "time";
    std::string format = "text";
    std::string output;
    std::optional<std::size_t> top;
};

Result<int> run_diff(const DiffOptions& options) {
    const auto base = load_recording(options.base);
    if (!base) return base.error();
    const auto current = load_recording(options.current);
    if (!current) return current.error();
    const auto comparison = compare(*base, *current, parse_compared_per(options.per).value());
    if (!comparison) return comparison.error();
    const std::size_t text_top = options.top.value_or(TextOptions{}.top);
    const std::string text =
        options.format == "json" ? json_comparison(*comparison, options.top.value_or(0))
        : options.output.empty() ? text_comparison(*comparison, terminal_text_options(text_top))
                                 : text_comparison(*comparison, TextOptions{.top = text_top});
    if (const Result<void> written = write_output(options.output, text); !written)
        return written.error();
    return 0;
}

}  // namespace

void add_diff_command(CLI::App& app, RunCommand& run) {
    auto options = std::make_shared<DiffOptions>();
    CLI::App& command =
        *app.add_subcommand("diff", "Compare the growth of two recordings, or of two windows");
    command.add_option("base", options->base.file, "The recording to compare with")
        ->type_name("BASE")
        ->required();
    command.add_option("file", options->current.file, "The recording in question")
        ->type_name("FILE")
        ->required();
    const auto add_window = [&](const char* name, std::string& window, const char* help) {
        command.add_option(name, window, help)
            ->type_name("FROM:TO")
            ->check(check_with(parse_window, ""));
    };
    add_window("--window", options->current.window, "Only from FROM to TO after the start of FILE");
    add_window("--base-window", options->base.window, "The same for BASE");
    command
        .add_option(
            "--per", options->per,
            "What growth is divided by: time (hours), allocated (1,000 allocations), or work "
            "(1,000 units of what --work or --work-file counted)")
        ->capture_default_str()
        ->check(check_with(parse_compared_per, ""));
    command.add_option("--format", options->format, "text or json")
        ->capture_default_str()
        ->check(CLI::IsMember({"text", "json"}));
    command.add_option("-o,--output", options->output, "File to write [standard output]")
        ->type_name("OUT");
    command
        .add_option("--top", options->top,
                    "Stacks shown, 0 for all [text: 10 that differ, json: all]")
        ->type_name("N")
        ->check(top_check);
    command.footer(
        "Examples:\n"
        "  seep diff baseline.seep canary.seep                    which stacks grow faster now?\n"
        "  seep diff old.seep new.seep --per allocated            under different load\n"
        "  seep diff old.seep new.seep --per work                 the same by requests, counted "
        "with\n"
        "                                                         record --work or --work-file\n"
        "  seep diff x.seep x.seep --base-window :10m --window 50m:   the last ten minutes "
        "against\n"
        "                                                             the first");
    command.callback([options, &run] { run = [options] { return run_diff(*options); }; });
}

}  // namespace seep
