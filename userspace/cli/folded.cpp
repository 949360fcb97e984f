// SPDX-License-Identifier: GPL-2.0-only
#include "output/folded.h"

#include "cli/command.h"
#include "cli/results.h"

namespace seep {
namespace {

struct FoldedOptions {
    ReportRequest request;
    std::string value = "live";
    std::optional<StackKind> kind;
};

Result<int> run_folded(const FoldedOptions& options) {
    const auto report = load_report(options.request);
    if (!report) return report.error();
    const auto value = parse_stack_value(options.value);
    if (!value) return value.error();
    if (const Result<void> written =
            write_output("", folded_text(fold(*report, *value, options.kind)));
        !written)
        return written.error();
    return 0;
}

}  // namespace

void add_folded_command(CLI::App& app, RunCommand& run) {
    auto options = std::make_shared<FoldedOptions>();
    CLI::App& command =
        *app.add_subcommand("folded", "Print folded stacks: root;...;caller;malloc VALUE");
    add_request_options(command, options->request);
    command
        .add_option("--value", options->value,
                    "What stands behind a stack: bytes, or the count of live blocks")
        ->type_name("live|growth|allocated|freed|count")
        ->capture_default_str()
        ->check(check_with(parse_stack_value, ""));
    add_kind_option(command, options->kind);
    command.callback([options, &run] { run = [options] { return run_folded(*options); }; });
}

}  // namespace seep
