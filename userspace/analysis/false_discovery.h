// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Many stacks are tested at once: of 10,000 that do not grow, a test at 5 % accuses 500. The
// q-value of a stack is the share of false alarms to expect among it and all that are more extreme.
//
// Source: Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate: a practical and
// powerful approach to multiple testing", J. R. Stat. Soc. B 57 (1995).

#include <span>
#include <vector>

namespace seep {

/// In the order of the p-values. Pure, thread-safe; n log n.
std::vector<double> q_values(std::span<const double> p_values);

}  // namespace seep
