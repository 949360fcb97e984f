// SPDX-License-Identifier: GPL-2.0-only
// Leaks a block 200 times a second, and between lives through a calm, a storm and a calm: allocates
// and frees a little, as fast as it can, and a little again. What is in flight in the storm lives
// for a short time and in many places. The truth says how fast it leaked, and when the storm began.
//
//   storm CALM_MS STORM_MS CALM_MS

#include <array>
#include <ctime>

#include "workload.h"

namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t leaks_a_second = 200;
constexpr std::uint64_t leaked_bytes = 1009;

std::int64_t now(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return time.tv_sec * second + time.tv_nsec;
}

class Program {
 public:
    void live_for(std::int64_t milliseconds, bool stormy) {
        const std::int64_t end = now(CLOCK_MONOTONIC) + milliseconds * 1'000'000;
        for (std::int64_t time = 0; (time = now(CLOCK_MONOTONIC)) < end;) {
            while (next_leak_ < time) leak();
            churn(stormy ? 256 : 1);
            if (stormy) continue;
            const timespec pause{0, second / leaks_a_second};
            nanosleep(&pause, nullptr);
        }
    }

    Truth truth;

 private:
    [[gnu::noinline]] void leak() {
        keep(malloc(leaked_bytes));
        truth.allocated(leaked_bytes);
        next_leak_ += second / leaks_a_second;
    }

    /// Each block is freed when its place is needed again.
    [[gnu::noinline]] void churn(int blocks) {
        for (int i = 0; i < blocks; i++) {
            void*& place = places_[at_++ % places_.size()];
            free(place);
            place = malloc(17 + 8 * (at_ % 61));
            keep(place);
        }
    }

    std::array<void*, 4099> places_{};
    std::size_t at_ = 0;
    std::int64_t next_leak_ = now(CLOCK_MONOTONIC);
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) return 1;
    wait_until_attached();
    Program program;
    const std::int64_t start = now(CLOCK_MONOTONIC);
    program.live_for(std::atoi(argv[1]), false);
    const std::int64_t storm = now(CLOCK_REALTIME);
    program.live_for(std::atoi(argv[2]), true);
    program.live_for(std::atoi(argv[3]), false);
    const double seconds = static_cast<double>(now(CLOCK_MONOTONIC) - start) / second;
    char more[128];
    std::snprintf(more, sizeof(more), "\"storm_ns\": %lld, \"leaked_bytes_per_second\": %.1f",
                  static_cast<long long>(storm),
                  static_cast<double>(program.truth.allocated_bytes) / seconds);
    tell_truth_and_exit(program.truth, more);
}
