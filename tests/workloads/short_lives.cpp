// SPDX-License-Identifier: GPL-2.0-only
// short_lives: blocks from one stack, of which every other one is freed at once, and the rest half
// a millisecond to three later.

#include <ctime>
#include <deque>

#include "workload.h"

namespace {

[[gnu::noinline]] void* make_block() {
    void* block = malloc(100);
    keep(block);
    return block;
}

}  // namespace

int main() {
    constexpr int rounds = 4'000;
    constexpr std::size_t waiting_at_once = 4;
    constexpr timespec moment{0, 500'000};
    std::deque<void*> waiting;
    Truth truth;

    wait_until_attached();
    for (int i = 0; i < rounds; i++) {
        void* const block = make_block();
        truth.allocated(100);
        truth.freed(100);
        if (i % 2 == 0) {
            free(block);
            continue;
        }
        waiting.push_back(block);
        nanosleep(&moment, nullptr);
        while (waiting.size() > (i + 1 < rounds ? waiting_at_once : 0)) {
            free(waiting.front());
            waiting.pop_front();
        }
    }
    tell_truth_and_exit(truth);
}
