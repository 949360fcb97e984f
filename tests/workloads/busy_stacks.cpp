// SPDX-License-Identifier: GPL-2.0-only
// busy_stacks: holds 1,000,000 blocks, 100 from each of 10,000 stacks, and then replaces one of
// each stack ten times a second. Takes no part in the protocol but "ready PID" and the line that
// starts it; it says "holding" once it has them all, and works until it is killed.

#include <ctime>

#include "paths.h"
#include "workload.h"

namespace {

constexpr unsigned levels = 14;
constexpr std::size_t stacks = 10'000;
constexpr std::size_t blocks_a_stack = 100;
constexpr std::size_t size = 48;

void* held[stacks][blocks_a_stack];

}  // namespace

int main() {
    wait_until_attached();
    for (std::size_t i = 0; i < blocks_a_stack; i++)
        for (std::size_t stack = 0; stack < stacks; stack++)
            held[stack][i] = allocate_at(levels, stack, size);
    say("holding\n");
    for (std::size_t round = 0;; round++) {
        for (std::size_t stack = 0; stack < stacks; stack++) {
            void*& block = held[stack][round % blocks_a_stack];
            free(block);
            block = allocate_at(levels, stack, size);
        }
        const timespec pause{0, 100'000'000};
        nanosleep(&pause, nullptr);
    }
}
