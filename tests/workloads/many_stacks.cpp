// SPDX-License-Identifier: GPL-2.0-only
// many_stacks [SECONDS]: 5,000 stacks whose live memory is large but bounded, and among them a
// small leak in an inlined function, whose line the truth names.

#include <ctime>

#include "paths.h"
#include "workload.h"

namespace {

constexpr std::size_t stacks = 5'000;
constexpr unsigned levels = 13;
constexpr std::size_t held_size = 4'096;
constexpr std::size_t leak_size = 89;
constexpr int leak_line = __LINE__ + 4;
Truth truth;

[[gnu::always_inline]] inline void forget_a_little() {
    keep(malloc(leak_size));
    truth.allocated(leak_size);
}

[[gnu::noinline]] void handle_request(std::uint64_t number) {
    if (number % 8 == 0) forget_a_little();
    asm volatile("");
}

/// Each stack holds one block, which every visit replaces by one of another size.
void replace(std::size_t stack, std::uint64_t round) {
    static void* held[stacks];
    static std::size_t sizes[stacks];
    if (held[stack] != nullptr) {
        free(held[stack]);
        truth.freed(sizes[stack]);
    }
    sizes[stack] = held_size + (stack * 31 + round * 17) % 1'009;
    held[stack] = allocate_at(levels, stack, sizes[stack]);
    truth.allocated(sizes[stack]);
}

double now() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace

int main(int argc, char** argv) {
    auto seconds = static_cast<double>(number_argument(argc, argv, 1, 5));
    wait_until_attached();

    for (std::size_t stack = 0; stack < stacks; stack++) replace(stack, 0);
    std::uint64_t requests = 0;
    std::uint64_t leaks = 0;
    timespec pause{0, 100'000};
    for (double end = now() + seconds; now() < end; requests++) {
        replace(requests * 4'999 % stacks, requests / stacks + 1);
        leaks += requests % 8 == 0;
        handle_request(requests);
        nanosleep(&pause, nullptr);
    }

    char more[256];
    std::snprintf(more, sizeof(more),
                  "\"stacks\": %zu, \"leak\": {\"function\": \"forget_a_little\", \"file\": "
                  "\"many_stacks.cpp\", \"line\": %d, \"count\": %lu, \"bytes\": %lu}",
                  stacks, leak_line, leaks, leaks * leak_size);
    tell_truth_and_exit(truth, more);
}
