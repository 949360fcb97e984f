// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What the JSON outputs share.

#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "analysis/report.h"

namespace seep {

/// Keeps the order in which keys are written down.
using Json = nlohmann::ordered_json;

Json process_json(const ReportProcess& process);
Json frame_json(const ReportFrame& frame);
Json frames_json(const std::vector<ReportFrame>& frames);

/// `rank`: from 1.
Json finding_json(const Finding& finding, std::size_t rank);

/// A report without its stacks, and a stack without its frames: what json_report() writes of them.
Json report_header_json(const Report& report);
Json stack_facts_json(const ReportStack& stack);

/// The object `header` with an array `key` of `count` items at its end, a line each. Items are made
/// one by one: as one document, 100,000 stacks would take gigabytes. Invalid UTF-8 becomes U+FFFD.
std::string document(const Json& header, const char* key, std::size_t count,
                     const std::function<Json(std::size_t)>& item);

}  // namespace seep
