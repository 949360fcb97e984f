// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// When snapshots are taken and how far back they are kept: the options of all commands that trace.

#include <CLI/CLI.hpp>
#include <chrono>
#include <string>

#include "base/result.h"
#include "drain/cadence.h"

namespace seep {

/// As given; checked while they are parsed, so that what is made of them below cannot fail.
struct SnapshotOptions {
    std::string interval;  ///< Empty: every 10 s, and oftener at first (drain/cadence.h).
    std::string keep;      ///< Empty: everything.

    /// In the long run.
    [[nodiscard]] std::chrono::nanoseconds between() const;
    /// Of a recording of that length; 0: nobody knows.
    [[nodiscard]] Cadence cadence(std::chrono::nanoseconds length = {}) const;
    /// 0: everything.
    [[nodiscard]] std::chrono::nanoseconds kept() const;
    /// bad_input for what holds fewer snapshots than a trend needs: it would never tell of a leak.
    [[nodiscard]] Result<void> check() const;
};

/// --interval, --keep; `keep_text`: what the latter is for.
void add_snapshot_options(CLI::App& command, SnapshotOptions& options,
                          const std::string& keep_text);

/// A duration above 0.
Result<std::chrono::nanoseconds> parse_run_time(const std::string& text);

}  // namespace seep
