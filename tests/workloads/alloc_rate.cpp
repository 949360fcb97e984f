// SPDX-License-Identifier: GPL-2.0-only
// Allocates and frees as fast as it can, and says every 100 ms how many pairs a second it makes.
// Takes no part in the protocol but "ready PID": it works until it is killed.

#include <ctime>

#include "workload.h"

namespace {

double now() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// The clock is read once in 64 pairs, so that a slow traced pair does not make the report late.
std::uint64_t pairs_until(double end) {
    std::uint64_t pairs = 0;
    while (now() < end) {
        for (int i = 0; i < 64; i++, pairs++) {
            void* block = malloc(64);
            keep(block);
            free(block);
        }
    }
    return pairs;
}

}  // namespace

int main() {
    say("ready %d\n", static_cast<int>(getpid()));
    for (;;) {
        double start = now();
        std::uint64_t pairs = pairs_until(start + 0.1);
        say("%.0f\n", static_cast<double>(pairs) / (now() - start));
    }
}
