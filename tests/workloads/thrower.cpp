// SPDX-License-Identifier: GPL-2.0-only
// Leaves allocators by every way that is not a return: exceptions out of operator new, a throwing
// new handler, a longjmp out of a new handler. A tracer that puts a return probe in the way ends
// the program. The exceptions themselves are allocated, too: the truth is about leak_now alone.

#include <csetjmp>
#include <limits>
#include <new>
#include <stdexcept>

#include "workload.h"

namespace {

constexpr int rounds = 1'009;
constexpr std::size_t leak_size = 101;
volatile std::size_t impossible_size = std::numeric_limits<std::ptrdiff_t>::max();
std::jmp_buf way_out;
Truth truth;

[[gnu::noinline]] void leak_now() {
    keep(::operator new(leak_size));
    truth.allocated(leak_size);
}

[[gnu::noinline]] bool throws_bad_alloc() {
    try {
        keep(::operator new(impossible_size));
    } catch (const std::bad_alloc&) {
        return true;
    }
    return false;
}

[[gnu::noinline]] bool throws_bad_array_alloc() {
    try {
        keep(::operator new[](impossible_size, std::align_val_t{64}));
    } catch (const std::bad_alloc&) {
        return true;
    }
    return false;
}

[[gnu::noinline]] bool handler_throws() {
    std::set_new_handler(
        [] { throw std::runtime_error("no memory, and a message that is allocated"); });
    bool thrown = false;
    try {
        keep(::operator new(impossible_size));
    } catch (const std::runtime_error&) {
        thrown = true;
    }
    std::set_new_handler(nullptr);
    return thrown;
}

[[gnu::noinline]] bool handler_jumps() {
    std::set_new_handler([] { std::longjmp(way_out, 1); });
    bool jumped = true;
    if (setjmp(way_out) == 0) {
        keep(::operator new(impossible_size));
        jumped = false;
    }
    std::set_new_handler(nullptr);
    return jumped;
}

/// A new handler that gives memory up, so that operator new goes round its loop and succeeds.
[[gnu::noinline]] bool handler_allocates() {
    static int calls;
    calls = 0;
    std::set_new_handler([] {
        void* block = malloc(37);
        keep(block);
        free(block);
        if (++calls == 3) std::set_new_handler(nullptr);
    });
    return throws_bad_alloc() && calls == 3;
}

}  // namespace

int main() {
    wait_until_attached();
    for (int i = 0; i < rounds; i++) {
        bool all = throws_bad_alloc() && throws_bad_array_alloc() && handler_throws() &&
                   handler_jumps() && handler_allocates();
        if (!all) return 1;
        leak_now();
    }
    tell_truth_and_exit(truth);
}
