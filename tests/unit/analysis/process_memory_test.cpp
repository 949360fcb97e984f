// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/process_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "analysis/process_findings.h"
#include "memory_course.h"

namespace seep {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(ProcessMemory, CountsTheStepsInWhichMemoryGrows) {
    EXPECT_NEAR(memory_of({.anonymous = rising}).anonymous_steps, course_snapshots - 1, 1e-9);
    const auto steps = [](double i) { return 100 + 30 * std::floor(i / 5); };
    EXPECT_NEAR(memory_of({.anonymous = steps}).anonymous_steps, 4, 1e-9);
    EXPECT_EQ(memory_of({}).anonymous_steps, 0);
}

TEST(ProcessMemory, TakesWhatWasSeenInWindowsForAllOfTheTime) {
    // 100 MiB seen to be taken in 50 of 200 seconds.
    const ProcessMemory seen = memory_of(
        {.anonymous = [](double i) { return 100 + 20 * i; }, .heap = rising, .unseen = 0.75});
    EXPECT_NEAR(seen.heap.bytes_per_second, 2 * mebibyte, 1);
    EXPECT_NEAR(seen.kappa.value(), 1, 1e-6);
    EXPECT_THAT(seen.verdict, IsEmpty());
    // glibc knows what of that was freed unseen.
    const HeapInUseGrowth half{.growth = {.bytes = static_cast<std::int64_t>(200 * mebibyte)}};
    const ProcessMemory known = memory_of({.anonymous = [](double i) { return 100 + 20 * i; },
                                           .heap = rising,
                                           .unseen = 0.75,
                                           .in_use = half});
    EXPECT_NEAR(known.kappa.value(), 2, 1e-6);
}

TEST(ProcessMemory, SwappingChangesNothing) {
    const ProcessMemory memory = memory_of({.swapped = 0.9});
    EXPECT_THAT(memory.verdict, IsEmpty());
    EXPECT_EQ(memory.anonymous.bytes, 0);
    EXPECT_EQ(memory.swap_bytes, bytes(90));
}

TEST(ProcessMemory, SaysWhenTheLimitIsReached) {
    // 200 MiB anonymous at the end, half a MiB a second, 300 MiB allowed; file pages do not count.
    const ProcessMemory memory =
        memory_of({.anonymous = rising, .heap = rising, .limit = bytes(300)});
    EXPECT_NEAR(memory.limit.expected.value(), 200, 1);
    EXPECT_THAT(limit_text(memory.limit), HasSubstr("3m2"));
    EXPECT_THAT(limit_text(memory_of({.limit = bytes(300)}).limit), IsEmpty());
    EXPECT_EQ(limit_text({.earliest = 3600, .expected = 7200, .latest = std::nullopt}),
              "2h (1h to never)");
    EXPECT_EQ(limit_text({.earliest = 7200}), "2h at the earliest, or never");
    EXPECT_EQ(limit_text({.earliest = 500 * 86400}), "");
}

}  // namespace
}  // namespace seep
