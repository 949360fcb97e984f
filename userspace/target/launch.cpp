// SPDX-License-Identifier: GPL-2.0-only
#include "target/launch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>

#include "base/handles.h"
#include "base/text.h"
#include "target/command_holder.h"
#include "target/start_signals.h"

namespace seep {
namespace {

void leave_terminal() {
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        termios ignored{};
        if (tcgetattr(fd, &ignored) == 0) dup2(null, fd);
    }
}

/// The child's side: waits for leave to go, becomes the command, or says by errno why it cannot.
/// Only async-signal-safe calls: other threads of seep may have held locks at the fork.
[[noreturn]] void become(char* const* argv, int channel, CommandOutput output) {
    restore_start_signals();
    if (output == CommandOutput::no_terminal) leave_terminal();
    char leave = 0;
    if (read(channel, &leave, sizeof leave) == sizeof leave) {
        execvp(argv[0], argv);
        const int number = errno;
        if (write(channel, &number, sizeof number) < 0) _exit(126);
    }
    _exit(127);
}

/// Where seep has its rights from its file's capabilities, the kernel lets nobody without
/// CAP_SYS_PTRACE look into it, nor into a child of its, not even seep itself. While this lives, a
/// process with the same user and no less capabilities may (ptrace_may_access() in the kernel).
class TraceableByPeers {
 public:
    TraceableByPeers() : before_(prctl(PR_GET_DUMPABLE)) { prctl(PR_SET_DUMPABLE, 1); }
    TraceableByPeers(const TraceableByPeers&) = delete;
    TraceableByPeers& operator=(const TraceableByPeers&) = delete;
    /// 2, dumps for root alone, can only be set by the kernel; 0 is the stricter.
    ~TraceableByPeers() { prctl(PR_SET_DUMPABLE, before_ == 1 ? 1 : 0); }

 private:
    int before_;
};

/// Forks with all signals blocked, so that no handler of seep's runs in the child.
pid_t fork_quietly(char* const* argv, const UniqueFd& child_end, const UniqueFd& parent_end,
                   CommandOutput output) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const TraceableByPeers while_forking;
    const pid_t pid = fork();
    if (pid == 0) {
        close(parent_end.get());
        become(argv, child_end.get(), output);
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return pid;
}

/// While SIGCHLD is ignored the kernel throws exit statuses away.
void keep_exit_statuses() {
    struct sigaction action = {};
    if (sigaction(SIGCHLD, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) {
        action.sa_handler = SIG_DFL;
        sigaction(SIGCHLD, &action, nullptr);
    }
}

Error exec_error(const std::string& command, int number) {
    return errno_error(fmt::format("cannot run {}", printable(command)), number,
                       ErrorKind::bad_input, number == ENOENT ? "check its name and PATH" : "");
}

/// A command that computes, and calls nothing, gives no sign of having begun.
constexpr int longest_silence_ms = 1000;

}  // namespace

LaunchedCommand::LaunchedCommand(pid_t pid) : pid_(pid) {}
LaunchedCommand::LaunchedCommand(LaunchedCommand&&) noexcept = default;
LaunchedCommand& LaunchedCommand::operator=(LaunchedCommand&&) noexcept = default;
LaunchedCommand::~LaunchedCommand() = default;

Result<LaunchedCommand> LaunchedCommand::launch(const std::vector<std::string>& argv,
                                                OnCodeMapped on_code_mapped, CommandOutput output) {
    if (argv.empty()) return Error{ErrorKind::bad_input, "no command given", ""};
    std::vector<char*> arguments;
    arguments.reserve(argv.size() + 1);
    for (const std::string& argument : argv) {
        arguments.push_back(const_cast<char*>(argument.c_str()));
    }
    arguments.push_back(nullptr);
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return errno_error("socketpair");
    }
    const UniqueFd channel(ends[0]);
    UniqueFd child_end(ends[1]);
    keep_exit_statuses();

    const pid_t pid = fork_quietly(arguments.data(), child_end, channel, output);
    if (pid < 0) return errno_error("fork");
    child_end.reset();
    LaunchedCommand command(pid);
    command.on_code_mapped_ = std::move(on_code_mapped);
    auto held = CommandHolder::hold(pid);
    if (!held) {
        command.kill_and_collect();
        return held.error();
    }
    constexpr char leave = 1;
    // MSG_NOSIGNAL: a child that was killed meanwhile is noticed by waiting for it.
    send(channel.get(), &leave, sizeof leave, MSG_NOSIGNAL);
    command.holder_ = std::make_unique<CommandHolder>(std::move(*held));
    if (auto started = command.run_to_start(); !started) {
        command.kill_and_collect();
        return started.error();
    }
    int number = 0;
    if (!command.executed_ && read(channel.get(), &number, sizeof number) == sizeof number) {
        return exec_error(argv[0], number);
    }
    return command;
}

Result<void> LaunchedCommand::run_to_start() {
    while (holder_ && !begun_) {
        pollfd waiting{holder_->poll_fd(), POLLIN, 0};
        if (poll(&waiting, 1, executed_ ? longest_silence_ms : -1) == 0) break;
        if (auto looked = look(); !looked) return looked;
        go_on();
    }
    return {};
}

void LaunchedCommand::kill_and_collect() {
    kill(pid_, SIGKILL);
    let_go();
    if (status_) return;
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

int LaunchedCommand::poll_fd() const {
    return holder_ ? holder_->poll_fd() : -1;
}

/// Does at a stop what is to be done, and leaves the command there.
Result<void> LaunchedCommand::look() {
    if (!holder_) return {};
    const CommandHolder::News news = holder_->news();
    executed_ = news.executed;
    begun_ = news.begun;
    stands_ = news.stands;
    if (news.over) let_go();
    if (news.failed) return *news.failed;
    return stands_ ? on_code_mapped_(pid_) : Result<void>();
}

void LaunchedCommand::go_on() {
    if (std::exchange(stands_, false)) holder_->go_on();
}

Result<void> LaunchedCommand::handle_stop() {
    auto looked = look();
    go_on();
    return looked;
}

void LaunchedCommand::let_go() {
    if (!holder_) return;
    holder_->end();
    status_ = holder_->status();
    holder_.reset();
}

std::optional<int> LaunchedCommand::poll_exit() {
    int status = 0;
    if (holder_) return holder_->status();
    if (!status_ && waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
    return status_;
}

std::string describe_wait_status(int status) {
    if (WIFEXITED(status)) return fmt::format("exited with status {}", WEXITSTATUS(status));
    const int signal = WTERMSIG(status);
    return fmt::format("killed by signal {} ({})", signal, strsignal(signal));
}

}  // namespace seep
