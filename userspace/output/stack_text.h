// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// A stack of the ranking as lines of text: what is known of it, then its frames.

#include <cstddef>

#include "analysis/report.h"
#include "output/frames_text.h"
#include "output/page.h"

namespace seep {

/// Verdict and growth come first: they decide whether the rest is read. `rank` from 1; `finding`:
/// the number of the one that the stack is part of, 0 if of none.
void print_stack(Page& page, const ReportStack& stack, std::size_t rank, std::size_t finding,
                 Depth depth);

}  // namespace seep
