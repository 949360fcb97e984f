// SPDX-License-Identifier: GPL-2.0-only
#include "cli/snapshot_options.h"

#include <fmt/core.h>

#include "base/text.h"
#include "cli/command.h"

namespace seep {

using std::chrono::nanoseconds;

namespace {

constexpr const char* usual_interval = "10s";

Result<nanoseconds> parse_interval(const std::string& text) {
    auto interval = parse_duration(text);
    if (interval && *interval < std::chrono::milliseconds(100))
        return Error{ErrorKind::bad_input, "the interval must be 100ms at least", ""};
    return interval;
}

}  // namespace

Result<nanoseconds> parse_run_time(const std::string& text) {
    auto duration = parse_duration(text);
    if (duration && *duration <= nanoseconds(0))
        return Error{ErrorKind::bad_input, "the duration must be above 0", ""};
    return duration;
}

nanoseconds SnapshotOptions::between() const {
    return parse_interval(interval.empty() ? usual_interval : interval).value();
}

Cadence SnapshotOptions::cadence(nanoseconds length) const {
    return interval.empty() ? Cadence(between(), length) : Cadence(between());
}

nanoseconds SnapshotOptions::kept() const {
    return keep.empty() ? nanoseconds(0) : parse_run_time(keep).value();
}

Result<void> SnapshotOptions::check() const {
    constexpr int least_snapshots_kept = 10;
    if (keep.empty() || kept() >= least_snapshots_kept * between()) return {};
    return Error{
        ErrorKind::bad_input,
        fmt::format("--keep {} holds fewer than {} snapshots", keep, least_snapshots_kept),
        fmt::format("keep {} at least, or give a shorter --interval than {}",
                    format_duration(least_snapshots_kept * between()), format_duration(between()))};
}

void add_snapshot_options(CLI::App& command, SnapshotOptions& options,
                          const std::string& keep_text) {
    command.add_option("--interval", options.interval, "Time between snapshots, 100ms or more")
        ->type_name("DUR")
        ->default_str(options.interval.empty()
                          ? fmt::format("{}, and oftener in the first minutes", usual_interval)
                          : options.interval)
        ->check(check_with(parse_interval, ""));
    command.add_option("--keep", options.keep, keep_text)
        ->type_name("DUR")
        ->check(check_with(parse_run_time, ""));
}

}  // namespace seep
