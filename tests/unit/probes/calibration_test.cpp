// SPDX-License-Identifier: GPL-2.0-only
#include "probes/calibration.h"

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>

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
    /// What was least of several measurements: a neighbour on a shared machine only ever adds, to
    /// one kind of instruction or the other.
    static Result<ProbeCosts> measure_calmly(KernelObject& kernel) {
        auto least = measure_probe_costs(kernel);
        for (int again = 0; least && again < 2; ++again) {
            const auto costs = measure_probe_costs(kernel);
            if (!costs) return costs.error();
            for (const SiteKind kind : kinds) {
                for (const ExitProbe exit : exits) {
                    const auto by_call = [](const ProbeCost& a, const ProbeCost& b) {
                        return a.call_ns < b.call_ns;
                    };
                    least->of(kind, exit) =
                        std::min(least->of(kind, exit), costs->of(kind, exit), by_call);
                    least->passed(kind, exit) =
                        std::min(least->passed(kind, exit), costs->passed(kind, exit), by_call);
                }
            }
            least->set_frame_ns(std::min(least->frame_ns(), costs->frame_ns()));
            least->set_cold_ns(std::min(least->cold_ns(), costs->cold_ns()));
        }
        return least;
    }
};

TEST_P(Calibration, CostsAreThoseOfATrapAndMore) {
    KernelObject kernel = load();
    const auto costs = measure_calmly(kernel);
    ASSERT_TRUE(costs) << costs.error().message;
    for (const SiteKind kind : kinds) {
        // No kernel enters and leaves in less, and even the slowest machine steps in a millisecond.
        EXPECT_GT(costs->of(kind, ExitProbe::none).hit_ns, 50);
        EXPECT_LT(costs->of(kind, ExitProbe::none).hit_ns, 1e6);
        for (const ExitProbe exit : {ExitProbe::return_probe, ExitProbe::at_returns}) {
            const ProbeCost& cost = costs->of(kind, exit);
            // Every allocation is followed: two hits a call.
            EXPECT_NEAR(cost.hit_ns, cost.call_ns / 2, cost.call_ns / 100);
            EXPECT_GT(cost.call_ns, costs->of(kind, ExitProbe::none).call_ns);
        }
    }
    // To walk a frame takes some lookups and a read of the stack, and no trap.
    EXPECT_GT(costs->frame_ns(), 20);
    EXPECT_LT(costs->frame_ns(), costs->of(SiteKind::emulated, ExitProbe::none).hit_ns);
    // Some of what a hit needs is displaced by other work, not all that it does.
    EXPECT_GE(costs->cold_ns(), 0);
    EXPECT_LT(costs->cold_ns(), 10 * costs->of(SiteKind::emulated, ExitProbe::none).hit_ns);
    EXPECT_GT(costs->of(SiteKind::single_stepped, ExitProbe::none).hit_ns,
              costs->of(SiteKind::emulated, ExitProbe::none).hit_ns);
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
    const auto costs = measure_calmly(kernel);
    ASSERT_TRUE(costs) << costs.error().message;
    EXPECT_EQ(kernel.sample_bytes(), 4096u);
    const ProbeCost& passed = costs->passed(SiteKind::emulated, ExitProbe::return_probe);
    const double hits_a_call = GetParam() == AttachMode::session ? 1 : 2;
    EXPECT_NEAR(passed.call_ns / passed.hit_ns, hits_a_call, 0.01);
    EXPECT_LT(passed.call_ns, costs->of(SiteKind::emulated, ExitProbe::return_probe).call_ns);
}

INSTANTIATE_TEST_SUITE_P(Modes, Calibration,
                         testing::Values(AttachMode::session, AttachMode::multi,
                                         AttachMode::single),
                         [](const auto& mode) { return attach_mode_name(mode.param); });

}  // namespace
}  // namespace seep
