// SPDX-License-Identifier: GPL-2.0-only
#include "probes/calibration.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "bpf/wire.h"
#include "probes/attachment.h"
#include "probes/calibration_code.h"
#include "probes/calibration_unwinding.h"
#include "probes/calibration_work.h"

namespace seep {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t own_process_slot = OwnUnwinding::process_slot;
constexpr std::size_t block_bytes = 64;
/// Calls between two looks at the clock: enough for the clock not to count, few enough for most
/// batches not to be interrupted.
constexpr std::size_t batch = 16;
constexpr std::size_t most_rounds = 64;
constexpr std::size_t fewest_rounds = 5;
constexpr std::size_t frame_rounds = 16;
constexpr std::size_t cold_rounds = 300;
constexpr std::chrono::milliseconds patience{9};  ///< For all kinds of instructions.

constexpr SiteKind kinds[] = {SiteKind::nop5, SiteKind::emulated, SiteKind::single_stepped};
constexpr ExitProbe exits[] = {ExitProbe::none, ExitProbe::return_probe, ExitProbe::at_returns};

constexpr AllocatorFunction releasing{.name = "release", .role = Role::free, .pointer = 1};
constexpr AllocatorFunction allocating{.name = "allocate", .role = Role::allocate, .size = 1};
constexpr AllocatorFunction throwing{
    .name = "allocate or throw", .role = Role::allocate, .size = 1, .may_throw = true};

const AllocatorFunction& function_seen_by(ExitProbe exit) {
    switch (exit) {
        case ExitProbe::none:
            return releasing;
        case ExitProbe::return_probe:
            return allocating;
        case ExitProbe::at_returns:
            break;
    }
    return throwing;
}

/// What is added to the addresses of the program's file to get those in memory.
std::uintptr_t own_bias() {
    std::uintptr_t bias = 0;
    dl_iterate_phdr(  // the program itself comes first
        [](dl_phdr_info* info, std::size_t, void* result) {
            *static_cast<std::uintptr_t*>(result) = info->dlpi_addr;
            return 1;
        },
        &bias);
    return bias;
}

Result<ObjectFile> open_own_program() {
    UniqueFd fd(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    if (!fd) return errno_error("cannot open seep's own program");
    return ObjectFile::open(std::move(fd), "/proc/self/exe", {});
}

std::optional<ProbeSite> own_site(const ObjectFile& object, std::uintptr_t address, SiteKind kind) {
    const std::uint64_t in_object = address - own_bias();
    const auto offset = object.offset_of_address(in_object);
    if (!offset) return std::nullopt;
    return ProbeSite{in_object, *offset, kind};
}

/// One plan a function, kinds in the order of `kinds` and within them exits in that of `exits`.
Result<std::vector<ProbePlan>> own_plans(const ObjectFile& object) {
    std::vector<ProbePlan> plans;
    for (const SiteKind kind : kinds) {
        for (const ExitProbe exit : exits) {
            const CalibrationFunction code = calibration_function(kind, exit);
            const AllocatorFunction& function = function_seen_by(exit);
            const auto entry = own_site(object, code.entry, kind);
            const auto ret = own_site(object, code.ret, SiteKind::single_stepped);
            if (!entry || !ret)
                return Error{ErrorKind::failed, "seep's own code is not in /proc/self/exe", {}};
            plans.push_back(
                {{&function, std::string(function.name), entry->address, 0, {}},
                 *entry,
                 exit,
                 exit == ExitProbe::at_returns ? std::vector{*ret} : std::vector<ProbeSite>{},
                 {}});
        }
    }
    return plans;
}

double median(std::vector<double>& values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

/// The times of batches of calls of one function.
class Timing {
 public:
    /// `first`: the block of the first call; the others follow on it.
    template <typename Call>
    void add_batch(std::uintptr_t first, const Call& call) {
        const auto start = Clock::now();
        for (std::size_t i = 0; i < batch; ++i) call(first + i * block_bytes);
        batches_.push_back(std::chrono::duration<double, std::nano>(Clock::now() - start).count());
    }
    [[nodiscard]] std::size_t calls() const { return batches_.size() * batch; }
    /// The median, so that a batch that was interrupted does not count.
    [[nodiscard]] double call_ns() { return median(batches_) / batch; }

 private:
    std::vector<double> batches_;
};

/// A block that nobody ever looks into.
void* block_at(std::uintptr_t address) {
    return reinterpret_cast<void*>(address);  // NOLINT(performance-no-int-to-ptr)
}

/// By kind and exit.
using AllTimings = std::array<std::array<Timing, std::size(exits)>, std::size(kinds)>;

/// Allocates and frees until there are enough times. All kinds take turns, so that what slows the
/// machine for a while slows all of them. Each block has an address of its own, as the ledger's
/// memory is in the cache for few of a real program's blocks.
AllTimings time_all_calls() {
    AllTimings timings;
    std::uintptr_t block = block_bytes;
    const auto run = [&](std::size_t kind, ExitProbe exit) {
        const CalibrationFunction function = calibration_function(kinds[kind], exit);
        timings[kind][static_cast<std::size_t>(exit)].add_batch(block, [&](std::uintptr_t address) {
            function.call(exit == ExitProbe::none ? address : block_bytes, block_at(address));
        });
    };
    const auto deadline = Clock::now() + patience;
    for (std::size_t round = 0;
         round < fewest_rounds || (round < most_rounds && Clock::now() < deadline); ++round) {
        for (std::size_t kind = 0; kind < std::size(kinds); ++kind) {
            for (const ExitProbe allocate : {ExitProbe::return_probe, ExitProbe::at_returns}) {
                run(kind, allocate);
                run(kind, ExitProbe::none);
                block += batch * block_bytes;
            }
        }
    }
    return timings;
}

/// How long a block lives and dies from so many frames down the stack.
double time_pair_from(std::size_t depth) {
    const CalibrationStack stack = calibration_stack();
    const auto allocate = calibration_function(SiteKind::emulated, ExitProbe::return_probe).call;
    const auto release = calibration_function(SiteKind::emulated, ExitProbe::none).call;
    Timing timing;
    for (std::size_t round = 0; round < frame_rounds; ++round) {
        timing.add_batch(block_bytes, [&](std::uintptr_t address) {
            stack.descend(depth, allocate, block_bytes, block_at(address));
            release(address, nullptr);
        });
    }
    return timing.call_ns();
}

/// What each frame adds to that.
double time_frame() {
    constexpr std::size_t deep = 32;
    return (time_pair_from(deep) - time_pair_from(0)) / deep;
}

/// What a call takes longer after other work, whatever it takes by itself. Each time by itself, as
/// the two that are compared must come close together: what a processor does in a microsecond
/// changes with its neighbours.
Result<double> time_coming_back(double call_ns) {
    auto work = OtherWork::prepare();
    if (!work) return work.error();
    const auto release = calibration_function(SiteKind::emulated, ExitProbe::none).call;
    std::vector<double> more;
    const auto time = [&](bool with_call, std::uintptr_t block) {
        const auto start = Clock::now();
        work->do_some();
        if (with_call) release(block, nullptr);
        work->do_some();
        return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
    };
    for (std::size_t round = 1; round <= cold_rounds; ++round) {
        const double before = time(false, 0);
        const double with = time(true, round * block_bytes);
        more.push_back(with - (before + time(false, 0)) / 2);
    }
    return std::max(0.0, median(more) - call_ns);
}

/// Taking probes away makes the kernel wait until no program runs any more, for each link or perf
/// event some 50 ms. Nobody calls the functions meanwhile, so that is left to this thread. It is
/// waited for at exit: the kernel leaks an uprobe whose removal a fatal signal interrupts.
std::jthread& background() {
    static std::jthread thread;
    return thread;
}

/// The probes on seep itself.
class OwnProbes {
 public:
    static Result<OwnProbes> attach(const KernelObject& kernel) {
        const auto object = open_own_program();
        if (!object) return object.error();
        const auto plans = own_plans(*object);
        if (!plans) return plans.error();
        auto slots = std::make_unique<ProbeSlots>();
        auto attachment =
            Attachment::attach(kernel, getpid(), own_process_slot, *object, *plans, *slots);
        if (!attachment) return attachment.error();
        if (!attachment->skipped().empty())
            return Error{ErrorKind::failed, attachment->skipped().front(), {}};
        return OwnProbes(std::move(slots), std::move(*attachment));
    }
    OwnProbes(OwnProbes&&) = default;
    OwnProbes& operator=(OwnProbes&&) = delete;
    ~OwnProbes() {
        if (!slots_) return;
        background() =
            std::jthread([slots = std::move(slots_),
                          attachment = std::move(attachment_)]() mutable { attachment.detach(); });
    }

    [[nodiscard]] Result<std::uint64_t> hits(const KernelObject& kernel, std::size_t kind,
                                             std::size_t exit) const {
        const AttachedProbe& probe = attachment_.probes()[kind * std::size(exits) + exit];
        return probe_hits(kernel, probe.slot);
    }

 private:
    OwnProbes(std::unique_ptr<ProbeSlots> slots, Attachment attachment)
        : slots_(std::move(slots)), attachment_(std::move(attachment)) {}

    std::unique_ptr<ProbeSlots> slots_;
    Attachment attachment_;
};

/// By kind and exit.
using AllCosts = std::array<std::array<ProbeCost, std::size(exits)>, std::size(kinds)>;

/// What calls take longer than `unprobed`, where one allocation in so many bytes is followed.
Result<AllCosts> cost_of_calls(KernelObject& kernel, const OwnProbes& probes, AllTimings& unprobed,
                               std::uint64_t sample_bytes) {
    const auto all_hits = [&]() -> Result<std::vector<std::uint64_t>> {
        std::vector<std::uint64_t> hits;
        for (std::size_t kind = 0; kind < std::size(kinds); ++kind) {
            for (std::size_t exit = 0; exit < std::size(exits); ++exit) {
                const auto of_one = probes.hits(kernel, kind, exit);
                if (!of_one) return of_one.error();
                hits.push_back(*of_one);
            }
        }
        return hits;
    };
    const auto before = all_hits();
    if (!before) return before.error();
    kernel.set_sample_bytes(sample_bytes);
    AllTimings probed = time_all_calls();
    const auto after = all_hits();
    if (!after) return after.error();
    AllCosts costs;
    for (std::size_t kind = 0; kind < std::size(kinds); ++kind) {
        for (std::size_t exit = 0; exit < std::size(exits); ++exit) {
            Timing& timing = probed[kind][exit];
            const std::size_t probe = kind * std::size(exits) + exit;
            const auto hits = static_cast<double>((*after)[probe] - (*before)[probe]);
            if (hits == 0) return Error{ErrorKind::failed, "seep's own probes were not hit", {}};
            ProbeCost& cost = costs[kind][exit];
            cost.call_ns = std::max(0.0, timing.call_ns() - unprobed[kind][exit].call_ns());
            cost.hit_ns = cost.call_ns * static_cast<double>(timing.calls()) / hits;
        }
    }
    return costs;
}

Result<ProbeCosts> compare(KernelObject& kernel) {
    constexpr std::uint64_t everything = 0;
    constexpr std::uint64_t next_to_nothing = std::uint64_t{1} << 30;
    AllTimings unprobed = time_all_calls();
    const double unprobed_frame = time_frame();
    const auto probes = OwnProbes::attach(kernel);
    if (!probes) return probes.error();
    const auto passed = cost_of_calls(kernel, *probes, unprobed, next_to_nothing);
    if (!passed) return passed.error();
    const auto cold = time_coming_back((*passed)[static_cast<std::size_t>(SiteKind::emulated)]
                                                [static_cast<std::size_t>(ExitProbe::none)]
                                                    .call_ns);
    if (!cold) return cold.error();
    const auto followed = cost_of_calls(kernel, *probes, unprobed, everything);
    if (!followed) return followed.error();
    ProbeCosts costs;
    for (std::size_t kind = 0; kind < std::size(kinds); ++kind) {
        for (std::size_t exit = 0; exit < std::size(exits); ++exit) {
            costs.of(kinds[kind], exits[exit]) = (*followed)[kind][exit];
            costs.passed(kinds[kind], exits[exit]) = (*passed)[kind][exit];
        }
    }
    costs.set_cold_ns(*cold);
    const auto walkable = OwnUnwinding::begin(kernel);
    if (!walkable) return walkable.error();
    costs.set_frame_ns(std::max(0.0, time_frame() - unprobed_frame));
    return costs;
}

/// The stacks of the own slot, and their totals. All blocks were freed again.
void forget_own_stacks(const KernelObject& kernel) {
    std::vector<std::uint64_t> own;
    std::uint64_t id = 0;
    seep_stack stack;
    for (const std::uint64_t* previous = nullptr;
         bpf_map_get_next_key(kernel.stacks_map(), previous, &id) == 0; previous = &id) {
        if (bpf_map_lookup_elem(kernel.stacks_map(), &id, &stack) == 0 &&
            stack.process == own_process_slot)
            own.push_back(id);
    }
    for (const std::uint64_t stack_id : own) {
        bpf_map_delete_elem(kernel.totals_map(), &stack_id);
        bpf_map_delete_elem(kernel.stacks_map(), &stack_id);
    }
}

}  // namespace

Result<ProbeCosts> measure_probe_costs(KernelObject& kernel) {
    background() = {};  // the last measurement's probes are gone after this
    const std::uint64_t sample_bytes = kernel.sample_bytes();
    auto costs = compare(kernel);
    kernel.set_sample_bytes(sample_bytes);
    forget_own_stacks(kernel);
    return costs;
}

}  // namespace seep
