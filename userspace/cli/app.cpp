// SPDX-License-Identifier: GPL-2.0-only
#include "cli/app.h"

#include <spdlog/spdlog.h>

#include "cli/help.h"
#include "cli/option_table.h"

namespace seep {

std::unique_ptr<CLI::App> build_app(RunCommand& run) {
    auto app = std::make_unique<CLI::App>(
        "seep: which call stacks a running process's memory is growing from", "seep");
    app->set_version_flag("--version", "seep " SEEP_VERSION);
    app->require_subcommand(1);
    app->formatter_fn([](const CLI::App* command, const std::string&, CLI::AppFormatMode) {
        return help_text(read_option_table(*command));
    });
    app->failure_message([](const CLI::App* command, const CLI::Error& error) {
        return usage_error_text(*command, error);
    });
    app->fallthrough();
    app->add_flag_callback(
        "-v,--verbose", [] { spdlog::set_level(spdlog::level::debug); },
        "Log every decision, and the kernel's messages, to standard error");
    add_record_command(*app, run);
    add_top_command(*app, run);
    add_serve_command(*app, run);
    add_report_command(*app, run);
    add_folded_command(*app, run);
    add_flame_command(*app, run);
    add_pprof_command(*app, run);
    add_diff_command(*app, run);
    add_doctor_command(*app, run);
    app->footer(
        "Examples:\n"
        "  seep doctor -p 1234                        can process 1234 be traced?\n"
        "  seep record -p 1234 --duration 60s         trace it for a minute\n"
        "  seep top -p 1234                           watch it\n"
        "  seep report seep-server-1234-*.seep        what grew\n"
        "  seep flame FILE --value growth -o leak.svg where it grew\n\n"
        "Exit status: 0 done; 1 failed while running; 2 bad usage or bad input file;\n"
        "3 the target cannot be traced; 4 a --fail-on condition holds.");
    return app;
}

}  // namespace seep
