// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The report as one HTML file for a browser: findings, charts over time, flame graphs, and the
// stacks with their evidence, searchable. It needs no network and cannot use one: its content
// security policy allows its own scripts, by hash, and nothing else. Names from the target are data
// (JSON) that the scripts set as text, never as markup. Pure.

#include <cstddef>
#include <string>

#include "analysis/report.h"

namespace seep {

/// `report` with curves. `top`: stacks listed; 0 = all. The flame graphs have all stacks.
std::string html_report(const Report& report, std::size_t top);

}  // namespace seep
