// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// A finding on one line of JSON, for pipelines of logs and for commands: what `report --format
// json` says of it, with its time, target and recording. The keys are an interface. Pure,
// thread-safe.

#include <cstddef>
#include <string>

#include "analysis/report.h"

namespace seep {

/// Of report.findings[index]; without a newline. `recording`: the file's name.
std::string finding_line(const Report& report, std::size_t index, const std::string& recording);

}  // namespace seep
