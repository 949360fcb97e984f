// SPDX-License-Identifier: GPL-2.0-only
// arenas [THREADS [MILLISECONDS]]: each thread replaces blocks of all sizes at random for so long,
// in an arena of its own, and frees some of another thread's. The truth says what they take, with
// their headers.

#include <malloc.h>

#include <chrono>
#include <random>
#include <thread>
#include <vector>

#include "workload.h"

namespace {

constexpr std::size_t slots = 20'000;
constexpr std::size_t most_bytes = 1'200;
constexpr std::size_t header = 8;

std::atomic<void*> on_its_way;

void free_block(void* block, Truth& truth) {
    if (block == nullptr) return;
    truth.freed(malloc_usable_size(block) + header);
    free(block);
}

void replace_blocks(unsigned seed, std::chrono::milliseconds time, Truth& truth) {
    std::mt19937 random(seed);
    std::vector<void*> blocks(slots);
    const auto end = std::chrono::steady_clock::now() + time;
    for (std::uint64_t turn = 1; turn % 1'000 != 0 || std::chrono::steady_clock::now() < end;
         turn++) {
        void*& block = blocks[random() % slots];
        free_block(turn % 10 == 0 ? on_its_way.exchange(block) : block, truth);
        block = malloc(1 + random() % most_bytes);
        keep(block);
        truth.allocated(malloc_usable_size(block) + header);
    }
    blocks.swap(*new std::vector<void*>);  // they live on
}

}  // namespace

int main(int argc, char** argv) {
    const std::uint64_t count = number_argument(argc, argv, 1, 3);
    const std::chrono::milliseconds time(number_argument(argc, argv, 2, 3'000));
    wait_until_attached();
    std::vector<Truth> truths(count);
    std::vector<std::thread> threads;
    for (std::uint64_t i = 0; i < count; i++)
        threads.emplace_back(replace_blocks, static_cast<unsigned>(i), time, std::ref(truths[i]));
    for (std::thread& thread : threads) thread.join();
    Truth all;
    for (const Truth& truth : truths) all += truth;
    tell_truth_and_exit(all);
}
