// SPDX-License-Identifier: GPL-2.0-only
// memory_shapes SHAPE: how a process's memory can part from its heap, within about four seconds.
//
//   0  64 MiB in small blocks, of which all but every fourth are freed: holes
//   1  anonymous memory that is mapped past the allocator and touched, 64 MiB in equal steps
//   2  a leak of 64 MiB in small blocks, in equal steps

#include <sys/mman.h>

#include <cstring>
#include <ctime>

#include "workload.h"

namespace {

constexpr std::size_t block_size = 1021;
constexpr std::size_t blocks = (64 << 20) / block_size;
constexpr std::size_t steps = 32;

void pause_between_steps() {
    timespec pause{0, 100'000'000};
    nanosleep(&pause, nullptr);
}

void* touched_block(Truth& truth) {
    void* block = malloc(block_size);
    std::memset(block, 1, block_size);
    truth.allocated(block_size);
    return block;
}

[[gnu::noinline]] void leave_holes(Truth& truth) {
    static void* held[blocks];
    for (std::size_t i = 0; i < blocks; ++i) {
        held[i] = touched_block(truth);
        if (i % (2 * blocks / steps) == 0) pause_between_steps();
    }
    for (std::size_t i = 0; i < blocks; ++i) {
        if (i % (2 * blocks / steps) == 0) pause_between_steps();
        if (i % 4 == 0) continue;  // one in each page
        free(held[i]);
        truth.freed(block_size);
    }
}

[[gnu::noinline]] void map_more() {
    constexpr std::size_t size = (64 << 20) / steps;
    for (std::size_t i = 0; i < steps; ++i) {
        void* memory =
            mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) _exit(1);
        std::memset(memory, 1, size);
        pause_between_steps();
    }
}

[[gnu::noinline]] void leak_blocks(Truth& truth) {
    for (std::size_t i = 0; i < blocks; ++i) {
        keep(touched_block(truth));
        if (i % (blocks / steps) == 0) pause_between_steps();
    }
}

}  // namespace

int main(int argc, char** argv) {
    const std::uint64_t shape = number_argument(argc, argv, 1, 0);
    wait_until_attached();
    Truth truth;
    if (shape == 0) leave_holes(truth);
    if (shape == 1) map_more();
    if (shape == 2) leak_blocks(truth);
    tell_truth_and_exit(truth, "");
}
