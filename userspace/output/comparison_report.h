// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// A comparison for people and for programs. Pure; names from the target are made safe for the
// medium.

#include <cstddef>
#include <string>

#include "analysis/comparison.h"
#include "output/text_report.h"

namespace seep {

std::string text_comparison(const Comparison& comparison, const TextOptions& options);

/// `top`: stacks listed; 0 = all. The keys are described in docs/report.md.
std::string json_comparison(const Comparison& comparison, std::size_t top);

}  // namespace seep
