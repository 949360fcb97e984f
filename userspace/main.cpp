// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>
#include <iostream>

#include "base/tell.h"
#include "base/text.h"
#include "cli/app.h"
#include "target/start_signals.h"

namespace {

/// Results go to standard output alone; the log is for people and goes to standard error.
void set_up_log() {
    spdlog::set_default_logger(spdlog::stderr_color_mt("seep"));
    spdlog::set_pattern("%^seep%$: %v");
}

/// A standard descriptor that the caller has closed would be that of the next file to be opened, a
/// recording maybe. Reading or writing it stays an error.
void hold_standard_descriptors() {
    for (int fd = 0; fd <= 2; ++fd)
        if (fcntl(fd, F_GETFD) < 0) (void)open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

int show(const seep::Error& error) {
    seep::tell("seep: {}\n", seep::printable(error.message));
    if (!error.hint.empty()) seep::tell("      {}\n", seep::printable(error.hint));
    return static_cast<int>(error.kind);
}

/// After results that went to standard output: `status`, unless they did not get there.
int end(int status) {
    if (std::cout.flush() && std::fflush(stdout) == 0) return status;
    return show(seep::errno_error("cannot write to standard output"));
}

}  // namespace

int main(int argc, char** argv) {
    hold_standard_descriptors();
    set_up_log();
    std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is an error of write(), not the end
    seep::keep_child_signals();
    seep::RunCommand run;
    const auto app = seep::build_app(run);
    try {
        app->parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        constexpr int usage = static_cast<int>(seep::ErrorKind::bad_input);
        return app->exit(error) == 0 ? end(0) : usage;
    }
    const seep::Result<int> status = run();
    if (!status) return show(status.error());
    return end(*status);
}
