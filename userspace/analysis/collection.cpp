// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/collection.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>

#include "analysis/claims.h"
#include "analysis/growth.h"
#include "analysis/survival.h"
#include "base/text.h"

namespace seep {

namespace {

/// Of the window: what was freed after that time and is as old was not in flight.
constexpr double part = 0.25;
/// Libraries of interpreters with an old generation.
constexpr std::array<std::string_view, 3> generational{"libR.so", "libruby", "libjulia"};
/// And what the functions of one begin with that is a part of many programs.
constexpr std::string_view v8 = "v8::internal::";
/// What the threads of the JVM's compiler begin with.
constexpr std::string_view compiler = "CompileBroker::";
/// Fewer frees are those of single objects.
constexpr double least_frees = 10;
/// Of an interpreter's frees, those of its objects; fewer are of its own tables and stacks.
constexpr double least_of_frees = 0.05;

/// Deaths of blocks that had lived for so long at least.
double deaths_from(const Lifetimes& lifetimes, double seconds) {
    double deaths = 0;
    for (std::size_t bin = 1; bin < lifetimes.size(); ++bin)
        if (bin_start(bin) >= seconds) deaths += static_cast<double>(lifetimes[bin]);
    return deaths;
}

/// Of blocks that were looked at again, those that were there at such an age, and gone later.
double gone_from(const StackRevisits& revisits, double seconds) {
    Looks all = revisits.sure;
    accumulate(all, revisits.vague);
    const auto share = [&](std::size_t bin) {
        return static_cast<double>(all.gone[bin]) / static_cast<double>(all.looked[bin]);
    };
    double gone = 0;
    for (std::size_t bin = 1; bin + 1 < all.looked.size(); ++bin)
        if (bin_start(bin) >= seconds && all.looked[bin] > 0 && all.looked[bin + 1] > 0)
            gone += static_cast<double>(all.looked[bin + 1]) * (share(bin + 1) - share(bin));
    return gone;
}

bool has_old_generation(const ObjectRecord& object) {
    return begins_with_any(std::string_view(object.path).substr(object.path.rfind('/') + 1),
                           generational);
}

bool is_generated(const ObjectRecord& object) {
    return object.kind == ObjectKind::anonymous;
}

/// The innermost of its code that is in an object that `is_meant` says.
template <typename Meant>
auto first_through(const StackRecord& stack, const RecordingContents& contents, Meant is_meant) {
    return std::ranges::find_if(stack.locations, [&](LocationId id) {
        const auto object = contents.objects.find(contents.locations.at(id).object);
        return object != contents.objects.end() && is_meant(object->second);
    });
}

template <typename Meant>
bool comes_through(const StackRecord& stack, const RecordingContents& contents, Meant is_meant) {
    return first_through(stack, contents, is_meant) != stack.locations.end();
}

bool comes_through(const StackRecord& stack, const RecordingContents& contents,
                   std::string_view functions) {
    return std::ranges::any_of(stack.locations, [&](LocationId id) {
        return std::ranges::any_of(contents.locations.at(id).frames, [&](const FrameRecord& frame) {
            return frame.function.starts_with(functions);
        });
    });
}

double earlier_blocks_freed(const SnapshotRecord& snapshot) {
    double frees = 0;
    for (const ProcessSample& sample : snapshot.processes)
        frees += static_cast<double>(sample.losses[SEEP_LOSS_UNMATCHED_FREES]);
    return frees;
}

/// Frees of blocks from before attach after the first quarter. Sampled, or with probes that come
/// and go, others are not followed, too: nothing is known, then.
double earlier_blocks_freed(const RecordingContents& contents) {
    const Window& window = contents.window;
    const SnapshotRecord& last = contents.snapshots[window.last];
    if (contents.info.sampling_bytes != 0 || last.unobserved_ns != 0) return 0;
    const auto after =
        static_cast<double>(window.snapshots() - 1) * part + static_cast<double>(window.first);
    return earlier_blocks_freed(last) -
           earlier_blocks_freed(contents.snapshots[static_cast<std::size_t>(after)]);
}

/// Blocks that the same function of a runtime makes, by which it calls the allocator.
struct Kind {
    bool of_interpreter = false;
    double freed = 0;
    double freed_old = 0;
};
LocationId kind_of(const StackRecord& stack) {
    return stack.locations.at(std::min<std::size_t>(1, stack.locations.size() - 1));
}

}  // namespace

bool comes_through_generated_code(const StackRecord& stack, const RecordingContents& contents) {
    return comes_through(stack, contents, is_generated);
}

std::vector<LocationId> before_generated_code(const StackRecord& stack,
                                              const RecordingContents& contents) {
    const auto generated = first_through(stack, contents, is_generated);
    if (generated == stack.locations.end()) return {};
    return {stack.locations.begin(), generated};
}

std::vector<double> old_blocks_freed(const std::vector<MergedStack>& stacks,
                                     const RecordingContents& contents, double real_seconds) {
    const double seconds = window_seconds(contents.snapshots, contents.window);
    std::vector<double> frees;
    frees.reserve(stacks.size());
    for (const MergedStack& stack : stacks)
        frees.push_back(deaths_from(stack.lifetimes, part * seconds) +
                        gone_from(stack.revisits, part * real_seconds));
    return frees;
}

bool collection_seen(const std::vector<MergedStack>& stacks, const RecordingContents& contents,
                     std::span<const double> old_frees) {
    double frees = earlier_blocks_freed(contents);
    for (std::size_t i = 0; i < stacks.size(); ++i)
        if (comes_through_generated_code(stacks[i].record, contents) ||
            comes_through(stacks[i].record, contents, has_old_generation))
            frees += old_frees[i];
    return frees >= least_frees;
}

void judge_by_collection(std::span<ReportStack> reported, const std::vector<MergedStack>& stacks,
                         const RecordingContents& contents, std::span<const double> old_frees) {
    std::map<LocationId, Kind> kinds;
    double freed = 0;  // By an interpreter.
    for (std::size_t i = 0; i < stacks.size(); ++i) {
        const MergedStack& stack = stacks[i];
        Kind& kind = kinds[kind_of(stack.record)];
        const auto frees = static_cast<double>(stack.totals.freed_count);
        kind.freed += frees;
        kind.freed_old += old_frees[i];
        if (!comes_through(stack.record, contents, has_old_generation)) continue;
        kind.of_interpreter = true;
        freed += frees;
    }
    double freed_old = earlier_blocks_freed(contents);
    for (const auto& [location, kind] : kinds)
        if (kind.of_interpreter && kind.freed >= least_of_frees * freed)
            freed_old += kind.freed_old;
    const bool collected = freed_old >= least_frees;
    for (std::size_t i = 0; i < stacks.size(); ++i) {
        const StackRecord& stack = stacks[i].record;
        reported[i].awaits_collection =
            comes_through(stack, contents, v8)
                ? kinds.at(kind_of(stack)).freed_old < least_frees
                : !collected && comes_through(stack, contents, has_old_generation);
        if (reported[i].verdict != Verdict::leak && !reported[i].seen_to_leak) continue;
        if (!comes_through(stack, contents, compiler)) continue;
        reported[i].reason +=
            "; but the runtime's compiler made it, and keeps it as long as the code: a program "
            "that is still being compiled looks the same";
        reported[i].verdict = Verdict::growing;
        reported[i].seen_to_leak = false;
    }
}

void leave_open_until_collected(Report& report) {
    std::set<std::uint32_t> clusters;  // of which some does
    for (const ReportStack& stack : report.stacks)
        if (stack.awaits_collection && grows(stack)) clusters.insert(stack.evidence.cluster);
    clusters.erase(0);
    for (ReportStack& stack : report.stacks) {
        const bool awaits = stack.awaits_collection || clusters.contains(stack.evidence.cluster);
        if (stack.verdict != Verdict::leak || !awaits || stack.is_lost) continue;
        stack.reason +=
            "; but a collector frees its blocks, and was not seen to free any that were as old: "
            "what it keeps until it collects everything looks the same";
        stack.verdict = Verdict::growing;
    }
}

}  // namespace seep
