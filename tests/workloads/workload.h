// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The protocol of every workload, and the count it keeps of what it does.
//
//   workload -> stdout   ready PID        nothing that counts has been allocated yet
//   tester   -> stdin    a line           the tracer is attached: work
//   workload -> stdout   {...}            the truth, one line of JSON; what lives stays alive
//   tester   -> stdin    a line or EOF    the tracer has read all: exit
//
// Nothing here allocates: what a tracer sees between the first and the last step is what the
// workload says it did. Sizes are bytes as requested.

#include <unistd.h>

#include <atomic>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

/// What was done. A realloc of a block counts as an allocation and a free; a call that gave no
/// block counts as failed alone. Each thread has its own, or it is used by one thread.
struct Truth {
    std::uint64_t allocated_count = 0;
    std::uint64_t allocated_bytes = 0;
    std::uint64_t freed_count = 0;
    std::uint64_t freed_bytes = 0;
    std::uint64_t failed_count = 0;

    void allocated(std::uint64_t bytes) {
        allocated_count++;
        allocated_bytes += bytes;
    }

    void freed(std::uint64_t bytes) {
        freed_count++;
        freed_bytes += bytes;
    }

    Truth& operator+=(const Truth& other) {
        allocated_count += other.allocated_count;
        allocated_bytes += other.allocated_bytes;
        freed_count += other.freed_count;
        freed_bytes += other.freed_bytes;
        failed_count += other.failed_count;
        return *this;
    }
};

/// Makes the compiler believe that `block` is used, so that the call which made it stays.
inline void keep(void* block) {
    asm volatile("" : : "r"(block) : "memory");
}

/// printf to stdout without stdio's buffer.
[[gnu::format(printf, 1, 2)]] inline void say(const char* format, ...) {
    char line[4096];
    std::va_list arguments;
    va_start(arguments, format);
    int length = std::vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (length < 0 || length >= static_cast<int>(sizeof(line)) || write(1, line, length) != length)
        _exit(1);
}

/// Until a line or the end of stdin.
inline void wait_for_tester() {
    char c = 0;
    while (read(0, &c, 1) == 1 && c != '\n') {
    }
}

inline void wait_until_attached() {
    say("ready %d\n", static_cast<int>(getpid()));
    wait_for_tester();
}

/// Prints the truth with `more`, members of the same JSON object ("" or `"name": value`), then
/// waits until the tester has read the ledger, and exits without any clean-up.
[[noreturn]] inline void tell_truth_and_exit(const Truth& truth, const char* more = "") {
    say("{\"allocated_count\": %lu, \"allocated_bytes\": %lu, \"freed_count\": %lu, "
        "\"freed_bytes\": %lu, \"failed_count\": %lu, \"live_count\": %lu, \"live_bytes\": "
        "%lu%s%s}\n",
        truth.allocated_count, truth.allocated_bytes, truth.freed_count, truth.freed_bytes,
        truth.failed_count, truth.allocated_count - truth.freed_count,
        truth.allocated_bytes - truth.freed_bytes, *more ? ", " : "", more);
    wait_for_tester();
    _exit(0);
}

/// A number given as argument `index`, `otherwise` if there is none.
inline std::uint64_t number_argument(int argc, char** argv, int index, std::uint64_t otherwise) {
    return index < argc ? std::strtoull(argv[index], nullptr, 10) : otherwise;
}
