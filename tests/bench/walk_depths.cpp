// SPDX-License-Identifier: GPL-2.0-only
// walk_depths ROUNDS: times malloc/free pairs at the ends of short and of long chains of calls, in
// turns, so that what else the machine does meets both. The truth is the least time of a pair in
// nanoseconds, by depth.

#include <algorithm>
#include <array>
#include <ctime>

#include "../workloads/workload.h"

namespace {

constexpr std::array depths = {8, 16, 32, 60};
constexpr int pairs = 2'003;

double now_ns() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

double pair_ns() {
    const double start = now_ns();
    for (int i = 0; i < pairs; i++) {
        void* block = malloc(64);
        keep(block);
        free(block);
    }
    return (now_ns() - start) / pairs;
}

using Level = double (*)(int);
extern Level volatile levels_of[8];

/// A frame of as many bytes, and some more.
template <std::size_t bytes>
[[gnu::noinline]] double level(int levels) {
    std::array<char, bytes> locals;
    asm volatile("" : : "r"(locals.data()) : "memory");
    const double result = levels > 0 ? levels_of[levels % 8](levels - 1) : pair_ns();
    asm volatile("" : : "r"(locals.data()) : "memory");
    return result;
}

// Frames of very different sizes, with a return address each.
Level volatile levels_of[8] = {level<16>,  level<32>,  level<48>,  level<64>,
                               level<100>, level<120>, level<140>, level<200>};

}  // namespace

int main(int argc, char** argv) {
    const auto rounds = number_argument(argc, argv, 1, 20);
    std::array<double, depths.size()> least{};
    wait_until_attached();
    for (std::uint64_t round = 0; round < rounds; round++) {
        for (std::size_t i = 0; i < depths.size(); i++) {
            const double ns = level<16>(depths[i]);
            least[i] = round == 0 ? ns : std::min(least[i], ns);
        }
    }
    say("{\"8\": %.1f, \"16\": %.1f, \"32\": %.1f, \"60\": %.1f}\n", least[0], least[1], least[2],
        least[3]);
    wait_for_tester();
    _exit(0);
}
