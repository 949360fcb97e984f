// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// A command of the seep program. Each file of cli/ named for a command adds its options to the one
// table (the CLI::App) and, if it is the one given, its run function; parsing, --help, completions
// and the manual page all come from that table.

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace seep {

/// Runs the chosen command; the value is the exit status.
using RunCommand = std::function<Result<int>()>;

void add_record_command(CLI::App& app, RunCommand& run);
void add_top_command(CLI::App& app, RunCommand& run);
void add_serve_command(CLI::App& app, RunCommand& run);
void add_report_command(CLI::App& app, RunCommand& run);
void add_folded_command(CLI::App& app, RunCommand& run);
void add_flame_command(CLI::App& app, RunCommand& run);
void add_pprof_command(CLI::App& app, RunCommand& run);
void add_diff_command(CLI::App& app, RunCommand& run);
void add_doctor_command(CLI::App& app, RunCommand& run);

/// Which processes to trace.
struct TargetOptions {
    std::vector<pid_t> pids;
    std::string cgroup;
    std::vector<std::string> command;
};
void add_target_options(CLI::App& command, TargetOptions& target);
/// bad_input unless exactly one kind of target is given.
Result<void> check_target(const TargetOptions& target);

/// Of how many to show at most, 0 for all.
inline const CLI::Validator top_check =
    CLI::Range(std::size_t{0}, std::size_t{1'000'000'000}).description("");

/// A CLI11 check made of a parser of base/text.h: its error and hint are the option's.
template <typename Parse>
CLI::Validator check_with(Parse parse, const std::string& name) {
    return CLI::Validator(
        [parse](const std::string& text) -> std::string {
            const auto parsed = parse(text);
            if (parsed) return {};
            const Error& error = parsed.error();
            return error.message + (error.hint.empty() ? "" : "; " + error.hint);
        },
        name);
}

/// The whole of a small text file that the user named. bad_input if it cannot be read or has more
/// than 16 MiB.
Result<std::string> read_input(const std::string& path);

/// Writes to a file, or to standard output for "" and "-". A full or vanished disk is an error, and
/// so is a recording of that name: it cannot be made again.
Result<void> write_output(const std::string& path, const std::string& text);
/// Into a file that must not be there yet, not even as a link.
Result<void> write_new_file(const std::string& path, const std::string& text);

}  // namespace seep
