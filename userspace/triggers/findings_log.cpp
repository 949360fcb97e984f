// SPDX-License-Identifier: GPL-2.0-only
#include "triggers/findings_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/handles.h"
#include "base/text.h"
#include "output/finding_line.h"

namespace seep {
namespace {

/// Standard output is a copy, to be closed like a file.
Result<UniqueFd> open_to_append(const std::string& path) {
    UniqueFd file(path == "-"
                      ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                      : ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
    if (!file) return errno_error(fmt::format("cannot append to {}", printable(path)));
    return file;
}

}  // namespace

Result<FindingsLog> FindingsLog::open(const std::string& path) {
    if (const auto file = open_to_append(path); !file) return file.error();
    return FindingsLog(path);
}

Result<void> FindingsLog::write(const Report& report, const std::string& recording) {
    if (report.findings.empty()) return {};
    const auto file = open_to_append(path_);
    if (!file) return file.error();
    for (std::size_t index = 0; index < report.findings.size(); ++index) {
        // In one piece: others may append, too.
        const std::string line = finding_line(report, index, recording) + "\n";
        const ssize_t written = ::write(file->get(), line.data(), line.size());
        if (written != static_cast<ssize_t>(line.size()))
            return errno_error(fmt::format("cannot append to {}", printable(path_)),
                               written < 0 ? errno : ENOSPC);
    }
    return {};
}

}  // namespace seep
