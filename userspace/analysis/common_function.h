// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Findings that come from one function: an object that is put together in many places is told in
// several, some of which are known to leak, and what all of it comes to is their sum.
//
//     1  `new_node`, under `parse`     leaks      5 MiB an hour
//     2  `add_text`, under `parse`     grows by  85 MiB an hour     with 1, under `parse`: 90
//     3  `log_line`                    grows by   1 MiB an hour
//
// Pure.

#include "analysis/report.h"

namespace seep {

/// Says in the first finding, if that leaks or grows, what others come from the innermost function
/// from which most of what is found comes, and their sum. `report`: named, its findings in order.
void add_up_common_function(Report& report);

}  // namespace seep
