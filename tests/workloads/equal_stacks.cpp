// SPDX-License-Identifier: GPL-2.0-only
// equal_stacks: 256 stacks that make blocks of eight sizes, a stack of one, and free every second
// one. Each keeps the same number of bytes, which the truth names as bytes_a_stack.

#include "paths.h"
#include "workload.h"

namespace {

constexpr unsigned levels = 8;
constexpr std::size_t stacks = 1U << levels;
constexpr std::size_t least_size = 32;
constexpr unsigned sizes = 8;
constexpr std::size_t bytes_a_stack = std::size_t{1} << 19;

}  // namespace

int main() {
    wait_until_attached();
    Truth truth;
    for (std::size_t stack = 0; stack < stacks; stack++) {
        const std::size_t size = least_size << stack % sizes;
        for (std::size_t kept = 0; kept < bytes_a_stack; kept += size) {
            for (int i = 0; i < 2; i++) {
                void* block = allocate_at(levels, stack, size);
                keep(block);
                truth.allocated(size);
                if (i == 0) continue;
                free(block);
                truth.freed(size);
            }
        }
    }
    char more[64];
    std::snprintf(more, sizeof(more), "\"stacks\": %zu, \"bytes_a_stack\": %zu", stacks,
                  bytes_a_stack);
    tell_truth_and_exit(truth, more);
}
