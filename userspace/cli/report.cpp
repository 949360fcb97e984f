// SPDX-License-Identifier: GPL-2.0-only
#include <optional>

#include "cli/command.h"
#include "cli/results.h"

namespace seep {
namespace {

struct ReportOptionsGiven {
    ReportRequest request;
    std::string format = "text";
    std::string output;
    std::optional<std::size_t> top;
    std::vector<FailCondition> fail_on;
};

Result<int> run_report(const ReportOptionsGiven& options) {
    const auto report = load_report(options.request);
    if (!report) return report.error();
    const std::size_t text_top = options.top.value_or(TextOptions{}.top);
    const bool to_terminal = options.output.empty();
    const std::string text = options.format == "json"
                                 ? json_report(*report, options.top.value_or(0))
                             : to_terminal ? text_report(*report, terminal_text_options(text_top))
                                           : text_report(*report, TextOptions{.top = text_top});
    if (const Result<void> written = write_output(options.output, text); !written)
        return written.error();
    return check_conditions(*report, options.fail_on);
}

}  // namespace

void add_report_command(CLI::App& app, RunCommand& run) {
    auto options = std::make_shared<ReportOptionsGiven>();
    CLI::App& command = *app.add_subcommand("report", "Rank the stacks of a recording");
    add_request_options(command, options->request);
    command.add_option("--format", options->format, "text or json")
        ->capture_default_str()
        ->check(CLI::IsMember({"text", "json"}));
    command.add_option("-o,--output", options->output, "File to write [standard output]")
        ->type_name("OUT");
    add_finding_options(command, options->request, options->fail_on);
    command.add_option("--top", options->top, "Stacks shown, 0 for all [text: 10, json: all]")
        ->type_name("N");
    command.footer(
        "Examples:\n"
        "  seep report x.seep --sort live --top 20\n"
        "  seep report x.seep --fail-on leak:1M --suppressions known-leaks.txt\n"
        "  seep report x.seep --window 10m: --format json | jq '.stacks[0]'");
    command.callback([options, &run] { run = [options] { return run_report(*options); }; });
}

}  // namespace seep
