// SPDX-License-Identifier: GPL-2.0-only
// Allocates once from each of 100,003 different call stacks (or as many as the argument says).

#include "paths.h"
#include "workload.h"

int main(int argc, char** argv) {
    constexpr unsigned levels = 17;
    std::uint64_t stacks = number_argument(argc, argv, 1, 100'003);
    if (stacks > 1u << levels) return 2;
    wait_until_attached();
    Truth truth;
    for (std::uint64_t path = 0; path < stacks; path++) {
        std::size_t size = 1 + path % 97;
        keep(allocate_at(levels, path, size));
        truth.allocated(size);
    }
    char more[64];
    std::snprintf(more, sizeof(more), "\"stacks\": %lu", stacks);
    tell_truth_and_exit(truth, more);
}
