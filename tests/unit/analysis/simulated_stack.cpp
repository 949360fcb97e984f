// SPDX-License-Identifier: GPL-2.0-only
#include "simulated_stack.h"

#include <algorithm>
#include <bit>

namespace seep {

namespace {

constexpr std::int64_t start_ns = 1'763'662'000'000'000'000;

struct Moment {
    double time;
    const SimulatedBlock* block;
    bool birth;
};

/// The ledger's arithmetic (bpf/ledger.bpf.h).
class Ledger {
 public:
    void count(const Moment& moment) {
        const SimulatedBlock& block = *moment.block;
        const std::uint64_t squares = (block.bytes * block.bytes + 255) >> 8;
        if (moment.birth) {
            ++totals_.allocated_count;
            totals_.allocated_bytes += block.bytes;
            totals_.allocated_squares += squares;
            born_ += block.born;
            return;
        }
        ++freed_;
        if (block.born < 0) return;
        ++totals_.freed_count;
        totals_.freed_bytes += block.bytes;
        totals_.freed_squares += squares;
        born_ -= block.born;
        const auto us = static_cast<std::uint64_t>((block.died - block.born) * 1e6);
        ++lifetimes_[std::min<std::size_t>(std::bit_width(us), SEEP_LIFETIME_BUCKETS - 1)];
    }

    [[nodiscard]] Totals totals() const {
        Totals result = totals_;
        if (result.live_count() > 0)
            result.mean_birth_us = static_cast<std::uint64_t>(
                std::max(0.0, born_ / static_cast<double>(result.live_count()) * 1e6));
        return result;
    }
    [[nodiscard]] const Lifetimes& lifetimes() const { return lifetimes_; }
    [[nodiscard]] std::uint64_t freed() const { return freed_; }

 private:
    Totals totals_;
    Lifetimes lifetimes_{};
    double born_ = 0;
    std::uint64_t freed_ = 0;
};

std::vector<Moment> moments_of(const std::vector<SimulatedBlock>& blocks, double end) {
    std::vector<Moment> moments;
    for (const SimulatedBlock& block : blocks) {
        if (block.born >= 0 && block.born <= end) moments.push_back({block.born, &block, true});
        if (block.died > 0 && block.died <= end) moments.push_back({block.died, &block, false});
    }
    std::ranges::stable_sort(moments, {}, &Moment::time);
    return moments;
}

}  // namespace

void add_blocks(std::vector<SimulatedBlock>& blocks, const Source& source, Random& random) {
    // A Poisson process of varying rate: one of the highest rate, thinned.
    std::exponential_distribution<double> gap(source.most);
    std::uniform_real_distribution<double> uniform;
    std::uniform_int_distribution<std::uint64_t> size(2, 10);
    for (double t = source.from + gap(random); t < source.to; t += gap(random)) {
        if (uniform(random) * source.most > source.rate(t)) continue;
        blocks.push_back({t, t + source.life(t, random), 16 * size(random)});
    }
}

RecordingContents simulated_contents(const std::vector<std::vector<SimulatedBlock>>& groups,
                                     const SimulatedWindow& window) {
    RecordingContents contents;
    contents.info.sampling_asked = "exact";
    contents.info.started_ns = start_ns;
    contents.info.interval_ns = static_cast<std::uint64_t>(
        window.seconds / static_cast<double>(window.snapshots - 1) * 1e9);
    contents.window = {0, window.snapshots - 1};
    ProcessRecord process;
    process.id = ProcessId(1);
    process.started_ns = start_ns;
    contents.processes = {process};
    for (std::size_t i = 0; i < window.snapshots; ++i) {
        const double time =
            window.seconds * static_cast<double>(i) / static_cast<double>(window.snapshots - 1);
        ProcessSample sample;
        sample.process = ProcessId(1);
        sample.cpu_ns = static_cast<std::uint64_t>(time / 2 * 1e9);
        sample.probe_hits = 1;
        SnapshotRecord& snapshot = contents.snapshots.emplace_back();
        snapshot.time_ns = start_ns + static_cast<std::int64_t>(time * 1e9);
        snapshot.processes = {sample};
    }
    for (const std::vector<SimulatedBlock>& group : groups) {
        StackHistory stack;
        stack.record.id = StackId(contents.stacks.size() + 1);
        stack.record.process = ProcessId(1);
        // Code of its own: stacks that are alike would be one.
        const LocationId location(static_cast<std::uint32_t>(stack.record.id.value));
        contents.locations[location] = {location, {}, stack.record.id.value, true, true, {}};
        stack.record.locations = {location};
        const std::vector<Moment> moments = moments_of(group, window.seconds);
        Ledger ledger;
        auto next = moments.begin();
        for (std::size_t i = 0; i < window.snapshots; ++i) {
            SnapshotRecord& snapshot = contents.snapshots[i];
            const double time = static_cast<double>(snapshot.time_ns - start_ns) / 1e9;
            for (; next != moments.end() && next->time <= time; ++next) ledger.count(*next);
            const Totals totals = ledger.totals();
            if (i == 0) stack.at_start = totals;
            stack.live.push_back({i, totals.live_bytes(), totals.live_bytes(), totals.live_count(),
                                  totals.allocated_count,
                                  totals.allocated_squares - totals.freed_squares});
            snapshot.processes.front().freed_count += ledger.freed();
        }
        stack.at_end = ledger.totals();
        stack.lifetimes = ledger.lifetimes();
        contents.stacks.push_back(std::move(stack));
    }
    return contents;
}

RecordingContents simulated_contents(std::vector<SimulatedBlock> blocks,
                                     const SimulatedWindow& window) {
    const std::vector<std::vector<SimulatedBlock>> groups{std::move(blocks)};
    return simulated_contents(groups, window);
}

RecordingContents simulated_succession(const std::vector<SimulatedBlock>& blocks,
                                       const std::vector<double>& changes,
                                       const SimulatedWindow& window) {
    std::vector<std::vector<SimulatedBlock>> groups(changes.size() + 1);
    for (const SimulatedBlock& block : blocks)
        groups[static_cast<std::size_t>(std::ranges::upper_bound(changes, block.born) -
                                        changes.begin())]
            .push_back(block);
    RecordingContents contents = simulated_contents(groups, window);
    std::uint32_t last = 1000;
    const auto add_location = [&](const char* function) {
        const LocationId id(++last);
        contents.locations[id] = {id, {}, last, true, true, {{.function = function}}};
        return id;
    };
    const LocationId allocator = add_location("malloc");
    const LocationId call = add_location("new_buffer");
    const std::vector<LocationId> callers = {add_location("handle"), add_location("loop"),
                                             add_location("main"),
                                             add_location("__libc_start_call_main")};
    for (StackHistory& stack : contents.stacks) {
        stack.record.locations.insert(stack.record.locations.begin(), {allocator, call});
        stack.record.locations.insert(stack.record.locations.end(), callers.begin(), callers.end());
    }
    return contents;
}

}  // namespace seep
