// SPDX-License-Identifier: GPL-2.0-only
#include "output/pprof.h"

#include "cli/command.h"
#include "cli/results.h"
#include "output/gzip.h"

namespace seep {
namespace {

struct PprofOptions {
    ReportRequest request;
    std::string output;
};

Result<int> run_pprof(const PprofOptions& options) {
    const auto report = load_report(options.request);
    if (!report) return report.error();
    if (const Result<void> written = write_output(options.output, gzip(pprof_profile(*report)));
        !written)
        return written.error();
    return 0;
}

}  // namespace

void add_pprof_command(CLI::App& app, RunCommand& run) {
    auto options = std::make_shared<PprofOptions>();
    CLI::App& command =
        *app.add_subcommand("pprof", "Write a profile for go tool pprof and what else reads it");
    add_request_options(command, options->request);
    command.add_option("-o,--output", options->output, "Profile to write; - for standard output")
        ->type_name("OUT.pb.gz")
        ->required();
    command.footer(
        "Sample types: inuse_space (the default), inuse_objects, alloc_space, alloc_objects, and\n"
        "growth_space, the growth over the window.\n\n"
        "Examples:\n"
        "  seep pprof x.seep -o x.pb.gz && go tool pprof -top x.pb.gz\n"
        "  go tool pprof -sample_index growth_space -http 127.0.0.1:8080 x.pb.gz\n"
        "  go tool pprof -base old.pb.gz -top new.pb.gz");
    command.callback([options, &run] { run = [options] { return run_pprof(*options); }; });
}

}  // namespace seep
