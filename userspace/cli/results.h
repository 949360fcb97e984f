// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// From a recording to the report that every output shows: read, look up the symbols that are
// missing (or all of them anew), analyse. Works without the target, without root, on another
// machine.

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "analysis/findings.h"
#include "analysis/ranking.h"
#include "analysis/report.h"
#include "base/result.h"
#include "output/text_report.h"

namespace seep {

struct ReportRequest {
    std::string file;
    std::string window;  ///< "FROM:TO"; empty: the whole recording.
    SortBy sort = SortBy::growth;
    bool curves = false;                         ///< As in ReportOptions.
    std::vector<std::string> debug_directories;  ///< Given: look every symbol up again.
    std::string suppressions;                    ///< File; empty: none.
    bool look_up = true;  ///< Symbols that are missing; not while somebody else is at it.
};

/// The options that all commands on a recording share.
void add_request_options(CLI::App& command, ReportRequest& request);

/// --kind, for what draws stacks of one kind or of all.
void add_kind_option(CLI::App& command, std::optional<StackKind>& kind);

void add_suppressions_option(CLI::App& command, ReportRequest& request);

/// --suppressions, --fail-on.
void add_finding_options(CLI::App& command, ReportRequest& request,
                         std::vector<FailCondition>& fail_on);

/// Empty if none are asked for. bad_input for a file that cannot be read or understood.
Result<Suppressions> load_suppressions(const ReportRequest& request);

/// The exit status of a command that showed the report: 4 if a condition holds, and then says on
/// standard error which and why.
int check_conditions(const Report& report, const std::vector<FailCondition>& fail_on);

/// The recording as the analysis takes it, with its symbols; of the request: file, window, debug
/// directories.
Result<RecordingContents> load_recording(const ReportRequest& request);

Result<Report> load_report(const ReportRequest& request);

/// As wide as the terminal, in colour if it is one and NO_COLOR is not set.
TextOptions terminal_text_options(std::size_t top);

}  // namespace seep
