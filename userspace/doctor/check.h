// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// One thing that tracing depends on: what it is, what was found, what is needed, how to mend it.
// Values only; thread-safe.

#include <string>

namespace seep {

enum class CheckStatus {
    ok,
    warning,  ///< Something is lost without it; tracing works.
    missing,  ///< Nothing can be traced without it.
};

struct Check {
    std::string name;
    CheckStatus status = CheckStatus::ok;
    std::string found;
    std::string needed;  ///< Always said, also where it holds.
    std::string mend;    ///< Empty where there is nothing to do, or nothing that can be done.
};

/// "ok", "warning", "missing".
const char* status_name(CheckStatus status);

}  // namespace seep
