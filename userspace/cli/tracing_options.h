// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// How a target is traced: the options that all commands which trace share, and what they mean.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "cli/command.h"
#include "drain/governor.h"
#include "drain/tracer.h"
#include "kernel/kernel_object.h"

namespace seep {

/// As given; checked while they are parsed, so that what is made of them below cannot fail.
struct TracingOptions {
    TargetOptions target;
    std::string sample = "auto";
    std::string max_overhead;  ///< Empty: not given.
    std::string source = "heap";
    std::string attach_mode;  ///< Empty: the best that the kernel has.
    bool follow_forks = false;
    std::string work_function;
    std::string work_file;
    std::uint32_t max_live = KernelOptions{}.max_live;
    std::uint32_t max_stacks = KernelOptions{}.max_stacks;
    bool owns_terminal = false;  ///< The command itself draws on it; a launched one is kept off.

    [[nodiscard]] KernelOptions kernel() const;
    [[nodiscard]] Sources sources() const;
    /// A share of 1.
    [[nodiscard]] double overhead() const;
    /// Nobody governs what the user has chosen, unless the limit is the user's choice, too.
    [[nodiscard]] std::optional<GovernorOptions> governor() const;
    /// "auto", "exact" or "bytes".
    [[nodiscard]] std::string sampling_name() const;
};

void add_tracing_options(CLI::App& command, TracingOptions& options);

}  // namespace seep
