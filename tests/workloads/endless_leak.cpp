// SPDX-License-Identifier: GPL-2.0-only
// endless_leak: forget_request() leaks 1021 bytes every millisecond or so, and other blocks come
// and go. Takes no part in the protocol but "ready PID": it leaks until it is killed.

#include <cstring>
#include <ctime>

#include "workload.h"

constexpr std::size_t block_size = 1021;

[[gnu::noinline]] static void forget_request() {
    void* block = malloc(block_size);
    std::memset(block, 1, block_size);
    keep(block);
}

[[gnu::noinline]] static void handle_request() {
    void* block = malloc(257);
    keep(block);
    free(block);
}

int main() {
    say("ready %d\n", static_cast<int>(getpid()));
    for (;;) {
        handle_request();
        forget_request();
        const timespec pause{0, 1'000'000};
        nanosleep(&pause, nullptr);
    }
}
