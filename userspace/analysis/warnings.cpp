// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/warnings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "analysis/merging.h"
#include "base/text.h"

namespace seep {

namespace {

constexpr std::size_t longest_name = 60;
constexpr std::size_t most_ends_named = 3;
/// A process that allocates next to nothing moves its RSS, too, by touching code and stack.
constexpr double moved_rss_bytes = 1 << 20;

struct LossMeaning {
    std::size_t loss;
    const char* meaning;
};

// Unmatched frees bias nothing (the blocks are from before attach, and never were counted), and
// truncated stacks have a share of their own in the report.
constexpr std::array loss_meanings = {
    LossMeaning{SEEP_LOSS_LOST_ALLOCATIONS,
                "allocations were not followed, because the table of live blocks was full: live "
                "bytes are too low; record with --sample 64K, or raise --max-live"},
    LossMeaning{SEEP_LOSS_LOST_STACKS,
                "allocations were not followed, because the table of stacks was full: some call "
                "stacks are missing; raise --max-stacks"},
    LossMeaning{SEEP_LOSS_STACK_COLLISIONS,
                "allocations were not followed, because their stack could not be told from "
                "another: live bytes are too low"},
    LossMeaning{SEEP_LOSS_MISSED_FREES,
                "frees were missed (their blocks were handed out again): until then those blocks "
                "counted as live, and growth may be overstated"},
    LossMeaning{SEEP_LOSS_ABANDONED_CALLS,
                "calls of the allocator were left by an exception or longjmp: what they allocated "
                "or freed is not known"},
    LossMeaning{SEEP_LOSS_NO_THREAD_STATE,
                "calls of the allocator were not followed for lack of kernel memory: allocations "
                "and frees are missing, and growth may be wrong either way"},
    LossMeaning{SEEP_LOSS_UNREADABLE_RESULTS,
                "allocations were not followed, because their result could not be read: live bytes "
                "are too low"},
    LossMeaning{SEEP_LOSS_LOST_FAULTS,
                "page faults were not followed, because there were too many at once: their pages "
                "are in no stack, or in one that touched others beside them"},
    LossMeaning{SEEP_LOSS_LOST_MAPPING_CALLS,
                "calls that map or unmap memory were not followed, because there were too many at "
                "once: what they mapped is in no stack, and was then counted as from earlier"},
};

std::string process_name(const ProcessRecord& process) {
    return fmt::format("process {} ({})", process.pid, printable(process.command, longest_name));
}

void warn_of_losses(const RecordingContents& contents, std::vector<std::string>& warnings) {
    const Losses losses = sum_losses(contents);
    for (const LossMeaning& loss : loss_meanings)
        if (losses[loss.loss] > 0)
            warnings.push_back(fmt::format("{} ({}): {}", loss_name(loss.loss),
                                           format_count(losses[loss.loss]), loss.meaning));
}

void warn_of_silent_probes(const RecordingContents& contents, std::vector<std::string>& warnings) {
    if (!contents.info.sources.heap) return;
    const auto first = first_samples(contents);
    const auto last = last_samples(contents);
    for (std::size_t i = 0; i < contents.processes.size(); ++i) {
        if (last[i] == nullptr || last[i]->probe_hits > 0 || !last[i]->alive) continue;
        const double moved =
            static_cast<double>(last[i]->rss_bytes) - static_cast<double>(first[i]->rss_bytes);
        if (std::abs(moved) < moved_rss_bytes) continue;
        const ProcessRecord& process = contents.processes[i];
        warnings.push_back(fmt::format(
            "{}: no probe on {} was ever hit, but RSS changed by {}: its memory comes from "
            "elsewhere, such as an allocator of its own or one linked in without symbols, mmap "
            "called directly, or file pages",
            process_name(process),
            process.allocators.empty() ? "any allocator" : printable(process.allocators),
            format_bytes(moved)));
    }
}

void warn_of_unknown_costs(const RecordingContents& contents, std::vector<std::string>& warnings) {
    const auto unknown = [](const ProbeRecord& probe) {
        return probe.hits > 0 && probe.hit_cost_ps == 0;
    };
    if (std::ranges::any_of(contents.probes, unknown))
        warnings.emplace_back(
            "what a probe hit costs could not be measured: the overhead is not known");
}

void warn_of_ends(const RecordingContents& contents, std::vector<std::string>& warnings) {
    const std::int64_t end = contents.snapshots[contents.window.last].time_ns;
    const bool given_back = !gone_processes(contents).empty();
    std::size_t ended = 0;
    for (const ProcessRecord& process : contents.processes) {
        if (process.ended_ns == 0 || process.ended_ns > end) continue;
        if (++ended > most_ends_named) continue;
        const std::chrono::nanoseconds after(
            std::max<std::int64_t>(process.ended_ns - contents.snapshots.front().time_ns, 0));
        warnings.push_back(fmt::format(
            "{} ended at {}, {} after the recording's start: {}", process_name(process),
            format_rfc3339(process.ended_ns), format_duration(after),
            given_back ? "what it held then counts as freed; to see it, end the window before that"
                       : "live is what it held then"));
    }
    if (ended > most_ends_named)
        warnings.push_back(fmt::format("{} more processes ended", ended - most_ends_named));
}

}  // namespace

std::vector<const ProcessSample*> last_samples(const RecordingContents& contents) {
    std::unordered_map<ProcessId, const ProcessSample*> last;
    for (std::size_t i = 0; i <= contents.window.last; ++i)
        for (const ProcessSample& sample : contents.snapshots[i].processes)
            last[sample.process] = &sample;
    std::vector<const ProcessSample*> samples;
    for (const ProcessRecord& process : contents.processes) samples.push_back(last[process.id]);
    return samples;
}

std::vector<const ProcessSample*> first_samples(const RecordingContents& contents) {
    std::unordered_map<ProcessId, const ProcessSample*> first;
    for (std::size_t i = 0; i <= contents.window.last; ++i)
        for (const ProcessSample& sample : contents.snapshots[i].processes)
            first.emplace(sample.process, &sample);
    std::vector<const ProcessSample*> samples;
    for (const ProcessRecord& process : contents.processes) samples.push_back(first[process.id]);
    return samples;
}

Losses sum_losses(const RecordingContents& contents) {
    Losses sum{};
    for (const ProcessSample* sample : last_samples(contents))
        for (std::size_t loss = 0; sample != nullptr && loss < sum.size(); ++loss)
            sum[loss] += sample->losses[loss];
    return sum;
}

std::vector<std::string> report_warnings(const RecordingContents& contents) {
    std::vector<std::string> warnings;
    if (contents.window.snapshots() < 2)
        warnings.emplace_back(
            "there is only one snapshot: live bytes are shown, growth cannot be; record for longer "
            "or with a shorter --interval");
    warn_of_ends(contents, warnings);
    warn_of_silent_probes(contents, warnings);
    warn_of_losses(contents, warnings);
    warn_of_unknown_costs(contents, warnings);
    return warnings;
}

}  // namespace seep
