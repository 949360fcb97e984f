// SPDX-License-Identifier: GPL-2.0-only
#include "drain/probe_meter.h"

#include <algorithm>
#include <vector>

namespace seep {

void TargetWork::add(const TargetWork& more) {
    cpu_ns += more.cpu_ns;
    cost_ns += more.cost_ns;
    passing_ns += more.passing_ns;
    if (more.following_ns > 0) following_ns = more.following_ns;
    allocations += more.allocations;
    bytes += more.bytes;
}

TargetWork ProbeMeter::read(const KernelObject& kernel,
                            std::span<const Attachment* const> attachments,
                            const seep_process_totals& kept, std::optional<std::uint64_t> cpu_ns,
                            const ProbeCosts& costs) {
    std::vector<ProbeHits> hits;
    for (const Attachment* attachment : attachments) {
        for (const AttachedProbe& probe : attachment->probes()) {
            std::uint64_t& last = hits_by_slot_[probe.slot];
            const std::uint64_t now = probe_hits(kernel, probe.slot).value_or(last);
            if (now <= last) continue;
            hits.push_back({probe.plan.entry.kind, probe.plan.exit, now - last});
            hits_ += now - last;
            last = now;
        }
    }
    const std::uint64_t followed = kept.followed_count - last_.followed_count;
    const std::uint64_t frames = kept.walked_frames - last_.walked_frames;
    if (followed > 0) usual_frames_ = static_cast<double>(frames) / static_cast<double>(followed);
    const std::uint64_t now = cpu_ns.value_or(last_cpu_ns_.value_or(0));
    const auto used_ns = static_cast<double>(now - std::min(last_cpu_ns_.value_or(now), now));
    last_cpu_ns_ = now;
    const WorkCost cost = cost_of({hits, followed, frames, used_ns}, costs, usual_frames_);
    const TargetWork work{.cpu_ns = used_ns,
                          .cost_ns = cost.total_ns,
                          .passing_ns = cost.passing_ns,
                          .following_ns = cost.following_ns,
                          .allocations = allocated_count(kept) - allocated_count(last_),
                          .bytes = kept.allocated_bytes - last_.allocated_bytes};
    last_ = kept;
    return work;
}

}  // namespace seep
