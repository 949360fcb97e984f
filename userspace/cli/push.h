// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// --push: what the analysis finds, as a profile, to a server that keeps a fleet's. Beside a
// recording; see triggers/pusher.h. Not thread-safe.

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analysis/report.h"
#include "base/result.h"
#include "base/temporary_directory.h"
#include "triggers/pusher.h"

namespace seep {

struct PushOptions {
    std::string url;  ///< Empty: nothing is pushed.
    std::string protocol = "pyroscope";
    std::string name;
    std::vector<std::string> labels;
    std::string headers;
    std::string ca;
    std::string spool;  ///< Empty: a directory that is removed at the end.
    std::string spool_size = "64M";
};

void add_push_options(CLI::App& command, PushOptions& options);

class Push {
 public:
    /// bad_input for options that cannot be used; failed if libcurl is not there.
    static Result<std::unique_ptr<Push>> create(const PushOptions& options);

    /// `profile`: of the report. Returns at once.
    void push(const Report& report, const std::string& profile);
    /// Waits some seconds for what is not delivered yet.
    void finish();

    /// The report as it is pushed. Pure.
    static std::string profile_of(const Report& report);

 private:
    Push(IngestTarget target, std::optional<TemporaryDirectory> directory, Spool spool)
        : target_(std::move(target)), directory_(std::move(directory)), spool_(std::move(spool)) {}

    IngestTarget target_;
    std::optional<TemporaryDirectory> directory_;
    std::optional<Spool> spool_;  ///< Until it is the pusher's.
    std::unique_ptr<Pusher> pusher_;
    std::int64_t until_ = 0;  ///< Of the last profile, Unix time.
};

}  // namespace seep
