// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/collection.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "analysis/growth.h"
#include "analysis/survival.h"
#include "base/text.h"

namespace seep {

namespace {

/// Of the window: what was freed after that time and is as old was not in flight.
constexpr double part = 0.25;
/// Libraries of interpreters with an old generation.
constexpr std::array<std::string_view, 3> generational{"libR.so", "libruby", "libjulia"};
/// What the threads of the JVM's compiler begin with.
constexpr std::string_view compiler = "CompileBroker::";
/// Of a stack's blocks, what must have been freed for the others to wait for it as well.
constexpr double some_collected = 0.1;
/// Fewer frees are those of single objects.
constexpr double least_frees = 10;

/// Deaths of blocks that had lived for so long at least.
double deaths_from(const Lifetimes& lifetimes, double seconds) {
    double deaths = 0;
    for (std::size_t bin = 1; bin < lifetimes.size(); ++bin)
        if (bin_start(bin) >= seconds) deaths += static_cast<double>(lifetimes[bin]);
    return deaths;
}

bool is_generated(const ObjectRecord& object) {
    return object.kind == ObjectKind::anonymous;
}

bool has_old_generation(const ObjectRecord& object) {
    return begins_with_any(std::string_view(object.path).substr(object.path.rfind('/') + 1),
                           generational);
}

/// Whether any of its code is in an object that `is_meant` says.
template <typename Meant>
bool comes_through(const StackRecord& stack, const RecordingContents& contents, Meant is_meant) {
    return std::ranges::any_of(stack.locations, [&](LocationId id) {
        const auto object = contents.objects.find(contents.locations.at(id).object);
        return object != contents.objects.end() && is_meant(object->second);
    });
}

bool is_of_compiler(const StackRecord& stack, const RecordingContents& contents) {
    return std::ranges::any_of(stack.locations, [&](LocationId id) {
        return std::ranges::any_of(contents.locations.at(id).frames, [](const FrameRecord& frame) {
            return frame.function.starts_with(compiler);
        });
    });
}

double earlier_blocks_freed(const SnapshotRecord& snapshot) {
    double frees = 0;
    for (const ProcessSample& sample : snapshot.processes)
        frees += static_cast<double>(sample.losses[SEEP_LOSS_UNMATCHED_FREES]);
    return frees;
}

}  // namespace

bool comes_through_generated_code(const StackRecord& stack, const RecordingContents& contents) {
    return comes_through(stack, contents, is_generated);
}

bool collection_seen(const std::vector<MergedStack>& stacks, const RecordingContents& contents) {
    const Window& window = contents.window;
    const double seconds = part * window_seconds(contents.snapshots, window);
    double frees = 0;
    for (const MergedStack& stack : stacks)
        if (comes_through(stack.record, contents, [](const ObjectRecord& object) {
                return is_generated(object) || has_old_generation(object);
            }))
            frees += deaths_from(stack.lifetimes, seconds);
    const SnapshotRecord& last = contents.snapshots[window.last];
    // Sampled, or with probes that come and go, others are not followed, too.
    if (contents.info.sampling_bytes == 0 && last.unobserved_ns == 0) {
        const auto after =
            static_cast<double>(window.snapshots() - 1) * part + static_cast<double>(window.first);
        const auto quarter = static_cast<std::size_t>(after);
        frees += earlier_blocks_freed(last) - earlier_blocks_freed(contents.snapshots[quarter]);
    }
    return frees >= least_frees;
}

void temper_by_collection(std::span<ReportStack> reported, const std::vector<MergedStack>& stacks,
                          const RecordingContents& contents, bool collected) {
    // Of what was freed between windows, nothing is known.
    const bool all_seen = contents.snapshots[contents.window.last].unobserved_ns == 0;
    const auto awaits_collection = [&](const MergedStack& stack) {
        return all_seen && !collected &&
               static_cast<double>(stack.totals.freed_count) >=
                   some_collected * static_cast<double>(stack.totals.allocated_count) &&
               comes_through(stack.record, contents, has_old_generation);
    };
    for (std::size_t i = 0; i < stacks.size(); ++i) {
        ReportStack& stack = reported[i];
        if (stack.verdict != Verdict::leak && !stack.seen_to_leak) continue;
        if (is_of_compiler(stacks[i].record, contents))
            stack.reason +=
                "; but the runtime's compiler made it, and keeps it as long as the code: a program "
                "that is still being compiled looks the same";
        else if (awaits_collection(stacks[i]))
            stack.reason +=
                "; but a collector frees its blocks, and was not seen to free any that were as "
                "old: what it keeps until it collects everything looks the same";
        else
            continue;
        stack.verdict = Verdict::growing;
        stack.seen_to_leak = false;
    }
}

}  // namespace seep
