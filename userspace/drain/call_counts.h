// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// How often the calls are made that lead to what is held, in windows and between them. A target
// that the probes slow down does less in a window than in the same time without them, and what its
// work leaks grows by as much less. How much less, the calls tell that have made the stack: one of
// them is probed all the time, or in samples of it, by a probe that only counts.
//
//     malloc      <- new     <- insert   <- handle   <- main
//     hits/s        900,000      80,000       3,000        0
//                   too dear     too dear     counted
//
// Of each of the stacks that hold most, the innermost call is taken that costs next to nothing; it
// is found by trying. Of one none of whose blocks was ever freed, a call that is made hardly more
// often than it gets blocks is looked for further out: each of that one leaves some. What all of
// them cost together stays below an allowance: a call that takes more is counted for as much less
// of the time.
//
// Where allocations are sampled all the time, calls of stacks none of whose blocks was seen freed
// are counted for another reason: of a leak of few blocks next to none is sampled, while each of
// its calls leaves one. Not thread-safe.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "drain/kernel_reader.h"
#include "drain/snapshot.h"
#include "probes/attachment.h"

namespace seep {

struct TracedProcess;

class CallCounts {
 public:
    /// What the time is counted as.
    enum class Phase {
        none,        ///< Probes come or go, or nothing of it is wanted.
        observed,    ///< Allocations are recorded, in a window.
        sampled,     ///< Samples of them are, all the time; calls count as observed.
        unobserved,  ///< Only calls are counted.
    };
    /// Null for one that has ended.
    using ProcessOfSlot = std::function<const TracedProcess*(std::uint32_t)>;

    /// Both must outlive it.
    CallCounts(const KernelObject& kernel, ProbeSlots& slots) : kernel_(&kernel), slots_(&slots) {}

    /// Whose calls are to be counted from now on, too, if there is room: those that hold most.
    /// Those of whose blocks `any_freed` only as long as the pace of their process is not known: of
    /// the others each call leaves something, and it is worth to count their own.
    void choose(const std::vector<HeldStack>& stacks, bool any_freed);
    /// From now on. Into `observed`, all that is counted is put in place before (attach_all()).
    void enter(Phase phase);
    [[nodiscard]] Phase phase() const { return phase_; }
    void attach_all();
    /// Takes those away that are not to be counted all the time; or all.
    void detach_dear();
    void detach_all();
    /// In a pause, or while allocations are sampled: tries calls, and samples those that may not be
    /// counted all the time, for which it takes up to a fifth of a second. `hit_ns`: what a hit
    /// costs; `allowance`: the share of the targets' CPU time that all of them may take, or of
    /// least_governed_cpu at least.
    void tend(const ProcessOfSlot& process_of, double hit_ns, double allowance);
    /// Up to now, of all that is counted; of processes that have gone since, once.
    std::vector<CallCount> take();
    /// On a process, for what they cost.
    [[nodiscard]] std::vector<const Attachment*> attachments(std::uint32_t process_slot) const;
    /// Of a process that is gone.
    void forget(std::uint32_t process_slot);

 private:
    enum class State {
        kept,
        dear,  ///< Not counted, unless all that is further out never happens, and no other is kept.
        unusable,
    };
    struct Call {
        State state = State::unusable;
        std::unique_ptr<Attachment> attachment;  ///< Null if unusable.
        std::shared_ptr<const ObjectFile> object;
        bool attached = false;
        std::uint64_t hits = 0;  ///< When last read, at since_ns.
        std::int64_t since_ns = 0;
        double share = 0;           ///< Of its process's CPU time, that counting takes.
        double allowance = 0;       ///< Of the same, what it may.
        double credit_s = 0;        ///< Saved of that.
        bool only_for_pace = true;  ///< No stack's calls leave something each time.
        bool found = false;         ///< It is what was looked for, for some stack.
        CallCount count;

        [[nodiscard]] bool is_dear() const { return share > allowance; }
    };
    using Key = std::pair<std::uint32_t, std::uint64_t>;  ///< Process slot and frame.

    /// Of a call, and of the stack that it may lead to, at a moment.
    struct Then {
        CallCount count;
        std::uint64_t blocks = 0;
    };
    struct Counted {
        std::uint64_t calls = 0;
        std::uint64_t ns = 0;
    };
    /// A stack that a call is looked for.
    struct Wanted {
        StackId stack;
        std::uint32_t process_slot = 0;
        std::uint64_t blocks = 0;           ///< That it held when last chosen.
        double weight = 1;                  ///< Of those, for one that was followed.
        std::vector<std::uint64_t> frames;  ///< From the one it is at, outwards.
        Then at_frame;                      ///< When it came to that.
        std::uint64_t dear = 0;             ///< The last frame that was; 0: none was.
        std::uint64_t frequent = 0;  ///< The first one that is counted, but made too often; or 0.
        bool only_for_pace = false;
        double blocks_a_call = 0;  ///< That it gets, of that one.
        bool found = false;
    };
    /// How a call serves a stack.
    enum class Use { counted, wait, further_out };

    struct CpuTime {
        std::uint64_t used_ns = 0;  ///< Up to read_ns.
        std::int64_t read_ns = 0;
        double a_second = 0;  ///< Nanoseconds; 0: not known yet.
    };

    void account();
    void read(Call& call, std::int64_t now_ns);
    void begin(const Key& key, const TracedProcess& process, double hit_ns, Call& call);
    void look_for(Wanted& wanted, const ProcessOfSlot& process_of, double hit_ns, int& trials);
    [[nodiscard]] Use use_of(const Call& call, const Wanted& wanted) const;
    void settle(Wanted& wanted, std::uint64_t frame);
    void pass(Wanted& wanted, Call& call, std::uint64_t frame);
    [[nodiscard]] bool knows_pace(std::uint32_t process_slot) const;
    void read_cpu(const ProcessOfSlot& process_of, std::int64_t now_ns);
    void allot(double allowance);
    double allot(double allowance, bool only_for_pace);
    [[nodiscard]] Counted at_usual_pace(const CallCount& count) const;
    void weigh(double hit_ns);
    void spend(double elapsed_s);
    void attach(Call& call);
    template <typename Which>
    void detach_if(Which which);

    const KernelObject* kernel_;
    ProbeSlots* slots_;
    Phase phase_ = Phase::none;
    std::map<Key, Call> calls_;
    std::vector<Wanted> wanted_;
    std::map<StackId, std::uint32_t> chosen_;  ///< With their process slots.
    std::vector<CallCount> ended_;  ///< Of processes that are gone, until they are taken.
    std::int64_t tended_ns_ = 0;
    bool blocks_are_new_ = false;           ///< Chosen since it was tended last.
    std::map<std::uint32_t, CpuTime> cpu_;  ///< By process slot.
    std::minstd_rand random_;
};

}  // namespace seep
