// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Reads the kernel's maps: the totals that changed since the last reading, the stacks that are new,
// and what is kept a process and a probe. Batched, so that the cost is a few system calls for
// thousands of stacks; the outstanding allocations themselves it never reads.
//
// Counters are read while programs add to them: within one stack, a block that is born and freed
// during the read may show as freed only; it is then taken as not there yet. Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "drain/snapshot.h"
#include "drain/stack_folds.h"
#include "kernel/kernel_object.h"
#include "unwind/space_sync.h"

namespace seep {

/// A stack as the kernel keeps it: by slot, not yet by process image.
struct KernelStack {
    StackId id;
    std::uint32_t process_slot = 0;
    StackEnd end = StackEnd::complete;
    std::vector<std::uint64_t> addresses;
};

/// One that holds something.
struct HeldStack {
    KernelStack stack;
    std::uint64_t blocks = 0;
    double weight = 1;  ///< As many as one that was followed stands for.
};

struct KernelReading {
    std::vector<KernelStack> new_stacks;
    std::vector<StackTotals> changed;
};

class KernelReader {
 public:
    /// `kernel` must outlive the reader.
    explicit KernelReader(KernelObject& kernel);

    Result<KernelReading> read_stacks();
    /// What the kernel has and will have under the id of a deferred walk is of this stack, which
    /// the kernel gets to know as well if it is new. False if it has no room for that.
    bool fold(StackId deferred, const WalkedStack& walked);
    /// The stack that a block's id stands for; none if its walk is still to be done.
    [[nodiscard]] StackId stack_of(StackId id) const { return StackId(folds_.stack_of(id.value)); }
    /// Whether read_stacks() has told of it.
    [[nodiscard]] bool has_read(StackId stack) const { return seen_.contains(stack.value); }
    /// The id of a deferred walk that nothing will be known of.
    void forget_deferred(StackId deferred);
    /// What is held now lapses: the probes have been taken away. Later readings say so.
    Result<void> lapse();
    /// Of the stacks some of whose blocks were seen freed, or of the others, so many that held most
    /// bytes when they last lapsed.
    [[nodiscard]] std::vector<HeldStack> most_lapsed(bool any_freed, std::size_t count) const;
    /// Of the stacks none of whose blocks was seen freed, so many that hold most bytes as of the
    /// last reading.
    [[nodiscard]] std::vector<HeldStack> most_held(std::size_t count) const;
    /// Exact totals and losses of a process slot, over all CPUs.
    Result<seep_process> read_process(std::uint32_t process_slot) const;
    /// Drops stacks from kernel and reader, once their process is gone and its slot is to be
    /// reused.
    void forget(const std::vector<StackId>& stacks);

 private:
    /// What tells whether anything happened at a stack.
    struct Seen {
        std::uint64_t allocated = 0;  ///< 48.16
        std::uint64_t freed = 0;
        std::uint64_t allocated_bytes = 0;
    };

    /// What was held when the probes were last taken away, those included whose end was seen since.
    struct Lapsed {
        std::uint64_t count = 0;  ///< 48.16
        std::uint64_t bytes = 0;
        bool any_freed = false;
        bool told = true;  ///< A reading has said so.
    };

    /// With the parts of each stack added up.
    template <typename Function>
    Result<void> for_each_totals(Function&& function);
    /// Empty if it is not there yet.
    [[nodiscard]] std::optional<KernelStack> stack_at(std::uint64_t id) const;
    void take(std::uint64_t id, const seep_totals& raw, KernelReading& reading);
    struct Held {
        std::uint64_t bytes = 0;
        std::uint64_t count = 0;  ///< 48.16
        std::uint64_t id = 0;
    };
    [[nodiscard]] double weight_of(const Held& held) const;
    [[nodiscard]] std::vector<HeldStack> most_of(std::vector<Held> held, std::size_t count) const;

    void drop_deferred(const std::vector<std::uint64_t>& ids);

    KernelObject* kernel_;
    StackFolds folds_;
    std::unordered_map<std::uint64_t, Seen> seen_;
    std::unordered_map<std::uint64_t, Lapsed> lapsed_;
    std::vector<std::uint64_t> keys_;
    std::vector<seep_totals> values_;
    std::size_t last_changed_ = 0;  ///< So many stacks at the last reading: room for the next.
};

/// The kernel's fixed-point counters as whole numbers. Pure.
StackTotals stack_totals(StackId id, const seep_totals& raw);

}  // namespace seep
