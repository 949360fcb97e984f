// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Figures of a report in a few words, the same wherever text shows them. Pure, thread-safe.

#include <cstdint>
#include <optional>
#include <string>

#include "analysis/report.h"

namespace seep {

/// "+1.5 KiB", "-3 MiB", "0 B".
std::string signed_bytes(double bytes);
/// Of a share of 1: "12.3 %", "under 0.1 %".
std::string percent(double share);
/// Behind a stack's verdict: "  (pages touched)"; empty for one of the heap.
const char* kind_text(StackKind kind);
/// " + 3 MiB lapsed"; empty if nothing has.
std::string lapsed_text(const Totals& totals);
/// What is live, "3 MiB", and how sure that is where it is an estimate: "3 MiB ± 10 KiB".
std::string live_text(const Totals& totals, const std::optional<double>& standard_error);
/// "31 unmatched frees, 2 truncated stacks"; "none".
std::string losses_text(const Losses& losses);

}  // namespace seep
