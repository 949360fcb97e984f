// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The terminal, by ncurses: shows lines, reads keys, and gives the terminal back as it was. One at
// a time; not thread-safe. Signals: ^C and ^Z come as keys, so that a command in the same process
// group does not get them; SIGWINCH must be blocked and read by whoever owns this, who then calls
// resize().

#include <memory>
#include <optional>

#include "base/result.h"
#include "live/controls.h"
#include "live/view.h"

namespace seep {

class Screen {
 public:
    /// bad_input, with what to do, unless standard input and output are a terminal that can be
    /// drawn on and is large enough. Changes nothing.
    static Result<void> check();
    static Result<std::unique_ptr<Screen>> open();
    ~Screen();
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;

    [[nodiscard]] LiveSize size() const;
    /// Takes on the terminal's size as it is now.
    void resize();
    void show(const LiveScreen& screen);
    /// A key that is waiting; others than those of a view are skipped.
    std::optional<Key> read_key();
    /// Stops the process as ^Z does, and comes back when it is continued.
    void suspend();

 private:
    Screen() = default;
    struct State;
    std::unique_ptr<State> state_;
};

/// Whether the locale's characters are those of Unicode; sets the locale for them.
bool locale_has_unicode();

}  // namespace seep
