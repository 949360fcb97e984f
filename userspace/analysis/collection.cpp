// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/collection.h"

#include <algorithm>

#include "analysis/growth.h"
#include "analysis/survival.h"

namespace seep {

namespace {

/// Of the window: what was freed after that time and is as old was not in flight.
constexpr double part = 0.25;
/// Fewer frees are those of single objects.
constexpr double least_frees = 10;

/// Deaths of blocks that had lived for so long at least.
double deaths_from(const Lifetimes& lifetimes, double seconds) {
    double deaths = 0;
    for (std::size_t bin = 1; bin < lifetimes.size(); ++bin)
        if (bin_start(bin) >= seconds) deaths += static_cast<double>(lifetimes[bin]);
    return deaths;
}

double earlier_blocks_freed(const SnapshotRecord& snapshot) {
    double frees = 0;
    for (const ProcessSample& sample : snapshot.processes)
        frees += static_cast<double>(sample.losses[SEEP_LOSS_UNMATCHED_FREES]);
    return frees;
}

}  // namespace

bool comes_through_generated_code(const StackRecord& stack, const RecordingContents& contents) {
    return std::ranges::any_of(stack.locations, [&](LocationId id) {
        const auto object = contents.objects.find(contents.locations.at(id).object);
        return object != contents.objects.end() && object->second.kind == ObjectKind::anonymous;
    });
}

bool collection_seen(const std::vector<MergedStack>& stacks, const RecordingContents& contents) {
    const Window& window = contents.window;
    const double seconds = part * window_seconds(contents.snapshots, window);
    double frees = 0;
    for (const MergedStack& stack : stacks)
        if (comes_through_generated_code(stack.record, contents))
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

}  // namespace seep
