// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Timers, signals and events as descriptors, so that a loop over poll() waits for them and for its
// targets in one place.

#include <chrono>
#include <csignal>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

#include "base/handles.h"
#include "base/result.h"

namespace seep {

/// Readable at `first` from now, and then each `period`; a period of 0: once. A first of 0: never.
UniqueFd make_timer(std::chrono::nanoseconds first, std::chrono::nanoseconds period);

/// Whether the timer has run out since it was last asked. False for a descriptor that is none.
bool expired(const UniqueFd& timer);

/// Waits until one of the descriptors can be read; -1 is none. A signal that comes between is no
/// error, and ends the wait, too. `what`: what is waited for, for the error.
Result<void> wait_for_any(std::span<const int> fds, std::string_view what);

/// Readable from set_event() to reset_event(). Both may be called from any thread.
UniqueFd make_event();
void set_event(const UniqueFd& event);
/// Whether it was set.
bool reset_event(const UniqueFd& event);

/// SIGINT, SIGTERM and SIGHUP no longer end the process; from here on they are only read.
UniqueFd catch_signals();
/// The same for one more signal.
UniqueFd catch_signal(int number);

/// The signal that has come, if any.
std::optional<int> caught(const UniqueFd& signals);

}  // namespace seep
