// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What is to be said of the processes as a whole, once their stacks are judged: memory that no
// stack explains, and when the limit is met. Pure.

#include "analysis/report.h"

namespace seep {

/// With report.memory and report.findings (of the stacks) at hand: adds each finding's time to the
/// limit, makes the process's own verdict a finding after the leaks, and lets what was found decide
/// the verdict of the process.
void conclude(Report& report);

/// "41h3m (39h to 2d)", "41h3m (39h to never)"; empty if the growth's upper end is not above 0, or
/// it may be never, and not within a year.
std::string limit_text(const TimeToLimit& limit);

}  // namespace seep
