// SPDX-License-Identifier: GPL-2.0-only
#include "cli/session.h"

#include <fmt/core.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "base/text.h"
#include "base/wakeups.h"
#include "kernel/attach_mode.h"

namespace seep {
std::string default_file_name(const TracedProcess& process, std::string_view suffix) {
    std::string comm = process.process.info().comm;
    std::replace_if(
        comm.begin(), comm.end(),
        [](unsigned char c) { return std::isalnum(c) == 0 && c != '-' && c != '_' && c != '.'; },
        '_');
    const time_t now = time(nullptr);
    tm local{};
    localtime_r(&now, &local);
    std::array<char, 32> stamp{};
    strftime(stamp.data(), stamp.size(), "%Y%m%d-%H%M%S", &local);
    return fmt::format("seep-{}-{}-{}.{}", comm, process.process.pid(), stamp.data(), suffix);
}

namespace {

/// Every probe that is attached alone, and every target, takes a descriptor.
void raise_open_file_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

Session::Session(TracingOptions options, const Cadence& cadence, std::string file,
                 WriterOptions writer)
    : options_(std::move(options)),
      cadence_(cadence),
      file_(std::move(file)),
      writer_options_(writer) {}

RecordingInfo Session::describe() const {
    RecordingInfo info;
    utsname system{};
    uname(&system);
    info.seep_version = SEEP_VERSION;
    info.started_ns = tracer_->kernel().started_ns();
    info.interval_ns = static_cast<std::uint64_t>(cadence_.between().count());
    info.sampling_asked = options_.sampling_name();
    info.sampling_bytes = kernel_options_.sample_bytes;
    info.budget_ppm = static_cast<std::uint64_t>(std::llround(options_.overhead() * 1e6));
    info.kernel = system.release;
    info.machine = system.machine;
    info.attach_mode = attach_mode_name(kernel_options_.mode);
    info.sources = options_.sources();
    info.frame_cost_ps = static_cast<std::uint64_t>(probe_costs_.frame_ns() * 1000);
    return info;
}

Result<void> Session::start_tracer() {
    kernel_options_ = options_.kernel();
    std::optional<WorkFile> work_file;
    if (!options_.work_file.empty()) {
        auto opened = WorkFile::open(options_.work_file);
        if (!opened) return opened.error();
        work_file = std::move(*opened);
    }
    auto tracer = Tracer::create({kernel_options_, options_.follow_forks, options_.work_function,
                                  std::move(work_file), options_.sources()});
    if (!tracer) return tracer.error();
    tracer_.emplace(std::move(*tracer));
    const auto costs = tracer_->calibrate();
    if (!costs) spdlog::warn("what probes cost is not known: {}", costs.error().message);
    probe_costs_ = costs.value_or(ProbeCosts{});
    return {};
}

Result<void> Session::add_targets() {
    for (const pid_t pid : options_.target.pids)
        if (Result<void> added = tracer_->add_process(pid); !added) return added;
    if (!options_.target.cgroup.empty()) return tracer_->add_cgroup(options_.target.cgroup);
    if (options_.target.command.empty()) return {};

    auto launched = LaunchedCommand::launch(
        options_.target.command,
        [this](pid_t pid) { return recorder_ ? tracer_->refresh(pid) : start_launched(pid); },
        options_.owns_terminal ? CommandOutput::no_terminal : CommandOutput::shared);
    if (!launched) return launched.error();
    launched_.emplace(std::move(*launched));
    return {};
}

/// The command's first stop is at its exec, before any library is mapped: nothing is allocated yet,
/// and that is what the recording's first snapshot says.
Result<void> Session::start_launched(pid_t pid) {
    if (Result<void> added = tracer_->add_process(pid, /*allocator_may_come=*/true); !added)
        return added;
    if (Result<void> opened = open_recording(); !opened) return opened;
    return snapshot();
}

Result<void> Session::open_recording() {
    if (file_.empty()) file_ = default_file_name(*tracer_->processes().begin()->second, "seep");
    auto recorder = Recorder::create(file_, describe(), probe_costs_, *tracer_, writer_options_);
    if (!recorder) return recorder.error();
    recorder_ = std::move(*recorder);
    governing_.emplace(*tracer_, kernel_options_.sample_bytes, options_.governor());
    return {};
}

/// A launched command may still bring the function with a library.
Result<void> Session::check_work() {
    if (options_.work_function.empty() || tracer_->counts_work()) return {};
    const std::string message =
        fmt::format("no target has a function {}", printable(options_.work_function));
    if (launched_) {
        spdlog::warn("{} so far", message);
        return {};
    }
    return Error{ErrorKind::untraceable, message,
                 "see the names with `nm -DC` (or `nm -C`) of the program and its libraries; a "
                 "function that was inlined, or stripped from the symbol table, cannot be counted"};
}

Result<void> Session::snapshot() {
    if (Result<void> taken = recorder_->snapshot(governing_->take_periods()); !taken) return taken;
    warn_of_costs();
    // Neither the first nor the last one is due to the clock.
    if (!clock_ || !cadence_.add()) return {};
    set_clock();
    return recorder_->halve(describe());
}

void Session::set_clock() {
    clock_ = make_timer(cadence_.between(), cadence_.between());
}

Result<void> Session::look_at_costs() {
    if (!governing_->governs()) return {};
    const auto next = governing_->look();
    if (!next) return next.error();
    look_ = make_timer(*next, std::chrono::nanoseconds(0));
    return {};
}

/// Where nobody governs.
void Session::warn_of_costs() {
    if (governing_->governs() || warned_of_costs_) return;
    const TargetWork work = tracer_->target_work();
    const double limit = options_.overhead();
    const double seconds = std::chrono::duration<double>(recorder_->recorded()).count();
    if (seconds <= 0) return;  // the first snapshot
    const double base_ns = std::max(work.cpu_ns, least_governed_cpu * 1e9 * seconds);
    if (work.cost_ns <= limit * base_ns) return;
    warned_of_costs_ = true;
    spdlog::warn(
        "the probes take {:.3g} % of the target's CPU time, which is more than {:.3g} %; --sample "
        "auto keeps it below",
        100 * work.cost_ns / base_ns, 100 * limit);
}

Result<void> Session::start() {
    raise_open_file_limit();
    for (const auto step : {&Session::start_tracer, &Session::add_targets, &Session::check_work})
        if (Result<void> done = (this->*step)(); !done) return done;
    if (!recorder_) {  // a launched command has its first snapshot
        if (Result<void> opened = open_recording(); !opened) return opened;
        if (Result<void> taken = snapshot(); !taken) return taken;
    }
    set_clock();
    if (Result<void> looked = look_at_costs(); !looked) return looked;
    return write_and_log_events();
}

std::vector<int> Session::poll_fds() const {
    std::vector<int> fds = tracer_->poll_fds();
    fds.push_back(clock_.get());
    if (look_) fds.push_back(look_.get());
    if (launched_) fds.push_back(launched_->poll_fd());
    return fds;
}

Result<void> Session::handle() {
    if (launched_)
        if (const Result<void> handled = launched_->handle_stop(); !handled)
            tracer_->note("refused", handled.error().message);
    if (Result<void> written = write_and_log_events(); !written) return written;
    return expired(look_) ? look_at_costs() : Result<void>{};
}

Result<void> Session::write_and_log_events() {
    const std::vector<TracerEvent> events = tracer_->handle_events();
    for (const TracerEvent& event : events) {
        if (event.kind == "attach" || event.kind == "target" || event.kind == "level")
            spdlog::info("{}: {}", event.kind, printable(event.text, 200));
        else if (event.kind == "refused" || event.kind == "lost")
            spdlog::warn("{}: {}", event.kind, printable(event.text, 400));
    }
    return recorder_->write_events(events);
}

Result<void> Session::finish(std::chrono::milliseconds patience) {
    if (launched_) launched_->let_go();
    clock_.reset();
    tracer_->detach();
    if (Result<void> written = write_and_log_events(); !written) return written;
    if (Result<void> taken = snapshot(); !taken) return taken;
    return recorder_->finish(patience);
}

void Session::abandon() {
    if (launched_) launched_->let_go();
    tracer_.reset();
}

std::string outcome_of(const std::vector<std::string>& command, LaunchedCommand& launched) {
    const std::string name = command.empty() ? "the command" : printable(command.front(), 60);
    if (const auto status = launched.poll_exit())
        return fmt::format("{} {}", name, describe_wait_status(*status));
    return fmt::format(
        "{0} goes on running, as process {1}: seep only stops watching (kill {1} ends it)", name,
        launched.pid());
}

std::string Session::command_outcome() {
    return launched_ ? outcome_of(options_.target.command, *launched_) : "";
}

std::optional<int> Session::command_status() {
    return launched_ ? launched_->poll_exit() : std::nullopt;
}

}  // namespace seep
