// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The thread that holds a launched command by ptrace (held_command.h); the inside of launch.h.
//
// ptrace belongs to a thread. One of its own passes signals on to the command at once, whatever
// seep is at, and lets go of it by ending, which does not disturb the command: to detach, it would
// have to be stopped. It ends with the object, with the command, or some seconds after the last
// exec.
// SIGCHLD must be blocked in all threads (keep_child_signals()). The functions are for one thread.

#include <sys/types.h>

#include <memory>
#include <optional>

#include "base/result.h"

namespace seep {

class CommandHolder {
 public:
    /// Takes hold of a child that has not called exec yet.
    static Result<CommandHolder> hold(pid_t pid);
    CommandHolder(CommandHolder&&) noexcept;
    CommandHolder& operator=(CommandHolder&&) noexcept;
    /// Lets go.
    ~CommandHolder();

    struct News {
        bool executed = false;
        bool stands = false;          ///< Before new code, until go_on().
        bool begun = false;           ///< The program itself runs, not its dynamic linker.
        bool over = false;            ///< It is no longer held.
        std::optional<int> status;    ///< If it has ended: its wait status.
        std::optional<Error> failed;  ///< Why it is over.
    };
    /// Readable when there is news.
    [[nodiscard]] int poll_fd() const;
    /// How things are.
    News news();
    /// Lets the command run from where it stands.
    void go_on();
    /// The command's wait status, if it is known to have ended.
    [[nodiscard]] std::optional<int> status() const;
    /// Lets go. What status() is from then on does not change.
    void end();

 private:
    struct State;
    explicit CommandHolder(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace seep
