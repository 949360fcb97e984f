// SPDX-License-Identifier: GPL-2.0-only
#include <fmt/core.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>

#include "base/background.h"
#include "base/tell.h"
#include "base/temporary_directory.h"
#include "base/text.h"
#include "base/wakeups.h"
#include "cli/command.h"
#include "cli/held_log.h"
#include "cli/results.h"
#include "cli/session.h"
#include "cli/snapshot_options.h"
#include "cli/tracing_options.h"
#include "live/screen.h"
#include "live/view.h"
#include "output/flamegraph.h"
#include "output/folded.h"
#include "store/copy.h"

namespace seep {
namespace {

using std::chrono::nanoseconds;
using Clock = std::chrono::steady_clock;

/// Of what is watched: the analysis of so much takes some tenths of a second.
constexpr std::uint64_t most_rows = 200'000;
/// Of the time, the analysis is at work for a fifth at most.
constexpr int rest_after_analysis = 4;
constexpr std::chrono::milliseconds symbol_patience{300};
constexpr std::chrono::seconds notice_time{6};

struct TopOptions {
    TracingOptions tracing;
    SnapshotOptions snapshots{.interval = "2s", .keep = "1h"};
    bool batch = false;
    std::optional<std::size_t> count;
    std::size_t top = 20;
    SortBy sort = SortBy::growth;
};

/// What a flame graph shows of what the ranking is sorted by.
StackValue value_of(SortBy sort) {
    switch (sort) {
        case SortBy::live:
            return StackValue::live;
        case SortBy::count:
            return StackValue::count;
        case SortBy::allocated:
            return StackValue::allocated;
        case SortBy::growth:
            return StackValue::growth;
    }
    return StackValue::live;
}

/// The line about it. Where nothing has the value, live bytes or all that was allocated are drawn.
Result<std::string> save_flame_graph(const Report& report, SortBy sort, const std::string& file) {
    StackValue value = value_of(sort);
    std::vector<FoldedStack> stacks = fold(report, value);
    for (const StackValue other : {StackValue::live, StackValue::allocated})
        if (stacks.empty()) stacks = fold(report, value = other);
    if (stacks.empty()) return Error{ErrorKind::failed, "there is nothing to draw yet", ""};
    const Result<void> written =
        write_new_file(file, flame_graph(stacks, flame_options(report, value)));
    if (!written) return written.error();
    return fmt::format("flame graph ({}) in {}", stack_value_name(value), file);
}

Result<std::string> save_recording(const std::string& from, const std::string& to) {
    if (const Result<void> copied = copy_recording(from, to); !copied) return copied.error();
    return fmt::format("recording in {}", to);
}

class TopCommand {
 public:
    TopCommand(TopOptions options, TemporaryDirectory directory)
        : options_(std::move(options)),
          directory_(std::move(directory)),
          session_(options_.tracing, options_.snapshots.cadence(),
                   directory_.file("recording.seep"),
                   {.max_rows = most_rows, .keep = options_.snapshots.kept()}),
          model_(options_.sort),
          controls_(model_) {
        status_.interval = options_.snapshots.between();
        status_.unicode = locale_has_unicode();
        if (!options_.batch) status_.news_lines = 2;
    }
    Result<int> run();

 private:
    Result<void> trace();
    Result<void> wait();
    Result<void> follow_target();
    Result<void> end_tracing();
    void analyse();
    Result<void> take_analysis();
    Result<void> take_turn();
    Result<void> show_batch();
    void read_keys();
    void obey(LiveWish wish);
    void save(LiveWish wish);
    void take_saved();
    void notice(const std::string& text);
    void draw_screen();
    void say_farewell();

    TopOptions options_;
    TemporaryDirectory directory_;
    Session session_;
    LiveModel model_;
    LiveControls controls_;
    LiveStatus status_;
    Background<Result<Report>> analysis_;
    Background<Result<std::string>> saving_;
    UniqueFd signals_;
    UniqueFd resized_;
    UniqueFd notice_end_;
    bool tracing_ = true;
    bool wants_analysis_ = false;
    bool quit_ = false;
    std::size_t batches_ = 0;
    std::vector<std::string> saved_;  ///< What was said of the files that were written.
    Clock::time_point analysis_began_;
    Clock::time_point next_analysis_;
    std::optional<HeldLog> log_;
    std::unique_ptr<Screen> screen_;  // given back before what was logged is written
};

void TopCommand::notice(const std::string& text) {
    status_.notice = printable(text, 400);
    notice_end_ = make_timer(notice_time, nanoseconds(0));
}

/// What is new is analysed at once, or, if the analysis takes long, with a snapshot to come.
void TopCommand::analyse() {
    wants_analysis_ = true;
    if (analysis_.busy() || (tracing_ && Clock::now() < next_analysis_)) return;
    wants_analysis_ = false;
    analysis_began_ = Clock::now();
    // While it is recorded the recorder looks up symbols, and writes them with a later snapshot.
    analysis_.start(
        [request = ReportRequest{.file = session_.file(), .curves = true, .look_up = !tracing_}] {
            return load_report(request);
        });
}

Result<void> TopCommand::take_analysis() {
    auto report = analysis_.take();
    if (!report) return {};
    next_analysis_ = Clock::now() + rest_after_analysis * (Clock::now() - analysis_began_);
    if (!*report) return report->error();
    if (!controls_.paused() || !model_.report())
        model_.show(std::make_shared<const Report>(std::move(**report)));
    const bool was_last = !tracing_ && !wants_analysis_;
    if (wants_analysis_) analyse();
    if (screen_) return {};
    if (was_last) quit_ = true;
    return show_batch();
}

Result<void> TopCommand::show_batch() {
    constexpr std::size_t columns = 100;
    ++batches_;
    if (options_.count && batches_ >= *options_.count) quit_ = true;
    return write_output("", batch_text(model_, status_, columns, options_.top) + "\n");
}

/// The last snapshot, and what it says of how it ended.
Result<void> TopCommand::end_tracing() {
    if (analysis_.busy()) (void)analysis_.wait();  // closing the file takes it for itself
    tracing_ = false;
    if (Result<void> finished = session_.finish(symbol_patience); !finished) return finished;
    status_.ended = session_.command_status() ? session_.command_outcome() : "the target has ended";
    analyse();
    return {};
}

Result<void> TopCommand::follow_target() {
    if (!tracing_) return {};
    if (Result<void> handled = session_.handle(); !handled) return handled;
    if (session_.over()) return end_tracing();
    if (!session_.due()) return {};
    if (Result<void> taken = session_.snapshot(); !taken) return taken;
    analyse();
    return {};
}

void TopCommand::save(LiveWish wish) {
    if (saving_.busy() || !model_.report()) return notice("one thing after the other");
    const TracedProcess& process = *session_.tracer().processes().begin()->second;
    if (wish == LiveWish::save_recording) {
        notice("saving the recording");
        saving_.start([from = session_.file(), to = default_file_name(process, "seep")] {
            return save_recording(from, to);
        });
        return;
    }
    notice("drawing the flame graph");
    saving_.start(
        [report = model_.report(), sort = model_.sort(), file = default_file_name(process, "svg")] {
            return save_flame_graph(*report, sort, file);
        });
}

void TopCommand::obey(LiveWish wish) {
    switch (wish) {
        case LiveWish::none:
            break;
        case LiveWish::quit:
            quit_ = true;
            break;
        case LiveWish::suspend:
            screen_->suspend();
            break;
        case LiveWish::save_flame_graph:
        case LiveWish::save_recording:
            save(wish);
            break;
    }
}

void TopCommand::read_keys() {
    if (!screen_) return;
    while (const auto key = screen_->read_key()) {
        status_.notice.clear();
        obey(controls_.press(*key));
    }
}

void TopCommand::draw_screen() {
    if (!screen_) return;
    if (expired(notice_end_)) status_.notice.clear();
    if (const std::string line = log_->take_last(); !line.empty()) notice(line);
    if (model_.report()) screen_->show(draw(model_, controls_, status_, screen_->size()));
}

Result<void> TopCommand::wait() {
    std::vector<pollfd> waiting{
        {signals_.get(), POLLIN, 0},    {resized_.get(), POLLIN, 0},
        {notice_end_.get(), POLLIN, 0}, {analysis_.fd(), POLLIN, 0},
        {saving_.fd(), POLLIN, 0},      {screen_ ? STDIN_FILENO : -1, POLLIN, 0}};
    constexpr std::size_t terminal = 5;
    if (tracing_)
        for (const int fd : session_.poll_fds()) waiting.push_back({fd, POLLIN, 0});
    if (poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR)
        return errno_error("cannot wait for the target");
    // The terminal has gone.
    if ((waiting[terminal].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) quit_ = true;
    return {};
}

void TopCommand::take_saved() {
    const auto saved = saving_.take();
    if (!saved) return;
    if (*saved) saved_.push_back(**saved);
    notice(*saved ? **saved : saved->error().message);
}

Result<void> TopCommand::take_turn() {
    if (Result<void> waited = wait(); !waited) return waited;
    if (caught(signals_)) quit_ = true;
    if (caught(resized_) && screen_) screen_->resize();
    if (Result<void> followed = follow_target(); !followed) return followed;
    if (Result<void> taken = take_analysis(); !taken) return taken;
    take_saved();
    read_keys();
    draw_screen();
    return {};
}

Result<void> TopCommand::trace() {
    if (Result<void> started = session_.start(); !started) return started;
    if (!options_.batch) {
        auto screen = Screen::open();
        if (!screen) return screen.error();
        log_.emplace();
        screen_ = std::move(*screen);
        analyse();
    }
    while (!quit_)
        if (Result<void> turned = take_turn(); !turned) return turned;
    return {};
}

void TopCommand::say_farewell() {
    for (const std::string& file : saved_) tell("{}\n", file);
    if (const std::string outcome = session_.command_outcome(); !outcome.empty())
        tell("{}\n", outcome);
}

Result<int> TopCommand::run() {
    signals_ = catch_signals();
    if (!options_.batch) resized_ = catch_signal(SIGWINCH);
    const Result<void> traced = trace();
    session_.abandon();
    screen_.reset();
    log_.reset();
    if (!traced) return traced.error();
    say_farewell();
    return 0;
}

Result<int> run_top(TopOptions options) {
    if (const Result<void> target = check_target(options.tracing.target); !target)
        return target.error();
    if (const Result<void> kept = options.snapshots.check(); !kept) return kept.error();
    if (options.count && !options.batch)
        return Error{ErrorKind::bad_input, "-n is for batches", "give -b as well"};
    if (!options.batch)
        if (const Result<void> terminal = Screen::check(); !terminal) return terminal.error();
    options.tracing.owns_terminal = !options.batch;
    auto directory = TemporaryDirectory::create();
    if (!directory) return directory.error();
    return TopCommand(std::move(options), std::move(*directory)).run();
}

}  // namespace

void add_top_command(CLI::App& app, RunCommand& run) {
    auto options = std::make_shared<TopOptions>();
    CLI::App& command = *app.add_subcommand("top", "Watch a target in the terminal");
    add_snapshot_options(command, options->snapshots, "How far back the figures go [1h]");
    command
        .add_option_function<std::string>(
            "--sort",
            [options](const std::string& name) { options->sort = parse_sort(name).value(); },
            "What ranks first [growth]")
        ->type_name("growth|live|count|allocated")
        ->check(check_with(parse_sort, ""));
    command.add_flag("-b,--batch", options->batch,
                     "Write plain text to standard output, for scripts and pipes");
    command
        .add_option("-n,--count", options->count,
                    "End after so many batches [when the target ends, or at Ctrl-C]")
        ->type_name("N")
        ->check(check_with(parse_count, ""));
    command.add_option("--top", options->top, "Stacks in a batch, 0 for all")
        ->type_name("N")
        ->check(top_check)
        ->capture_default_str();
    add_tracing_options(command, options->tracing);
    command.footer(
        "Keys: ? shows them.\n\n"
        "Examples:\n"
        "  seep top -p 1234\n"
        "  seep top --interval 500ms -- ./server --port 80\n"
        "  seep top -p 1234 -b -n 1 --interval 1m      what grew in a minute");
    command.callback([options, &run] { run = [options] { return run_top(*options); }; });
}

}  // namespace seep
