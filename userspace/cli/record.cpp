// SPDX-License-Identifier: GPL-2.0-only
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iterator>

#include "base/tell.h"
#include "base/text.h"
#include "base/wakeups.h"
#include "cli/command.h"
#include "cli/results.h"
#include "cli/rotation.h"
#include "cli/session.h"
#include "cli/snapshot_options.h"
#include "cli/tracing_options.h"
#include "cli/watch.h"
#include "kernel/kernel_object.h"
#include "target/launch.h"
#include "triggers/start_condition.h"
#include "triggers/waiting.h"

namespace seep {
namespace {

using std::chrono::nanoseconds;

struct RecordOptions {
    TracingOptions tracing;
    std::string output;
    SnapshotOptions snapshots;
    std::string duration;
    std::string rotate;  ///< Empty: never.
    std::size_t rotate_files = 24;
    std::vector<std::string> start_when;
    WatchOptions watch;
    ReportRequest report;  ///< What is shown at the end.
    std::vector<FailCondition> fail_on;

    /// 0: nobody knows.
    [[nodiscard]] nanoseconds length() const {
        return duration.empty() ? nanoseconds(0) : parse_run_time(duration).value();
    }
};

void show_outcome(const std::string& outcome) {
    if (!outcome.empty()) tell("{}\n", outcome);
}

/// The descriptors that the loop waits for besides the session's.
struct Wakeups {
    UniqueFd signals;
    UniqueFd deadline;
};

class RecordCommand {
 public:
    /// `launched`: the target, if it was started before.
    RecordCommand(RecordOptions options, UniqueFd signals, std::optional<LaunchedCommand> launched)
        : options_(std::move(options)),
          launched_(std::move(launched)),
          session_(options_.tracing, options_.snapshots.cadence(options_.length()), options_.output,
                   {.keep = options_.snapshots.kept()}) {
        wakeups_.signals = std::move(signals);
    }
    Result<int> run();

 private:
    Result<void> loop();
    [[nodiscard]] ReportRequest report_request() const;
    void show_progress() const;
    Result<int> show_result();

    RecordOptions options_;
    std::optional<LaunchedCommand> launched_;
    Session session_;
    std::unique_ptr<Watch> watch_;  ///< If anybody is to be told.
    std::optional<Rotation> rotation_;
    Wakeups wakeups_;
};

void RecordCommand::show_progress() const {
    if (isatty(STDERR_FILENO) == 0) return;
    std::uint64_t rss = 0;
    std::uint64_t calls = 0;
    for (const ProcessSample& sample : session_.recorder().last().processes) {
        rss += sample.rss_bytes;
        calls += sample.allocated_count;
    }
    const std::string text =
        fmt::format("recording {}: RSS {}, {} allocations, {} stacks (Ctrl-C ends it)",
                    printable(session_.file()), format_bytes(static_cast<double>(rss)),
                    format_count(calls), format_count(session_.recorder().stacks()));
    winsize size{};
    const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    tell("\r\033[K{}", fit_columns(text, known ? size.ws_col - 1U : 79U));
}

ReportRequest RecordCommand::report_request() const {
    ReportRequest request = options_.report;
    request.file = session_.file();
    return request;
}

Result<void> RecordCommand::loop() {
    while (true) {
        std::vector<int> fds = session_.poll_fds();
        fds.insert(fds.end(), {wakeups_.signals.get(), wakeups_.deadline.get()});
        if (watch_) std::ranges::copy(watch_->poll_fds(), std::back_inserter(fds));
        if (rotation_) fds.push_back(rotation_->poll_fd());
        if (Result<void> waited = wait_for_any(fds, "the target"); !waited) return waited;

        if (Result<void> handled = session_.handle(); !handled) return handled;
        if (watch_) watch_->handle();
        if (rotation_) rotation_->handle();
        if (caught(wakeups_.signals) || expired(wakeups_.deadline) || session_.over()) return {};
        if (session_.due()) {
            if (Result<void> taken = session_.snapshot(); !taken) return taken;
            if (watch_) watch_->look(report_request());
            if (rotation_) rotation_->look(session_.file());
            show_progress();
        }
    }
}

Result<int> RecordCommand::show_result() {
    show_outcome(launched_ ? outcome_of({}, *launched_) : session_.command_outcome());
    auto report = load_report(report_request());
    if (!report) return report.error();
    if (watch_) watch_->finish(*report, session_.file());
    const std::string file = printable(session_.file());
    const std::string next = fmt::format(
        "recording: {0}\n"
        "  seep report {1}                             the ranking again, with every option\n"
        "  seep report {1} --format html -o leak.html  the same and more, for a browser\n"
        "  seep flame  {1} -o leak.svg                 a flame graph of what is live (--value "
        "growth: of what grew)\n"
        "  seep folded {1}                             folded stacks\n",
        file, shell_word(file));
    TextOptions shown = terminal_text_options(10);
    shown.skip_empty = true;
    const std::string text = text_report(*report, shown);
    if (const Result<void> written = write_output("", text + "\n" + next); !written)
        return written.error();
    return check_conditions(*report, options_.fail_on);
}

Result<int> RecordCommand::run() {
    if (options_.watch.wanted()) {
        auto watch = Watch::create(options_.watch);
        if (!watch) return watch.error();
        watch_ = std::move(*watch);
    }
    if (const Result<void> started = session_.start(); !started) return started.error();
    if (!options_.rotate.empty())
        rotation_.emplace(parse_run_time(options_.rotate).value(), options_.rotate_files);
    if (const nanoseconds length = options_.length(); length > nanoseconds(0))
        wakeups_.deadline = make_timer(length, nanoseconds(0));

    // After a failure (a full disk, say) the target is let go first, then the failure is told.
    Result<void> recorded = loop();
    if (isatty(STDERR_FILENO) != 0) tell("\r\033[K");
    if (recorded) recorded = session_.finish();
    if (!recorded) {
        session_.abandon();
        return recorded.error();
    }
    return show_result();
}

/// Told before waiting or recording for hours.
Result<void> check_options(const RecordOptions& options) {
    if (Result<void> target = check_target(options.tracing.target); !target) return target;
    if (Result<void> keep = options.snapshots.check(); !keep) return keep;
    if (const auto loaded = load_suppressions(options.report); !loaded) return loaded.error();
    return {};
}

/// --start-when; whether to go on. A command is started without being traced, and is then a process
/// like any other.
Result<bool> wait_for_start(RecordOptions& options, const UniqueFd& signals,
                            std::optional<LaunchedCommand>& launched) {
    // That it can be traced is found out now, not when it is wanted.
    if (const auto loaded = KernelObject::load(options.tracing.kernel()); !loaded)
        return loaded.error();
    std::vector<StartCondition> conditions;
    for (const std::string& text : options.start_when)
        conditions.push_back(StartCondition::parse(text).value());
    TargetOptions& target = options.tracing.target;
    if (!target.command.empty()) {
        auto started =
            LaunchedCommand::launch(target.command, [](pid_t) { return Result<void>(); });
        if (!started) return started.error();
        started->let_go();
        launched.emplace(std::move(*started));
        target.pids = {launched->pid()};
    }
    const UniqueFd start_signal = catch_signal(SIGUSR1);
    spdlog::info("waiting until {}", fmt::join(options.start_when, " or "));
    const auto held =
        wait_until({target.pids, target.cgroup}, std::move(conditions), signals, start_signal);
    if (launched && (!held || held->empty())) show_outcome(outcome_of(target.command, *launched));
    if (!held) return held.error();
    if (held->empty()) {
        spdlog::info("asked to end: nothing was recorded");
        return false;
    }
    spdlog::info("{} holds: recording", *held);
    if (launched) options.tracing.target.command.clear();
    return true;
}

Result<int> run_record(RecordOptions options) {
    // What was before the last copy is in that.
    if (options.snapshots.keep.empty()) options.snapshots.keep = options.rotate;
    if (const Result<void> checked = check_options(options); !checked) return checked.error();
    UniqueFd signals = catch_signals();
    std::optional<LaunchedCommand> launched;
    if (!options.start_when.empty()) {
        const auto go_on = wait_for_start(options, signals, launched);
        if (!go_on) return go_on.error();
        if (!*go_on) return 0;
    }
    return RecordCommand(std::move(options), std::move(signals), std::move(launched)).run();
}

}  // namespace

void add_record_command(CLI::App& app, RunCommand& run) {
    auto options = std::make_shared<RecordOptions>();
    CLI::App& command = *app.add_subcommand("record", "Trace a target and write a recording");
    command.add_option("-o,--output", options->output, "File to write [seep-COMM-PID-TIME.seep]")
        ->type_name("FILE");
    add_snapshot_options(command, options->snapshots,
                         "Of a recording without end, keep what is this old at most [everything]");
    command
        .add_option("--duration", options->duration,
                    "Stop after this time [when the target ends, or at Ctrl-C]")
        ->type_name("DUR")
        ->check(check_with(parse_run_time, ""));
    command
        .add_option("--rotate", options->rotate,
                    "Put a copy aside each time, FILE-TIME.seep, with what was since the last one")
        ->type_name("DUR")
        ->check(check_with(parse_run_time, ""));
    command
        .add_option("--rotate-files", options->rotate_files, "How many of these copies are kept")
        ->type_name("COUNT")
        ->capture_default_str()
        ->check(check_with(parse_count, ""));
    command
        .add_option("--start-when", options->start_when,
                    "Wait without probes until this holds: rss>2G, rss-growth>50M/h, cgroup>80%, "
                    "or signal (SIGUSR1); the first of several")
        ->type_name("CONDITION")
        ->allow_extra_args(false)  // one each time it is given
        ->check(check_with(StartCondition::parse, ""));
    add_tracing_options(command, options->tracing);
    add_finding_options(command, options->report, options->fail_on);
    add_watch_options(command, options->watch);
    command.footer(
        "Examples:\n"
        "  seep record -p 1234 --duration 5m           five minutes of a running process\n"
        "  seep record --cgroup /system.slice/x.service\n"
        "  seep record --interval 1s -- ./server --port 80\n"
        "  seep record --start-when 'rss>2G' -p 1234   no probe before that\n"
        "  seep record -p 1234 --keep 24h --on-leak '/usr/local/bin/notify --page'\n"
        "  seep record -p 1234 --source mapping        what is mapped, at next to no cost\n\n"
        "Variables of --on-leak: SEEP_VERDICT, SEEP_SENTENCE, SEEP_FUNCTION, SEEP_MODULE,\n"
        "SEEP_FILE, SEEP_LINE, SEEP_BYTES_PER_HOUR (and ..._LOW, ..._HIGH: the 95 %\n"
        "interval), SEEP_LIVE_BYTES, SEEP_LIVE_COUNT, SEEP_PID, SEEP_COMMAND,\n"
        "SEEP_RECORDING");
    command.callback([options, &run] { run = [options] { return run_record(*options); }; });
}

}  // namespace seep
