// SPDX-License-Identifier: GPL-2.0-only
// Leaks 30,000 bytes through each of glibc's eight allocating functions, from a function of its
// own.

#include <malloc.h>

#include "workload.h"

namespace {

constexpr std::size_t leak_size = 30'000;
Truth truth;

void leaked(void* block) {
    keep(block);
    truth.allocated(leak_size);
}

[[gnu::noinline]] void leak_malloc() {
    leaked(malloc(leak_size));
}

[[gnu::noinline]] void leak_calloc() {
    leaked(calloc(leak_size / 10, 10));
}

[[gnu::noinline]] void leak_realloc() {
    constexpr std::size_t first_size = 10'007;
    void* block = malloc(first_size);
    keep(block);
    truth.allocated(first_size);
    leaked(realloc(block, leak_size));
    truth.freed(first_size);
}

[[gnu::noinline]] void leak_posix_memalign() {
    void* block = nullptr;
    if (posix_memalign(&block, 64, leak_size) != 0) _exit(1);
    leaked(block);
}

[[gnu::noinline]] void leak_valloc() {
    leaked(valloc(leak_size));
}

[[gnu::noinline]] void leak_memalign() {
    leaked(memalign(128, leak_size));
}

[[gnu::noinline]] void leak_pvalloc() {
    leaked(pvalloc(leak_size));
}

[[gnu::noinline]] void leak_aligned_alloc() {
    leaked(aligned_alloc(16, leak_size));
}

}  // namespace

int main() {
    wait_until_attached();
    leak_malloc();
    leak_calloc();
    leak_realloc();
    leak_posix_memalign();
    leak_valloc();
    leak_memalign();
    leak_pvalloc();
    leak_aligned_alloc();
    tell_truth_and_exit(truth);
}
