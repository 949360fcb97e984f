// SPDX-License-Identifier: GPL-2.0-only
#include "cli/watch.h"

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>

#include "base/text.h"
#include "cli/command.h"

namespace seep {
namespace {

using std::chrono::steady_clock;

/// The pause after an analysis, in times of what it took.
constexpr int pauses = 49;

Result<std::chrono::nanoseconds> parse_pause(const std::string& text) {
    auto duration = parse_duration(text);
    if (duration && *duration <= std::chrono::nanoseconds(0))
        return Error{ErrorKind::bad_input, "it must be above 0", ""};
    return duration;
}

}  // namespace

void add_watch_options(CLI::App& command, WatchOptions& options) {
    const auto duration = [&](const char* name, std::string& value, const char* text) {
        command.add_option(name, value, text)
            ->type_name("DUR")
            ->capture_default_str()
            ->check(check_with(parse_pause, ""))
            ->group("Findings while recording");
    };
    command
        .add_option("--on-leak", options.on_leak,
                    "Run this for each leak that is found, with the finding as JSON on standard "
                    "input and in SEEP_... variables; not by a shell")
        ->type_name("COMMAND")
        ->check(check_with(parse_command, ""))
        ->group("Findings while recording");
    command
        .add_option("--on-leak-if", options.on_leak_if,
                    "What is worth it: leak, growing, leak:1M (an hour for certain)")
        ->type_name("VERDICT[:BYTES_PER_HOUR]")
        ->capture_default_str()
        ->check(check_with(parse_fail_condition, ""))
        ->group("Findings while recording");
    duration("--on-leak-cooldown", options.on_leak_cooldown,
             "Not again for the same finding before that");
    duration("--on-leak-timeout", options.on_leak_timeout, "Kill the command after that");
    command
        .add_option("--findings-log", options.findings_log,
                    "Append every finding of every analysis as a line of JSON; - for standard "
                    "output")
        ->type_name("FILE")
        ->group("Findings while recording");
    duration("--analyze-every", options.analyze_every,
             "How often to look for findings, or less often where that takes more than 2 % of a "
             "core");
    add_push_options(command, options.push);
}

Watch::Watch(const WatchOptions& options)
    : condition_(parse_fail_condition(options.on_leak_if).value()),
      every_(parse_pause(options.analyze_every).value()),
      next_(steady_clock::now() + every_) {}

Result<std::unique_ptr<Watch>> Watch::create(const WatchOptions& options) {
    std::unique_ptr<Watch> watch(new Watch(options));
    if (!options.on_leak.empty()) {
        auto arguments = parse_command(options.on_leak);
        if (!arguments) return arguments.error();
        watch->command_ = std::make_unique<FindingCommand>(
            FindingCommandOptions{.arguments = std::move(*arguments),
                                  .cooldown = parse_pause(options.on_leak_cooldown).value(),
                                  .timeout = parse_pause(options.on_leak_timeout).value()});
    }
    if (!options.findings_log.empty()) {
        auto log = FindingsLog::open(options.findings_log);
        if (!log) return Error{ErrorKind::bad_input, log.error().message, log.error().hint};
        watch->log_.emplace(std::move(*log));
    }
    if (!options.push.url.empty()) {
        auto push = Push::create(options.push);
        if (!push) return push.error();
        watch->push_ = std::move(*push);
    }
    return watch;
}

std::vector<int> Watch::poll_fds() const {
    std::vector<int> fds{analysis_.fd()};
    if (command_)
        for (const int fd : command_->poll_fds()) fds.push_back(fd);
    return fds;
}

void Watch::look(const ReportRequest& request) {
    if (analysis_.busy() || steady_clock::now() < next_) return;
    begun_ = steady_clock::now();
    recording_ = request.file;
    // The recorder is looking its symbols up already.
    ReportRequest recorded = request;
    recorded.look_up = false;
    analysis_.start([recorded, pushes = push_ != nullptr]() -> Result<Analysis> {
        setpriority(PRIO_PROCESS, 0, 19);  // of this thread
        auto report = load_report(recorded);
        if (!report) return report.error();
        std::string profile = pushes ? Push::profile_of(*report) : std::string();
        return Analysis{std::move(*report), std::move(profile)};
    });
}

void Watch::handle() {
    if (command_) command_->handle();
    const auto analysis = analysis_.take();
    if (!analysis) return;
    const auto now = steady_clock::now();
    next_ = now + std::max<std::chrono::nanoseconds>(every_, pauses * (now - begun_));
    if (*analysis)
        tell(**analysis, recording_);
    else
        spdlog::warn("cannot look for findings: {}", printable(analysis->error().message));
}

void Watch::tell(const Analysis& analysis, const std::string& recording) {
    const Report& report = analysis.report;
    if (push_) push_->push(report, analysis.profile);
    if (log_)
        if (const Result<void> written = log_->write(report, recording); !written)
            spdlog::warn("--findings-log: {}", written.error().message);
    if (!command_) return;
    for (std::size_t index = 0; index < report.findings.size(); ++index)
        if (holds(condition_, report.findings[index])) command_->tell(report, index, recording);
}

void Watch::finish(Report report, const std::string& recording) {
    if (analysis_.busy()) (void)analysis_.wait();
    std::string profile = push_ ? Push::profile_of(report) : std::string();
    tell({std::move(report), std::move(profile)}, recording);
    if (command_) command_->finish();
    if (push_) push_->finish();
}

}  // namespace seep
