// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// A curve as one line of text. Pure, thread-safe.

#include <cstddef>
#include <string>
#include <vector>

#include "analysis/report.h"

namespace seep {

/// What the curve was at the ends of `columns` equal parts of a window of so many seconds, lowest
/// at the bottom; "▁▃█", or "_-#" without `unicode`. The height is the greatest difference there
/// is, or a tenth of the greatest value if that is more, so that what hardly moves looks flat.
/// Level before the first point and after the last; empty for a curve without points.
std::string sparkline(const std::vector<CurvePoint>& curve, double seconds, std::size_t columns,
                      bool unicode);

}  // namespace seep
