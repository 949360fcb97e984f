// SPDX-License-Identifier: GPL-2.0-only
#include "output/finding_line.h"

#include "base/text.h"
#include "output/json_parts.h"

namespace seep {

std::string finding_line(const Report& report, std::size_t index, const std::string& recording) {
    Json line{
        {"time", format_rfc3339(report.window_end_ns)},
        {"seep", {{"version", SEEP_VERSION}, {"format", 1}}},
        {"target", process_json(report.targets.empty() ? ReportProcess{} : report.targets[0])},
        {"recording", recording},
        {"window_seconds",
         static_cast<double>(report.window_end_ns - report.window_start_ns) / 1e9}};
    line.update(finding_json(report.findings[index], index + 1));
    return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace seep
