// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Findings for pipelines of logs: one line of JSON (output/finding_line.h) for each finding of each
// analysis, appended to a file that others may read, move away or delete meanwhile, or to standard
// output. Not thread-safe.

#include <string>

#include "analysis/report.h"
#include "base/result.h"

namespace seep {

class FindingsLog {
 public:
    /// `path`: "-" for standard output. Fails if it cannot be appended to. A new file has mode
    /// 0600.
    static Result<FindingsLog> open(const std::string& path);

    Result<void> write(const Report& report, const std::string& recording);

 private:
    explicit FindingsLog(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

}  // namespace seep
