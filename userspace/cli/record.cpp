// SPDX-License-Identifier: GPL-2.0-only
#include <fmt/core.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <csignal>
#include <optional>
#include <sstream>

#include "base/handles.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/recorder.h"
#include "cli/results.h"
#include "drain/governing.h"
#include "drain/tracer.h"
#include "kernel/attach_mode.h"
#include "probes/calibration.h"
#include "target/launch.h"

namespace seep {
namespace {

using std::chrono::nanoseconds;

constexpr std::chrono::seconds symbol_patience{60};

struct RecordOptions {
    TargetOptions target;
    std::string output;
    std::string interval = "10s";
    std::string duration;
    std::string sample = "auto";
    std::string max_overhead;  ///< Empty: not given.
    std::string source = "heap";
    std::string attach_mode;
    bool follow_forks = false;
    std::string work_function;
    std::string work_file;
    std::uint32_t max_live = KernelOptions{}.max_live;
    std::uint32_t max_stacks = KernelOptions{}.max_stacks;
    ReportRequest report;  ///< What is shown at the end.
    std::vector<FailCondition> fail_on;
};

/// --sample: 0 for "exact", and for "auto", which begins with that.
Result<std::uint64_t> parse_sampling(const std::string& text) {
    if (text == "exact" || text == "auto") return std::uint64_t{0};
    auto size = parse_size(text);
    if (!size) return size;
    if (*size == 0 || *size > (std::uint64_t{1} << 30))
        return Error{ErrorKind::bad_input, "the sampling size must be from 1 byte to 1G", ""};
    return size;
}

/// --source: a comma-separated list of heap and mapping.
Result<Sources> parse_sources(const std::string& text) {
    Sources sources{.heap = false, .mappings = false};
    std::istringstream list(text + ",");
    for (std::string name; std::getline(list, name, ',');) {
        if (name == "heap")
            sources.heap = true;
        else if (name == "mapping")
            sources.mappings = true;
        else
            return Error{ErrorKind::bad_input,
                         fmt::format("no source is called '{}'", printable(name, 80)),
                         "the sources are heap and mapping; separate them by a comma"};
    }
    return sources;
}

/// As the recording has them.
std::string sources_text(const Sources& sources) {
    if (!sources.mappings) return "heap";
    return sources.heap ? "heap,mapping" : "mapping";
}

/// --max-overhead: a share of 1.
Result<double> parse_overhead(const std::string& text) {
    double percent = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, percent);
    if (error != std::errc() || rest != end || !(percent >= 0.1 && percent <= 100))
        return Error{ErrorKind::bad_input,
                     fmt::format("bad overhead \"{}\": it must be from 0.1 to 100", text),
                     "percent of the target's CPU time, such as 5"};
    return percent / 100;
}

constexpr double default_overhead = 0.05;

double overhead_of(const RecordOptions& options) {
    return options.max_overhead.empty() ? default_overhead
                                        : parse_overhead(options.max_overhead).value();
}

/// Nobody governs what the user has chosen, unless the limit is the user's choice, too.
std::optional<GovernorOptions> governor_options(const RecordOptions& options) {
    const bool chooses = options.sample == "auto";
    if (!chooses && options.max_overhead.empty()) return std::nullopt;
    return GovernorOptions{.budget = overhead_of(options),
                           .may_sample = chooses,
                           .first_bytes = parse_sampling(options.sample).value()};
}

Result<nanoseconds> parse_interval(const std::string& text) {
    auto interval = parse_duration(text);
    if (interval && *interval < std::chrono::milliseconds(100))
        return Error{ErrorKind::bad_input, "the interval must be 100ms at least", ""};
    return interval;
}

Result<nanoseconds> parse_run_time(const std::string& text) {
    auto duration = parse_duration(text);
    if (duration && *duration <= nanoseconds(0))
        return Error{ErrorKind::bad_input, "the duration must be above 0", ""};
    return duration;
}

/// seep-COMM-PID-TIME.seep
std::string default_file_name(const TracedProcess& process) {
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
    return fmt::format("seep-{}-{}-{}.seep", comm, process.process.pid(), stamp.data());
}

RecordingInfo describe_recording(const RecordOptions& options, const KernelOptions& kernel,
                                 const ProbeCosts& costs, std::int64_t started_ns) {
    RecordingInfo info;
    utsname system{};
    uname(&system);
    info.seep_version = SEEP_VERSION;
    info.started_ns = started_ns;
    info.interval_ns = static_cast<std::uint64_t>(parse_interval(options.interval).value().count());
    const bool named = options.sample == "auto" || options.sample == "exact";
    info.sampling_asked = named ? options.sample : "bytes";
    info.sampling_bytes = kernel.sample_bytes;
    info.budget_ppm = static_cast<std::uint64_t>(std::llround(overhead_of(options) * 1e6));
    info.kernel = system.release;
    info.machine = system.machine;
    info.attach_mode = attach_mode_name(kernel.mode);
    info.sources = sources_text(parse_sources(options.source).value());
    info.frame_cost_ps = static_cast<std::uint64_t>(costs.frame_ns() * 1000);
    return info;
}

/// The descriptors that the loop waits for besides the tracer's.
struct Wakeups {
    UniqueFd signals;
    UniqueFd interval;
    UniqueFd look;  ///< At what the probes cost.
    UniqueFd deadline;
};

UniqueFd make_timer(nanoseconds first, nanoseconds period) {
    UniqueFd timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    const auto as_timespec = [](nanoseconds time) {
        return timespec{time.count() / 1'000'000'000, time.count() % 1'000'000'000};
    };
    const itimerspec setting{as_timespec(period), as_timespec(first)};
    timerfd_settime(timer.get(), 0, &setting, nullptr);
    return timer;
}

/// SIGINT, SIGTERM and SIGHUP end the recording properly; from here on they are only read.
UniqueFd catch_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, number);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    return UniqueFd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

bool drained(const UniqueFd& timer) {
    std::uint64_t expirations = 0;
    return timer && read(timer.get(), &expirations, sizeof(expirations)) > 0;
}

/// Every probe that is attached alone, and every target, takes a descriptor.
void raise_open_file_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

class RecordCommand {
 public:
    explicit RecordCommand(RecordOptions options) : options_(std::move(options)) {}
    Result<int> run();

 private:
    Result<void> start_tracer();
    Result<void> add_targets();
    Result<void> start_launched(pid_t pid);
    Result<void> check_work();
    Result<void> open_recording();
    Result<void> start_recording();
    Result<void> take_snapshot();
    Result<void> look_at_costs();
    void warn_of_costs();
    Result<void> loop();
    Result<void> write_and_report_events();
    void show_progress() const;
    Result<void> finish();
    Result<int> show_result();

    RecordOptions options_;
    KernelOptions kernel_options_;
    std::optional<Tracer> tracer_;
    ProbeCosts probe_costs_;
    std::optional<LaunchedCommand> launched_;
    std::unique_ptr<Recorder> recorder_;
    std::optional<Governing> governing_;
    bool warned_of_costs_ = false;
    Wakeups wakeups_;
    std::string file_;
};

Result<void> RecordCommand::start_tracer() {
    kernel_options_.mode = options_.attach_mode.empty()
                               ? best_attach_mode()
                               : parse_attach_mode(options_.attach_mode).value();
    kernel_options_.max_live = options_.max_live;
    kernel_options_.max_stacks = options_.max_stacks;
    kernel_options_.sample_bytes = parse_sampling(options_.sample).value();
    const Sources sources = parse_sources(options_.source).value();
    if (!sources.heap) kernel_options_.max_live = 1;  // its table takes memory even if it is empty
    std::optional<WorkFile> work_file;
    if (!options_.work_file.empty()) {
        auto opened = WorkFile::open(options_.work_file);
        if (!opened) return opened.error();
        work_file = std::move(*opened);
    }
    auto tracer = Tracer::create({kernel_options_, options_.follow_forks, options_.work_function,
                                  std::move(work_file), sources});
    if (!tracer) return tracer.error();
    tracer_.emplace(std::move(*tracer));
    const auto costs = tracer_->calibrate();
    if (!costs) spdlog::warn("what probes cost is not known: {}", costs.error().message);
    probe_costs_ = costs.value_or(ProbeCosts{});
    return {};
}

Result<void> RecordCommand::add_targets() {
    for (const pid_t pid : options_.target.pids)
        if (Result<void> added = tracer_->add_process(pid); !added) return added;
    if (!options_.target.cgroup.empty()) return tracer_->add_cgroup(options_.target.cgroup);
    if (options_.target.command.empty()) return {};

    auto launched = LaunchedCommand::launch(options_.target.command, [this](pid_t pid) {
        return recorder_ ? tracer_->refresh(pid) : start_launched(pid);
    });
    if (!launched) return launched.error();
    launched_.emplace(std::move(*launched));
    return {};
}

/// The command's first stop is at its exec, before any library is mapped: nothing is allocated yet,
/// and that is what the recording's first snapshot says.
Result<void> RecordCommand::start_launched(pid_t pid) {
    if (Result<void> added = tracer_->add_process(pid, /*allocator_may_come=*/true); !added)
        return added;
    if (Result<void> opened = open_recording(); !opened) return opened;
    return take_snapshot();
}

Result<void> RecordCommand::open_recording() {
    file_ = options_.output.empty() ? default_file_name(*tracer_->processes().begin()->second)
                                    : options_.output;
    auto recorder = Recorder::create(
        file_,
        describe_recording(options_, kernel_options_, probe_costs_, tracer_->kernel().started_ns()),
        probe_costs_, *tracer_);
    if (!recorder) return recorder.error();
    recorder_ = std::move(*recorder);
    governing_.emplace(*tracer_, kernel_options_.sample_bytes, governor_options(options_));
    return {};
}

/// A launched command may still bring the function with a library.
Result<void> RecordCommand::check_work() {
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

Result<void> RecordCommand::take_snapshot() {
    return recorder_->snapshot(governing_->take_periods());
}

Result<void> RecordCommand::look_at_costs() {
    if (!governing_->governs()) return {};
    const auto next = governing_->look();
    if (!next) return next.error();
    wakeups_.look = make_timer(*next, nanoseconds(0));
    return {};
}

/// Where nobody governs.
void RecordCommand::warn_of_costs() {
    if (governing_->governs() || warned_of_costs_) return;
    const TargetWork work = tracer_->target_work();
    const double limit = overhead_of(options_);
    const double seconds = std::chrono::duration<double>(recorder_->recorded()).count();
    const double base_ns = std::max(work.cpu_ns, least_governed_cpu * 1e9 * seconds);
    if (work.cost_ns <= limit * base_ns) return;
    warned_of_costs_ = true;
    spdlog::warn(
        "the probes take {:.3g} % of the target's CPU time, which is more than {:.3g} %; --sample "
        "auto keeps it below",
        100 * work.cost_ns / base_ns, 100 * limit);
}

/// The first snapshot, unless a launched command has had it.
Result<void> RecordCommand::start_recording() {
    if (!recorder_) {
        if (Result<void> opened = open_recording(); !opened) return opened;
        if (Result<void> taken = take_snapshot(); !taken) return taken;
    }
    if (Result<void> looked = look_at_costs(); !looked) return looked;
    return write_and_report_events();
}

Result<void> RecordCommand::write_and_report_events() {
    const std::vector<TracerEvent> events = tracer_->handle_events();
    for (const TracerEvent& event : events) {
        if (event.kind == "attach" || event.kind == "target" || event.kind == "level")
            spdlog::info("{}: {}", event.kind, printable(event.text, 200));
        else if (event.kind == "refused" || event.kind == "lost")
            spdlog::warn("{}: {}", event.kind, printable(event.text, 400));
    }
    return recorder_->write_events(events);
}

void RecordCommand::show_progress() const {
    if (isatty(STDERR_FILENO) == 0) return;
    std::uint64_t rss = 0;
    std::uint64_t calls = 0;
    for (const ProcessSample& sample : recorder_->last().processes) {
        rss += sample.rss_bytes;
        calls += sample.allocated_count;
    }
    fmt::print(stderr, "\r\033[Krecording {}: RSS {}, {} allocations, {} stacks (Ctrl-C ends it)",
               file_, format_bytes(static_cast<double>(rss)), format_count(calls),
               format_count(recorder_->stacks()));
}

Result<void> RecordCommand::loop() {
    while (true) {
        std::vector<pollfd> waiting{{wakeups_.signals.get(), POLLIN, 0},
                                    {wakeups_.interval.get(), POLLIN, 0},
                                    {wakeups_.look.get(), POLLIN, 0},
                                    {wakeups_.deadline.get(), POLLIN, 0}};
        for (const int fd : tracer_->poll_fds()) waiting.push_back({fd, POLLIN, 0});
        if (poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR)
            return errno_error("cannot wait for the target");

        if (Result<void> written = write_and_report_events(); !written) return written;
        signalfd_siginfo signal{};
        const bool asked = read(wakeups_.signals.get(), &signal, sizeof(signal)) > 0;
        if (asked || drained(wakeups_.deadline) || !tracer_->any_alive()) return {};
        if (drained(wakeups_.look))
            if (Result<void> looked = look_at_costs(); !looked) return looked;
        if (drained(wakeups_.interval)) {
            if (Result<void> taken = take_snapshot(); !taken) return taken;
            warn_of_costs();
            show_progress();
        }
    }
}

Result<void> RecordCommand::finish() {
    tracer_->detach();
    if (isatty(STDERR_FILENO) != 0) fmt::print(stderr, "\r\033[K");
    if (Result<void> written = write_and_report_events(); !written) return written;
    if (Result<void> taken = take_snapshot(); !taken) return taken;
    return recorder_->finish(symbol_patience);
}

Result<int> RecordCommand::show_result() {
    if (launched_)
        if (const auto status = launched_->poll_exit())
            fmt::print(stderr, "{} {}\n", printable(options_.target.command.front()),
                       describe_wait_status(*status));
    ReportRequest request = options_.report;
    request.file = file_;
    auto report = load_report(request);
    if (!report) return report.error();
    const std::string next = fmt::format(
        "recording: {0}\n"
        "  seep report {0}                  the ranking again, with every option\n"
        "  seep flame  {0} -o leak.svg      a flame graph of what is live (--value growth: of what "
        "grew)\n"
        "  seep folded {0}                  folded stacks\n",
        file_);
    const std::string text = text_report(*report, terminal_text_options(10));
    if (const Result<void> written = write_output("", text + "\n" + next); !written)
        return written.error();
    return check_conditions(*report, options_.fail_on);
}

Result<int> RecordCommand::run() {
    if (const Result<void> target = check_target(options_.target); !target) return target.error();
    // Told before recording for hours.
    if (const auto loaded = load_suppressions(options_.report); !loaded) return loaded.error();
    raise_open_file_limit();
    wakeups_.signals = catch_signals();
    for (const auto step : {&RecordCommand::start_tracer, &RecordCommand::add_targets,
                            &RecordCommand::check_work, &RecordCommand::start_recording})
        if (const Result<void> done = (this->*step)(); !done) return done.error();
    const nanoseconds interval = parse_interval(options_.interval).value();
    wakeups_.interval = make_timer(interval, interval);
    if (!options_.duration.empty())
        wakeups_.deadline = make_timer(parse_run_time(options_.duration).value(), nanoseconds(0));

    // After a failure (a full disk, say) the target is let go first, then the failure is told.
    Result<void> recorded = loop();
    if (recorded) recorded = finish();
    if (!recorded) {
        tracer_.reset();
        return recorded.error();
    }
    return show_result();
}

}  // namespace

void add_record_command(CLI::App& app, RunCommand& run) {
    auto options = std::make_shared<RecordOptions>();
    CLI::App& command = *app.add_subcommand("record", "Trace a target and write a recording");
    add_target_options(command, options->target);
    command.add_option("-o,--output", options->output, "File to write [seep-COMM-PID-TIME.seep]")
        ->type_name("FILE");
    command.add_option("--interval", options->interval, "Time between snapshots, 100ms or more")
        ->type_name("DUR")
        ->capture_default_str()
        ->check(check_with(parse_interval, ""));
    command
        .add_option("--duration", options->duration,
                    "Stop after this time [when the target ends, or at Ctrl-C]")
        ->type_name("DUR")
        ->check(check_with(parse_run_time, ""));
    command
        .add_option("--sample", options->sample,
                    "auto: as much as --max-overhead allows; exact: every allocation; SIZE: one in "
                    "so many bytes on average")
        ->type_name("auto|exact|SIZE")
        ->capture_default_str()
        ->check(check_with(parse_sampling, ""));
    command
        .add_option("--source", options->source,
                    "What to follow: heap (blocks of allocators), mapping (memory from mmap, brk "
                    "and their kin), or heap,mapping")
        ->type_name("LIST")
        ->capture_default_str()
        ->check(check_with(parse_sources, ""));
    command
        .add_option("--max-overhead", options->max_overhead,
                    "What tracing may cost, in percent of the target's CPU time [5]. With --sample "
                    "exact or SIZE it holds only if it is given")
        ->type_name("PCT")
        ->check(check_with(parse_overhead, ""));
    command.add_flag("--follow-forks", options->follow_forks,
                     "Also trace the children that targets make");
    CLI::Option* work = command
                            .add_option("--work", options->work_function,
                                        "A function whose calls are units of work, to relate "
                                        "growth to")
                            ->type_name("FUNCTION")
                            ->group("Work");
    command
        .add_option("--work-file", options->work_file,
                    "A file with a count of work that somebody else keeps, read at each snapshot")
        ->type_name("FILE")
        ->excludes(work)
        ->group("Work");
    add_finding_options(command, options->report, options->fail_on);
    command.add_option("--max-live", options->max_live, "Outstanding allocations kept")
        ->type_name("COUNT")
        ->capture_default_str()
        ->check(CLI::Range(1U, 1U << 30))
        ->group("Limits");
    command.add_option("--max-stacks", options->max_stacks, "Distinct call stacks kept")
        ->type_name("COUNT")
        ->capture_default_str()
        ->check(CLI::Range(1U, 1U << 24))
        ->group("Limits");
    command
        .add_option("--attach-mode", options->attach_mode,
                    "session, multi or single [the best the kernel has]")
        ->type_name("MODE")
        ->check(CLI::IsMember({"session", "multi", "single"}))
        ->group("Limits");
    command.footer(
        "Examples:\n"
        "  seep record -p 1234 --duration 5m           five minutes of a running process\n"
        "  seep record --cgroup /system.slice/x.service\n"
        "  seep record --interval 1s -- ./server --port 80\n"
        "  seep record -p 1234 --source mapping        what is mapped, at next to no cost");
    command.callback(
        [options, &run] { run = [options] { return RecordCommand(*options).run(); }; });
}

}  // namespace seep
