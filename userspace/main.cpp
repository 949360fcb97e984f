// SPDX-License-Identifier: GPL-2.0-only
#include <fmt/core.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>

#include "base/text.h"
#include "cli/app.h"
#include "target/start_signals.h"

namespace {

/// Results go to standard output alone; the log is for people and goes to standard error.
void set_up_log() {
    spdlog::set_default_logger(spdlog::stderr_color_mt("seep"));
    spdlog::set_pattern("%^seep%$: %v");
}

int show(const seep::Error& error) {
    fmt::print(stderr, "seep: {}\n", seep::printable(error.message));
    if (!error.hint.empty()) fmt::print(stderr, "      {}\n", seep::printable(error.hint));
    return static_cast<int>(error.kind);
}

}  // namespace

int main(int argc, char** argv) {
    set_up_log();
    std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is an error of write(), not the end
    seep::keep_child_signals();
    seep::RunCommand run;
    const auto app = seep::build_app(run);
    try {
        app->parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        constexpr int usage = static_cast<int>(seep::ErrorKind::bad_input);
        return app->exit(error) == 0 ? 0 : usage;
    }
    const seep::Result<int> status = run();
    if (!status) return show(status.error());
    if (std::fflush(stdout) != 0) return show(seep::errno_error("cannot write to standard output"));
    return *status;
}
