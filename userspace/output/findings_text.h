// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The head of the text report: a sentence a finding, then the table of what they stand on.

#include <cstddef>

#include "analysis/report.h"
#include "output/page.h"

namespace seep {

/// `top`: findings shown; 0 = all.
void print_findings(Page& page, const Report& report, std::size_t top);

}  // namespace seep
