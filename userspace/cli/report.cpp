// SPDX-License-Identifier: GPL-2.0-only
#include <optional>

#include "cli/command.h"
#include "cli/results.h"
#include "output/html_report.h"
#include "output/metric_families.h"
#include "output/metrics.h"

namespace seep {
namespace {

struct ReportOptionsGiven {
    ReportRequest request;
    std::string format = "text";
    std::string output;
    std::optional<std::size_t> top;
    std::vector<FailCondition> fail_on;
};

/// More stacks than a reader goes through, at a size that a browser still opens at once.
constexpr std::size_t html_top = 10'000;

std::string metrics_report(const Report& report, const std::optional<std::size_t>& top) {
    const std::size_t all = report.stacks.size() + report.targets.size();
    MetricsWriter writer(!top ? default_metrics_top : *top == 0 ? all : *top);
    const std::string name = report.targets.empty() ? "" : target_name(report.targets.front());
    return metrics_text(writer.write({{name, report}}));
}

std::string written_report(const Report& report, const ReportOptionsGiven& options) {
    if (options.format == "json") return json_report(report, options.top.value_or(0));
    if (options.format == "html") return html_report(report, options.top.value_or(html_top));
    if (options.format == "metrics") return metrics_report(report, options.top);
    const std::size_t top = options.top.value_or(TextOptions{}.top);
    const bool to_terminal = options.output.empty();
    return text_report(report, to_terminal ? terminal_text_options(top) : TextOptions{.top = top});
}

Result<int> run_report(const ReportOptionsGiven& options) {
    ReportRequest request = options.request;
    request.curves = options.format == "html";
    const auto report = load_report(request);
    if (!report) return report.error();
    const std::string text = written_report(*report, options);
    if (const Result<void> written = write_output(options.output, text); !written)
        return written.error();
    return check_conditions(*report, options.fail_on);
}

}  // namespace

void add_report_command(CLI::App& app, RunCommand& run) {
    auto options = std::make_shared<ReportOptionsGiven>();
    CLI::App& command = *app.add_subcommand("report", "Rank the stacks of a recording");
    add_request_options(command, options->request);
    command.add_option("--format", options->format, "text, json, html or metrics (for Prometheus)")
        ->capture_default_str()
        ->check(CLI::IsMember({"text", "json", "html", "metrics"}));
    command.add_option("-o,--output", options->output, "File to write [standard output]")
        ->type_name("OUT");
    add_finding_options(command, options->request, options->fail_on);
    command
        .add_option("--top", options->top,
                    "Stacks shown, 0 for all [text: 10, json: all, html: 10,000, metrics: 20]")
        ->type_name("N")
        ->check(top_check);
    command.footer(
        "Examples:\n"
        "  seep report x.seep --sort live --top 20\n"
        "  seep report x.seep --fail-on leak:1M --suppressions known-leaks.txt\n"
        "  seep report x.seep --format html -o x.html\n"
        "  seep report x.seep --format metrics -o /var/lib/node_exporter/seep.prom\n"
        "  seep report x.seep --window 10m: --format json | jq '.stacks[0]'");
    command.callback([options, &run] { run = [options] { return run_report(*options); }; });
}

}  // namespace seep
