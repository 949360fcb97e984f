// SPDX-License-Identifier: GPL-2.0-only
// alloc_rate [THREADS]: each thread allocates and frees as fast as it can. Every 100 ms it says
// what came of it since the start: PAIRS CPU_NS MONOTONIC_NS, the CPU time of all threads together.
// Takes no part in the protocol but "ready PID": it works until it is killed.

#include <pthread.h>

#include <array>
#include <ctime>

#include "workload.h"

namespace {

constexpr std::size_t max_threads = 64;
constexpr std::uint64_t report_ns = 100'000'000;

/// A cache line for each thread, so that counting costs none of them anything.
struct alignas(64) Pairs {
    std::atomic<std::uint64_t> count = 0;
};

std::array<Pairs, max_threads> pairs;
pthread_barrier_t start_line;

std::uint64_t now_ns(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(time.tv_nsec);
}

/// 64 pairs at once: the clock and the counter are not to be the work.
void make_pairs(Pairs& mine) {
    for (int i = 0; i < 64; i++) {
        void* block = malloc(64);
        keep(block);
        free(block);
    }
    mine.count.store(mine.count.load(std::memory_order_relaxed) + 64, std::memory_order_relaxed);
}

void* work(void* mine) {
    pthread_barrier_wait(&start_line);
    for (;;) make_pairs(*static_cast<Pairs*>(mine));
}

void tell() {
    std::uint64_t sum = 0;
    for (const Pairs& one : pairs) sum += one.count.load(std::memory_order_relaxed);
    say("%lu %lu %lu\n", sum, now_ns(CLOCK_PROCESS_CPUTIME_ID), now_ns(CLOCK_MONOTONIC));
}

}  // namespace

int main(int argc, char** argv) {
    const std::uint64_t threads = number_argument(argc, argv, 1, 1);
    if (threads < 1 || threads > max_threads) return 2;
    pthread_barrier_init(&start_line, nullptr, static_cast<unsigned>(threads));
    for (std::size_t i = 1; i < threads; i++) {
        pthread_t thread{};
        if (pthread_create(&thread, nullptr, work, &pairs[i]) != 0) return 1;
    }

    say("ready %d\n", static_cast<int>(getpid()));
    pthread_barrier_wait(&start_line);
    for (std::uint64_t last = now_ns(CLOCK_MONOTONIC);;) {
        make_pairs(pairs[0]);
        if (now_ns(CLOCK_MONOTONIC) - last < report_ns) continue;
        tell();
        last = now_ns(CLOCK_MONOTONIC);
    }
}
