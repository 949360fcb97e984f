// SPDX-License-Identifier: GPL-2.0-only
#include "cli/command.h"
#include "cli/results.h"
#include "output/flamegraph.h"
#include "output/folded.h"

namespace seep {
namespace {

struct FlameCommandOptions {
    ReportRequest request;
    std::string output;
    std::string value = "live";
    std::string base;
    std::optional<StackKind> kind;
};

Result<int> run_flame(const FlameCommandOptions& options) {
    const auto value = parse_stack_value(options.value);
    if (!value) return value.error();
    const auto report = load_report(options.request);
    if (!report) return report.error();
    const std::vector<FoldedStack> stacks = fold(*report, *value, options.kind);
    std::optional<FlameBase> base;
    if (!options.base.empty()) {
        ReportRequest request = options.request;
        request.file = options.base;
        const auto base_report = load_report(request);
        if (!base_report) return base_report.error();
        base = flame_base(*base_report, *report, stacks, *value, options.kind);
    }
    const std::string svg =
        flame_graph(stacks, flame_options(*report, *value), base ? &*base : nullptr);
    if (const Result<void> written = write_output(options.output, svg); !written)
        return written.error();
    return 0;
}

}  // namespace

void add_flame_command(CLI::App& app, RunCommand& run) {
    auto options = std::make_shared<FlameCommandOptions>();
    CLI::App& command = *app.add_subcommand("flame", "Draw a flame graph as an interactive SVG");
    add_request_options(command, options->request);
    command.add_option("-o,--output", options->output, "SVG file to write; - for standard output")
        ->type_name("OUT.svg")
        ->required();
    command
        .add_option("--value", options->value,
                    "What a stack is drawn with: bytes, or the count of live blocks")
        ->type_name("live|growth|allocated|freed|count")
        ->capture_default_str()
        ->check(check_with(parse_stack_value, ""));
    command
        .add_option("--diff", options->base,
                    "Colour by the difference from this recording, in the same window")
        ->type_name("BASE");
    add_kind_option(command, options->kind);
    command.footer(
        "Examples:\n"
        "  seep flame x.seep -o live.svg\n"
        "  seep flame x.seep --value growth --window 10m: -o growth.svg");
    command.callback([options, &run] { run = [options] { return run_flame(*options); }; });
}

}  // namespace seep
