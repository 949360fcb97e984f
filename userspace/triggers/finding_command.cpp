// SPDX-License-Identifier: GPL-2.0-only
#include "triggers/finding_command.h"

#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wordexp.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <sstream>

#include "base/text.h"
#include "base/wakeups.h"
#include "output/finding_line.h"
#include "target/launch.h"

namespace seep {
namespace {

using std::chrono::steady_clock;

/// Findings that wait for their command; more are logged and left out.
constexpr std::size_t most_waiting = 100;

Error bad_command(const std::string& text, const std::string& why) {
    return {ErrorKind::bad_input, fmt::format("bad command \"{}\": {}", printable(text, 200), why),
            ""};
}

const char* why_not(int code) {
    switch (code) {
        case WRDE_BADCHAR:
            return "one of | & ; < > ( ) { } or a newline is not quoted; it is not run by a shell: "
                   "write sh -c '...' for that";
        case WRDE_CMDSUB:
            return "it has a command within; it is not run by a shell: write sh -c '...' for that";
        case WRDE_BADVAL:
            return "a variable in it is not set";
        case WRDE_SYNTAX:
            return "a quote or a brace is not closed";
        default:
            return "no memory";
    }
}

/// Where a shell would find it; empty if nowhere.
std::string find_program(const std::string& name) {
    const auto runs = [](const std::string& path) {
        std::error_code ignored;
        return access(path.c_str(), X_OK) == 0 && !std::filesystem::is_directory(path, ignored);
    };
    if (name.find('/') != std::string::npos) return runs(name) ? name : std::string();
    const char* const path = std::getenv("PATH");
    std::istringstream directories(path != nullptr ? path : "/usr/bin:/bin");
    for (std::string directory; std::getline(directories, directory, ':');)
        if (std::string file = fmt::format("{}/{}", directory, name); runs(file)) return file;
    return {};
}

std::vector<std::string> environment_of(const Report& report, const Finding& finding,
                                        const std::string& recording) {
    const ReportProcess target = report.targets.empty() ? ReportProcess{} : report.targets[0];
    const auto text = [](const char* name, const std::string& value) {
        return fmt::format("SEEP_{}={}", name, printable(value));
    };
    const auto number = [](const char* name, auto value) {
        return fmt::format("SEEP_{}={}", name, value);
    };
    const auto rate = [](const char* name, double per_second) {
        return fmt::format("SEEP_BYTES_PER_HOUR{}={:.0f}", name, per_second * seconds_an_hour);
    };
    return {text("VERDICT", finding.verdict),          text("SENTENCE", finding.sentence),
            text("FUNCTION", finding.frame.function),  text("MODULE", finding.frame.module),
            text("FILE", finding.frame.file),          number("LINE", finding.frame.line),
            rate("", finding.growth.bytes_per_second), rate("_LOW", finding.growth.low),
            rate("_HIGH", finding.growth.high),        number("LIVE_BYTES", finding.live_bytes),
            number("LIVE_COUNT", finding.live_count),  number("PID", target.pid),
            text("COMMAND", target.command),           text("RECORDING", recording)};
}

/// A file in memory with the text: unlike a pipe, it is there however slowly it is read.
UniqueFd file_with(const std::string& text) {
    UniqueFd file(memfd_create("finding", MFD_CLOEXEC));
    const auto size = static_cast<ssize_t>(text.size());
    if (!file || pwrite(file.get(), text.data(), text.size(), 0) != size) return {};
    return file;
}

struct SpawnSettings {
    posix_spawn_file_actions_t files{};
    posix_spawnattr_t attributes{};

    explicit SpawnSettings(int input) {
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
        posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
        sigset_t none;
        sigset_t all;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_init(&attributes);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setpgroup(&attributes, 0);
        posix_spawnattr_setflags(
            &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;
    ~SpawnSettings() {
        posix_spawn_file_actions_destroy(&files);
        posix_spawnattr_destroy(&attributes);
    }
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> result;
    result.reserve(texts.size());
    for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
    return result;
}

}  // namespace

Result<std::vector<std::string>> parse_command(const std::string& text) {
    wordexp_t words{};
    const int code = wordexp(text.c_str(), &words, WRDE_NOCMD | WRDE_UNDEF);
    const std::unique_ptr<wordexp_t, decltype(&wordfree)> freed(&words, wordfree);
    if (code != 0) return bad_command(text, why_not(code));
    std::vector<std::string> arguments(words.we_wordv, words.we_wordv + words.we_wordc);
    if (arguments.empty()) return bad_command(text, "it is empty");
    if (find_program(arguments.front()).empty())
        return bad_command(text, fmt::format("there is no program {} that can be run",
                                             printable(arguments.front(), 200)));
    return arguments;
}

FindingCommand::~FindingCommand() {
    if (pid_ == 0) return;
    kill(-pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

void FindingCommand::tell(const Report& report, std::size_t index, const std::string& recording) {
    const Finding& finding = report.findings[index];
    const auto now = steady_clock::now();
    std::erase_if(told_,
                  [&](const auto& entry) { return now - entry.second >= options_.cooldown; });
    const auto known = [&](const std::string& stack) { return told_.contains(stack); };
    if (std::ranges::any_of(finding.stacks, known)) return;
    for (const std::string& stack : finding.stacks) told_.emplace(stack, now);
    if (waiting_.size() >= most_waiting) {
        spdlog::warn("--on-leak: {} findings wait already; left out: {}", waiting_.size(),
                     finding.sentence);
        return;
    }
    waiting_.push_back({finding_line(report, index, recording) + "\n",
                        environment_of(report, finding, recording)});
    if (pid_ == 0) run_next();
}

void FindingCommand::run_next() {
    while (pid_ == 0 && !waiting_.empty()) {
        const Notice notice = std::move(waiting_.front());
        waiting_.pop_front();
        if (const Result<void> run = this->run(notice); !run)
            spdlog::warn("--on-leak: {}", run.error().message);
    }
}

Result<void> FindingCommand::run(const Notice& notice) {
    const std::string name = printable(options_.arguments.front(), 200);
    const UniqueFd input = file_with(notice.line);
    if (!input) return errno_error("cannot keep a finding for its command");
    std::vector<char*> arguments = pointers(options_.arguments);
    arguments.push_back(nullptr);
    std::vector<char*> environment = pointers(notice.environment);
    for (char** variable = environ; *variable != nullptr; ++variable)
        if (std::strncmp(*variable, "SEEP_", 5) != 0) environment.push_back(*variable);
    environment.push_back(nullptr);
    const SpawnSettings settings(input.get());
    const int error = posix_spawnp(&pid_, arguments[0], &settings.files, &settings.attributes,
                                   arguments.data(), environment.data());
    if (error != 0) {
        pid_ = 0;
        return errno_error(fmt::format("cannot run {}", name), error);
    }
    killed_ = false;
    pidfd_ = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    deadline_ = make_timer(options_.timeout, std::chrono::nanoseconds(0));
    spdlog::info("--on-leak: {} runs as process {}", name, pid_);
    return {};
}

std::vector<int> FindingCommand::poll_fds() const {
    if (pid_ == 0) return {};
    return {pidfd_.get(), deadline_.get()};
}

void FindingCommand::end(int status) {
    const std::string name = printable(options_.arguments.front(), 200);
    pid_ = 0;
    pidfd_.reset();
    deadline_.reset();
    if (killed_)
        spdlog::warn("--on-leak: {} took longer than {} and was killed", name,
                     format_duration(options_.timeout));
    else if (status != 0)
        spdlog::warn("--on-leak: {} {}", name, describe_wait_status(status));
    run_next();
}

void FindingCommand::handle() {
    if (pid_ == 0) return;
    int status = 0;
    // ECHILD: seep was started with its children's ends ignored, and will not know more.
    const pid_t ended = waitpid(pid_, &status, WNOHANG);
    if (ended == pid_ || (ended < 0 && errno == ECHILD)) return end(status);
    if (!expired(deadline_)) return;
    killed_ = true;
    kill(-pid_, SIGKILL);
}

void FindingCommand::finish() {
    while (pid_ != 0) {
        if (!wait_for_any(poll_fds(), "the command")) return;
        handle();
    }
}

}  // namespace seep
