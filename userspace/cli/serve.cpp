// SPDX-License-Identifier: GPL-2.0-only
#include <fmt/core.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <optional>
#include <set>

#include "base/background.h"
#include "base/tell.h"
#include "base/temporary_directory.h"
#include "base/text.h"
#include "base/wakeups.h"
#include "cli/command.h"
#include "cli/results.h"
#include "cli/session.h"
#include "cli/snapshot_options.h"
#include "cli/tracing_options.h"
#include "output/metrics.h"
#include "output/metrics_server.h"

namespace seep {
namespace {

using Clock = std::chrono::steady_clock;

using Families = std::vector<prometheus::MetricFamily>;

/// What the analysis may take of a core, on average.
constexpr double analysis_share = 0.1;
constexpr std::size_t most_stacks = 1000;

struct ServeOptions {
    TracingOptions tracing;
    std::string listen = "127.0.0.1:9977";
    SnapshotOptions snapshots{.keep = "6h"};
    std::size_t top = default_metrics_top;
    ReportRequest report;
};

/// The analysis of what was recorded so far, as metrics.
class MetricsMaker {
 public:
    MetricsMaker(const ServeOptions& options, const std::string& file)
        : target_(options.tracing.target), request_(options.report), writer_(options.top) {
        request_.file = file;
        request_.look_up = false;
    }

    Result<Families> make();

 private:
    [[nodiscard]] std::vector<MetricsTarget> analyse(const RecordingContents& contents,
                                                     const Suppressions& suppressions) const;

    TargetOptions target_;
    ReportRequest request_;
    MetricsWriter writer_;
};

std::string first_name(const RecordingContents& contents) {
    const std::vector<ReportProcess> processes = report_targets(contents);
    return processes.empty() ? "" : target_name(processes.front());
}

/// Several processes that were asked for are analysed one by one, and the children of all of them
/// together; a control group, or one process with its children, as one.
std::vector<MetricsTarget> MetricsMaker::analyse(const RecordingContents& contents,
                                                 const Suppressions& suppressions) const {
    const ReportOptions options{.suppressions = suppressions};
    if (target_.pids.size() < 2) {
        const bool is_group = !target_.cgroup.empty();
        return {
            {is_group ? target_.cgroup : first_name(contents), build_report(contents, options)}};
    }
    std::vector<MetricsTarget> targets;
    const auto add = [&](const char* name, const auto& counts) {
        const RecordingContents part = only_processes(contents, counts);
        if (part.processes.empty()) return;
        targets.push_back({name != nullptr ? name : first_name(part), build_report(part, options)});
    };
    const std::set<std::int64_t> asked(target_.pids.begin(), target_.pids.end());
    for (const std::int64_t pid : asked)
        add(nullptr, [pid](const ProcessRecord& process) { return process.pid == pid; });
    add("children", [&](const ProcessRecord& process) { return !asked.contains(process.pid); });
    return targets;
}

Result<Families> MetricsMaker::make() {
    const auto suppressions = load_suppressions(request_);
    if (!suppressions) return suppressions.error();
    const auto contents = load_recording(request_);
    if (!contents) return contents.error();
    return writer_.write(analyse(*contents, *suppressions));
}

class ServeCommand {
 public:
    explicit ServeCommand(ServeOptions options) : options_(std::move(options)) {}
    Result<int> run();

 private:
    Result<void> loop(Session& session);
    void analyse();
    void publish();

    ServeOptions options_;
    UniqueFd signals_;
    std::optional<MetricsServer> server_;
    std::optional<MetricsMaker> maker_;
    Background<Result<Families>> analysis_;  ///< After what it uses.
    Clock::time_point analysis_began_;
    Clock::time_point next_analysis_;  ///< Not before.
    bool failing_ = false;
};

/// Of the snapshots so far. One that comes while the analysis is busy or at rest is in the next.
void ServeCommand::analyse() {
    if (analysis_.busy() || Clock::now() < next_analysis_) return;
    analysis_began_ = Clock::now();
    analysis_.start([this] { return maker_->make(); });
}

/// What fails is said once when it begins, and once when it works again.
void ServeCommand::publish() {
    auto families = analysis_.take();
    if (!families) return;
    const Clock::time_point now = Clock::now();
    next_analysis_ = now + std::chrono::duration_cast<Clock::duration>((now - analysis_began_) *
                                                                       (1 / analysis_share - 1));
    if (!*families && !failing_)
        spdlog::error("the analysis failed, metrics stay as they are: {}",
                      printable(families->error().message));
    if (*families && failing_) spdlog::info("the analysis works again");
    failing_ = !*families;
    if (*families) server_->publish(std::move(**families));
}

Result<void> ServeCommand::loop(Session& session) {
    analyse();
    while (true) {
        std::vector<int> fds = session.poll_fds();
        fds.insert(fds.end(), {signals_.get(), analysis_.fd()});
        if (Result<void> waited = wait_for_any(fds, "the target"); !waited) return waited;

        if (Result<void> handled = session.handle(); !handled) return handled;
        if (caught(signals_)) return {};
        if (session.over()) {
            spdlog::info("all targets have ended");
            return {};
        }
        publish();
        if (session.due()) {
            if (Result<void> taken = session.snapshot(); !taken) return taken;
            analyse();
        }
    }
}

Result<int> ServeCommand::run() {
    for (const Result<void>& checked :
         {check_target(options_.tracing.target), options_.snapshots.check()})
        if (!checked) return checked.error();
    if (const auto loaded = load_suppressions(options_.report); !loaded) return loaded.error();
    signals_ = catch_signals();
    // Before anything is attached or launched.
    auto server = MetricsServer::listen(parse_listen_address(options_.listen).value());
    if (!server) return server.error();
    server_.emplace(std::move(*server));
    const auto directory = TemporaryDirectory::create();
    if (!directory) return directory.error();

    Session session(options_.tracing, options_.snapshots.cadence(),
                    directory->file("recording.seep"), {.keep = options_.snapshots.kept()});
    if (const Result<void> started = session.start(); !started) return started.error();
    maker_.emplace(options_, session.file());
    const ListenAddress& address = server_->address();
    spdlog::info("serving http://{}:{}/metrics", address.address, address.port);
    if (!address.is_loopback())
        spdlog::warn("whoever reaches this address can read the names of the target's functions");

    const Result<void> served = loop(session);
    session.abandon();
    // It reads what is about to be removed.
    if (analysis_.busy()) static_cast<void>(analysis_.wait());
    if (const std::string outcome = session.command_outcome(); !outcome.empty())
        tell("{}\n", outcome);
    if (!served) return served.error();
    return 0;
}

}  // namespace

void add_serve_command(CLI::App& app, RunCommand& run) {
    auto options = std::make_shared<ServeOptions>();
    CLI::App& command = *app.add_subcommand(
        "serve", "Trace a target and serve what it finds as Prometheus metrics");
    command
        .add_option("--listen", options->listen,
                    "Where to serve /metrics: an IPv4 address and a port, 0.0.0.0:9977 for all "
                    "addresses of this machine; port 0: any that is free")
        ->type_name("ADDRESS:PORT")
        ->capture_default_str()
        ->check(check_with(parse_listen_address, ""));
    add_snapshot_options(command, options->snapshots,
                         "How far back the analysis looks, and what it is bounded by [6h]");
    command
        .add_option("--top", options->top,
                    "Stacks, findings and processes with series of their own, each")
        ->type_name("N")
        ->capture_default_str()
        ->check(CLI::Range(std::size_t{1}, most_stacks).description(""));
    add_suppressions_option(command, options->report);
    add_tracing_options(command, options->tracing);
    command.footer(
        "Examples:\n"
        "  seep serve -p 1234                          http://127.0.0.1:9977/metrics\n"
        "  seep serve -p 1234 -p 5678 --top 50\n"
        "  seep serve --cgroup /system.slice/x.service --listen 0.0.0.0:9977");
    command.callback([options, &run] { run = [options] { return ServeCommand(*options).run(); }; });
}

}  // namespace seep
