// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The report for people (terminal, plain text) and for programs (JSON of CONTRACT.md).
// Pure functions of the report; names from the target are made safe for the medium.

#include <cstddef>
#include <string>

#include "analysis/report.h"

namespace seep {

struct TextOptions {
    std::size_t top = 10;     ///< Findings and stacks shown; 0: all, and all processes.
    bool skip_empty = false;  ///< Of those, none at the end that hold nothing and did not grow.
    bool color = false;
    std::size_t width = 100;
};
std::string text_report(const Report& report, const TextOptions& options);

/// `top`: stacks listed; 0 = all.
std::string json_report(const Report& report, std::size_t top);

}  // namespace seep
