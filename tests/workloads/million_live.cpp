// SPDX-License-Identifier: GPL-2.0-only
// Holds 1,000,003 blocks at once (or as many as the argument says), from one stack.

#include "workload.h"

int main(int argc, char** argv) {
    std::uint64_t count = number_argument(argc, argv, 1, 1'000'003);
    wait_until_attached();
    Truth truth;
    for (std::uint64_t i = 0; i < count; i++) {
        std::size_t size = 1 + i % 61;
        keep(malloc(size));
        truth.allocated(size);
    }
    tell_truth_and_exit(truth);
}
