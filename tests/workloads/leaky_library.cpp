// SPDX-License-Identifier: GPL-2.0-only
// A library that leaks, to be loaded after a tracer has attached.

#include <cstddef>
#include <cstdlib>

extern "C" void* leak_from_library(std::size_t size) {
    void* block = std::malloc(size);
    asm volatile("" : : "r"(block) : "memory");
    return block;
}
