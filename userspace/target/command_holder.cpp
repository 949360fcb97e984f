// SPDX-License-Identifier: GPL-2.0-only
#include "target/command_holder.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>

#include "base/handles.h"
#include "base/wakeups.h"
#include "target/held_command.h"

namespace seep {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// How long after an exec another one is waited for. Scripts that prepare a start take a second or
/// two; as long as a command is held no debugger can attach to it.
constexpr auto held_after_exec = std::chrono::seconds(3);

}  // namespace

struct CommandHolder::State {
    pid_t pid = 0;
    UniqueFd children;  ///< SIGCHLD.
    UniqueFd changed;   ///< `news` has.
    UniqueFd answered;  ///< `go_on` or `leave` has.
    std::mutex mutex;   ///< Of the next three.
    News news;
    bool go_on = false;
    bool leave = false;
    steady_clock::time_point let_go_at = steady_clock::time_point::max();  ///< The thread's own.
    std::thread holder;

    void run();
    Result<void> hold();
    Result<void> follow(HeldCommand& command);
    void wait() const;
    void tell(const HeldCommand& command, bool stands);
    void end();
    ~State() { end(); }
};

void CommandHolder::State::end() {
    if (!holder.joinable()) return;
    {
        const std::lock_guard lock(mutex);
        leave = true;
    }
    set_event(answered);
    holder.join();
}

/// For a stop, an answer, or the time to let go.
void CommandHolder::State::wait() const {
    std::array<pollfd, 2> waiting{{{children.get(), POLLIN, 0}, {answered.get(), POLLIN, 0}}};
    int timeout = -1;
    if (let_go_at != steady_clock::time_point::max()) {
        const auto left = std::chrono::ceil<milliseconds>(let_go_at - steady_clock::now());
        timeout = static_cast<int>(std::max(left, milliseconds(0)).count());
    }
    poll(waiting.data(), waiting.size(), timeout);
}

void CommandHolder::State::tell(const HeldCommand& command, bool stands) {
    const std::lock_guard lock(mutex);
    news.executed = command.executed();
    news.begun = command.begun();
    news.stands = stands;
    news.status = command.status();
    set_event(changed);
}

/// Deals with what has happened to the command.
Result<void> CommandHolder::State::follow(HeldCommand& command) {
    const bool had_begun = command.begun();
    for (;;) {
        const auto step = command.step();
        if (!step) return step.error();
        if (*step == HeldCommand::Step::none) break;
        if (*step == HeldCommand::Step::stands) let_go_at = steady_clock::time_point::max();
        if (*step == HeldCommand::Step::went_on) continue;
        tell(command, *step == HeldCommand::Step::stands);
        return {};
    }
    if (command.begun() && !had_begun) tell(command, false);
    return {};
}

Result<void> CommandHolder::State::hold() {
    auto command = HeldCommand::seize(pid);
    if (!command) return command.error();
    set_event(changed);
    while (!command->status() && steady_clock::now() < let_go_at) {
        wait();
        while (caught(children)) {
        }
        reset_event(answered);
        bool resumes = false;
        {
            const std::lock_guard lock(mutex);
            if (leave) return {};
            resumes = std::exchange(go_on, false);
        }
        if (resumes) {
            if (auto resumed = command->go_on(); !resumed) return resumed.error();
            let_go_at = steady_clock::now() + held_after_exec;
            tell(*command, false);
        }
        if (auto followed = follow(*command); !followed) return followed.error();
    }
    return {};
}

void CommandHolder::State::run() {
    const auto held = hold();
    const std::lock_guard lock(mutex);
    if (!held) news.failed = held.error();
    news.stands = false;
    news.over = true;
    set_event(changed);
}

CommandHolder::CommandHolder(std::unique_ptr<State> state) : state_(std::move(state)) {}
CommandHolder::CommandHolder(CommandHolder&&) noexcept = default;
CommandHolder& CommandHolder::operator=(CommandHolder&&) noexcept = default;
CommandHolder::~CommandHolder() = default;

Result<CommandHolder> CommandHolder::hold(pid_t pid) {
    auto state = std::make_unique<State>();
    state->pid = pid;
    state->children = catch_signal(SIGCHLD);
    state->changed = make_event();
    state->answered = make_event();
    if (!state->children || !state->changed || !state->answered) {
        return errno_error("cannot hold the command until it is traced");
    }
    state->holder = std::thread(&State::run, state.get());
    CommandHolder holder(std::move(state));
    pollfd waiting{holder.poll_fd(), POLLIN, 0};
    while (poll(&waiting, 1, -1) < 0 && errno == EINTR) {
    }
    if (const News seized = holder.news(); seized.failed) return *seized.failed;
    return holder;
}

int CommandHolder::poll_fd() const {
    return state_->changed.get();
}

CommandHolder::News CommandHolder::news() {
    const std::lock_guard lock(state_->mutex);
    reset_event(state_->changed);
    return state_->news;
}

std::optional<int> CommandHolder::status() const {
    const std::lock_guard lock(state_->mutex);
    return state_->news.status;
}

void CommandHolder::end() {
    state_->end();
}

void CommandHolder::go_on() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->go_on = true;
        state_->news.stands = false;
    }
    set_event(state_->answered);
}

}  // namespace seep
