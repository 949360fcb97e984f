// SPDX-License-Identifier: GPL-2.0-only
#include "cli/tracing_options.h"

#include <fmt/core.h>

#include <charconv>

#include "base/text.h"
#include "kernel/attach_mode.h"

namespace seep {
namespace {

/// --sample: 0 for "exact", and for "auto", which begins with that.
Result<std::uint64_t> parse_sampling(const std::string& text) {
    if (text == "exact" || text == "auto") return std::uint64_t{0};
    auto size = parse_size(text);
    if (!size) return size;
    if (*size == 0 || *size > (std::uint64_t{1} << 30))
        return Error{ErrorKind::bad_input, "the sampling size must be from 1 byte to 1G", ""};
    return size;
}

/// --max-overhead: a share of 1.
Result<double> parse_overhead(const std::string& text) {
    double percent = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, percent);
    if (error != std::errc() || rest != end || !(percent >= 0.1 && percent <= 100))
        return Error{ErrorKind::bad_input,
                     fmt::format("bad overhead \"{}\": it must be from 0.1 to 100", text),
                     "percent of the target's CPU time, such as 5"};
    return percent / 100;
}

constexpr double default_overhead = 0.05;

}  // namespace

KernelOptions TracingOptions::kernel() const {
    KernelOptions kernel;
    kernel.mode = attach_mode.empty() ? best_attach_mode() : parse_attach_mode(attach_mode).value();
    // Its table takes memory even if it is empty.
    kernel.max_live = sources().heap ? max_live : 1;
    kernel.max_stacks = max_stacks;
    kernel.sample_bytes = parse_sampling(sample).value();
    // A program that starts loads all its libraries at once.
    if (!target.command.empty() || follow_forks || !target.cgroup.empty())
        kernel.deferred_bytes = 64U << 20;
    return kernel;
}

Sources TracingOptions::sources() const {
    return parse_sources(source).value();
}

double TracingOptions::overhead() const {
    return max_overhead.empty() ? default_overhead : parse_overhead(max_overhead).value();
}

std::optional<GovernorOptions> TracingOptions::governor() const {
    const bool chooses = sample == "auto";
    if (!chooses && max_overhead.empty()) return std::nullopt;
    return GovernorOptions{
        .budget = overhead(), .may_sample = chooses, .first_bytes = parse_sampling(sample).value()};
}

std::string TracingOptions::sampling_name() const {
    return sample == "auto" || sample == "exact" ? sample : "bytes";
}

void add_tracing_options(CLI::App& command, TracingOptions& options) {
    add_target_options(command, options.target);
    command
        .add_option("--sample", options.sample,
                    "auto: as much as --max-overhead allows; exact: every allocation; SIZE: one in "
                    "so many bytes on average")
        ->type_name("auto|exact|SIZE")
        ->capture_default_str()
        ->check(check_with(parse_sampling, ""));
    command
        .add_option(
            "--source", options.source,
            "What to follow: any of heap (blocks of allocators), mapping (memory from mmap, brk "
            "and their kin) and faults (pages in memory, by who first touched them), "
            "separated by commas")
        ->type_name("LIST")
        ->capture_default_str()
        ->check(check_with(parse_sources, ""));
    command
        .add_option("--max-overhead", options.max_overhead,
                    "What tracing may cost, in percent of the target's CPU time [5]. With --sample "
                    "exact or SIZE it holds only if it is given")
        ->type_name("PCT")
        ->check(check_with(parse_overhead, ""));
    command.add_flag("--follow-forks", options.follow_forks,
                     "Also trace the children that targets make");
    CLI::Option* work = command
                            .add_option("--work", options.work_function,
                                        "A function whose calls are units of work, to relate "
                                        "growth to")
                            ->type_name("FUNCTION")
                            ->group("Work");
    command
        .add_option("--work-file", options.work_file,
                    "A file with a count of work that somebody else keeps, read at each snapshot")
        ->type_name("FILE")
        ->excludes(work)
        ->group("Work");
    command.add_option("--max-live", options.max_live, "Outstanding allocations kept")
        ->type_name("COUNT")
        ->capture_default_str()
        ->check(CLI::Range(1U, 1U << 30).description(""))
        ->group("Limits");
    command.add_option("--max-stacks", options.max_stacks, "Distinct call stacks kept")
        ->type_name("COUNT")
        ->capture_default_str()
        ->check(CLI::Range(1U, 1U << 24).description(""))
        ->group("Limits");
    command
        .add_option("--attach-mode", options.attach_mode,
                    "session, multi or single [the best the kernel has]")
        ->type_name("MODE")
        ->check(CLI::IsMember({"session", "multi", "single"}))
        ->group("Limits");
}

}  // namespace seep
