// SPDX-License-Identifier: GPL-2.0-only
#include "probes/calibration.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

#include "probes/calibration_code.h"
#include "probes/code.h"
#include "support.h"

namespace seep {
namespace {

constexpr SiteKind kinds[] = {SiteKind::nop5, SiteKind::emulated, SiteKind::single_stepped};
constexpr ExitProbe exits[] = {ExitProbe::none, ExitProbe::return_probe, ExitProbe::at_returns};

extern "C" const char __executable_start[];  // NOLINT: the linker's name

TEST(CalibrationFunctions, BeginWithTheWantedKindAndEndInTheirReturn) {
    const ObjectFile object = test::open_object("/proc/self/exe");
    Code code(object);
    const auto decode = [&](std::uintptr_t address) {
        return code.decode(address - reinterpret_cast<std::uintptr_t>(__executable_start));
    };
    for (const SiteKind kind : kinds) {
        for (const ExitProbe exit : exits) {
            const CalibrationFunction function = calibration_function(kind, exit);
            const auto first = decode(function.entry);
            ASSERT_TRUE(first);
            EXPECT_EQ(first->site_kind, kind);
            const auto last = decode(function.ret);
            ASSERT_TRUE(last);
            EXPECT_EQ(last->kind, InstructionKind::ret);
            int block = 0;
            EXPECT_EQ(function.call(1, &block), &block);
        }
    }
}

class Calibration : public testing::TestWithParam<AttachMode> {
 protected:
    void SetUp() override {
        const auto kernel = try_load(0);
        if (!kernel) {
            const char* required = std::getenv("SEEP_REQUIRE_BPF");
            ASSERT_TRUE(required == nullptr || std::string_view(required) != "1")
                << kernel.error().message;
            GTEST_SKIP() << "SKIPPED: " << kernel.error().message;
        }
        if (!attach_mode_supported(GetParam())) GTEST_SKIP() << "SKIPPED: not in this kernel";
    }
    static Result<KernelObject> try_load(std::uint64_t sample_bytes) {
        return KernelObject::load({.mode = GetParam(),
                                   .max_live = 1 << 16,
                                   .max_stacks = 1024,
                                   .sample_bytes = sample_bytes});
    }
    static KernelObject load(std::uint64_t sample_bytes = 0) {
        auto kernel = try_load(sample_bytes);
        if (!kernel) throw std::runtime_error(kernel.error().message);
        return std::move(*kernel);
    }
    /// The first of several measurements of which `wrong` says nothing, or what it says of the
    /// last: others use the machine, and what they slow down of one measurement says nothing of the
    /// code.
    template <typename Wrong>
    static void expect_of_a_calm_measurement(KernelObject& kernel, const Wrong& wrong) {
        std::string last;
        for (int measured = 0; measured < 8; ++measured) {
            const auto costs = measure_probe_costs(kernel);
            ASSERT_TRUE(costs) << costs.error().message;
            last = wrong(*costs);
            if (last.empty()) return;
        }
        ADD_FAILURE() << last;
    }
};

TEST_P(Calibration, CostsAreThoseOfATrapAndMore) {
    KernelObject kernel = load();
    expect_of_a_calm_measurement(kernel, [](const ProbeCosts& costs) -> std::string {
        const double emulated = costs.of(SiteKind::emulated, ExitProbe::none).hit_ns;
        const double stepped = costs.of(SiteKind::single_stepped, ExitProbe::none).hit_ns;
        for (const SiteKind kind : kinds) {
            const double none = costs.of(kind, ExitProbe::none).hit_ns;
            // No kernel enters and leaves in less, and even the slowest machine steps in a
            // millisecond.
            if (none <= 50 || none >= 1e6) return fmt::format("a hit takes {} ns", none);
            for (const ExitProbe exit : {ExitProbe::return_probe, ExitProbe::at_returns}) {
                const double call = costs.of(kind, exit).call_ns;
                if (call <= costs.of(kind, ExitProbe::none).call_ns)
                    return fmt::format("two hits take {} ns, one {}", call, none);
            }
        }
        if (stepped <= emulated)
            return fmt::format("stepping takes {} ns, emulation {}", stepped, emulated);
        // To walk a frame takes some lookups and a read of the stack, and no trap.
        if (costs.frame_ns() <= 5 || costs.frame_ns() >= emulated)
            return fmt::format("a frame takes {} ns", costs.frame_ns());
        // Some of what a hit needs is displaced by other work, not all that it does.
        if (costs.cold_ns() < 0 || costs.cold_ns() >= 10 * emulated)
            return fmt::format("after other work it takes {} ns more", costs.cold_ns());
        return {};
    });
}

// Every allocation is followed.
TEST_P(Calibration, ACallIsTwoHits) {
    KernelObject kernel = load();
    const auto costs = measure_probe_costs(kernel);
    ASSERT_TRUE(costs) << costs.error().message;
    for (const SiteKind kind : kinds) {
        for (const ExitProbe exit : {ExitProbe::return_probe, ExitProbe::at_returns}) {
            const ProbeCost& cost = costs->of(kind, exit);
            EXPECT_NEAR(cost.hit_ns, cost.call_ns / 2, cost.call_ns / 100);
        }
    }
}

TEST_P(Calibration, LeavesNothingBehind) {
    KernelObject kernel = load();
    ASSERT_TRUE(measure_probe_costs(kernel));
    std::uint64_t id = 0;
    EXPECT_EQ(bpf_map_get_next_key(kernel.stacks_map(), nullptr, &id), -ENOENT);
    EXPECT_EQ(bpf_map_get_next_key(kernel.totals_map(), nullptr, &id), -ENOENT);
    EXPECT_EQ(*kernel.purge(0), 0u);
    const std::uint32_t slot = 0;
    std::uint32_t map_id = 0;
    EXPECT_EQ(bpf_map_lookup_elem(kernel.unwind_spaces_map(), &slot, &map_id), -ENOENT);
}

// What is passed over takes no return probe in a session, so that a hit is a call.
TEST_P(Calibration, CallsThatArePassedOverCostLess) {
    KernelObject kernel = load(4096);
    expect_of_a_calm_measurement(kernel, [](const ProbeCosts& costs) -> std::string {
        const ProbeCost& passed = costs.passed(SiteKind::emulated, ExitProbe::return_probe);
        const double hits_a_call = GetParam() == AttachMode::session ? 1 : 2;
        if (!(std::abs(passed.call_ns / passed.hit_ns - hits_a_call) <= 0.01))
            return fmt::format("a call is {} hits", passed.call_ns / passed.hit_ns);
        const double followed = costs.of(SiteKind::emulated, ExitProbe::return_probe).call_ns;
        if (passed.call_ns >= followed)
            return fmt::format("passing over takes {} ns, following {}", passed.call_ns, followed);
        return {};
    });
    EXPECT_EQ(kernel.sample_bytes(), 4096u);
}

INSTANTIATE_TEST_SUITE_P(Modes, Calibration,
                         testing::Values(AttachMode::session, AttachMode::multi,
                                         AttachMode::single),
                         [](const auto& mode) { return attach_mode_name(mode.param); });

}  // namespace
}  // namespace seep
