// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Waits beside a target, without any probe in it, until a condition holds. A look at it, once
// a second or as often as a condition wants, reads some small files of /proc and of the control
// group.

#include <sys/types.h>
#include <string>
#include <vector>

#include "base/handles.h"
#include "base/result.h"
#include "triggers/start_condition.h"

namespace seep {

/// Which processes: some, or those of a control group.
struct WaitingTarget {
    std::vector<pid_t> pids;
    std::string cgroup;
};

/// The condition that came to hold first, as it was written; empty if `signals` (catch_signals())
/// asked to end before. `start_signal`: catch_signal(SIGUSR1), made before anybody is told to send
/// it. untraceable: there is no such target, or it ended before; bad_input: a condition that can
/// never hold for it.
Result<std::string> wait_until(const WaitingTarget& target, std::vector<StartCondition> conditions,
                               const UniqueFd& signals, const UniqueFd& start_signal);

}  // namespace seep
