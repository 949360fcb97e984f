// SPDX-License-Identifier: GPL-2.0-only
// Everything that system calls can do to a process's mappings, each by a function of its own, and
// what is left of it afterwards. Threads' stacks and an allocator's memory come on top.

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cstring>

#include "workload.h"

namespace {

constexpr std::size_t page = 4096;
constexpr int memory = PROT_READ | PROT_WRITE;
constexpr int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
constexpr std::size_t thread_count = 3;
constexpr std::size_t thread_stack = 40 * page;
constexpr std::size_t blocks = 1009;
constexpr std::size_t block_bytes = 10007;
constexpr std::size_t large_block = 5'000'011;

char* map(std::size_t pages, int protection = memory, int flags = anonymous, char* where = nullptr,
          int file = -1) {
    void* result = mmap(where, pages * page, protection, flags, file, 0);
    if (result == MAP_FAILED) _exit(1);
    return static_cast<char*>(result);
}

void unmap(char* start, std::size_t pages) {
    if (munmap(start, pages * page) != 0) _exit(1);
}

[[gnu::noinline]] std::size_t map_and_unmap() {
    char* hole = map(64);
    unmap(hole + 10 * page, 7);
    unmap(map(100), 100);
    return 57;
}

[[gnu::noinline]] std::size_t map_over(char* place) {
    keep(map(16, memory, anonymous | MAP_FIXED, place));
    return 16;
}

[[gnu::noinline]] std::size_t map_under_another() {
    char* place = map(50);
    map_over(place + 20 * page);
    return 50;  // both are mapped beneath it
}

[[gnu::noinline]] std::size_t reserve_and_commit() {
    char* reserved = map(1000, PROT_NONE);
    if (mprotect(reserved + 100 * page, 90 * page, memory) != 0) _exit(1);
    if (mprotect(reserved + 110 * page, 10 * page, PROT_NONE) != 0) _exit(1);
    return 80;
}

[[gnu::noinline]] std::size_t remap() {
    char* small = map(10);
    char* other = map(1);
    void* large = mremap(small, 10 * page, 50 * page, MREMAP_MAYMOVE);
    if (large == MAP_FAILED) _exit(1);
    if (mremap(large, 50 * page, 45 * page, 0) == MAP_FAILED) _exit(1);
    unmap(other, 1);
    return 45;
}

[[gnu::noinline]] std::size_t call_the_kernel() {
    long result = 0;
    register long flags asm("r10") = anonymous;
    register long file asm("r8") = -1;
    register long offset asm("r9") = 0;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(SYS_mmap), "D"(0), "S"(23 * page), "d"(memory), "r"(flags), "r"(file),
                   "r"(offset)
                 : "rcx", "r11", "memory");
    if (result < 0) _exit(1);
    return 23;
}

[[gnu::noinline]] std::size_t fail() {
    if (mmap(nullptr, page, memory, MAP_PRIVATE, 1000, 0) != MAP_FAILED) _exit(1);
    char* kept = map(5);
    if (munmap(kept + 1, page) == 0 || mremap(kept, page, ~0UL << 13, 0) != MAP_FAILED) _exit(1);
    return 5;
}

[[gnu::noinline]] void map_what_is_not_counted() {
    int file = memfd_create("seep", 0);
    if (file < 0 || ftruncate(file, 100 * page) != 0) _exit(1);
    keep(map(100, memory, MAP_SHARED, nullptr, file));
    keep(map(100, PROT_READ));
    if (pid_t child = fork(); child == 0) {
        keep(map(1000));
        _exit(0);
    } else {
        waitpid(child, nullptr, 0);
    }
}

void* wait_for_ever(void* /*unused*/) {
    while (true) pause();
}

[[gnu::noinline]] void start_threads() {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, thread_stack);
    for (std::size_t i = 0; i < thread_count; ++i) {
        pthread_t thread = 0;
        if (pthread_create(&thread, &attributes, wait_for_ever, nullptr) != 0) _exit(1);
    }
}

[[gnu::noinline]] void allocate() {
    for (std::size_t i = 0; i < blocks; ++i) keep(std::malloc(block_bytes));
    keep(std::malloc(large_block));
}

/// Gives `line` the lines of JSON that name what each function has left mapped.
template <std::size_t Size>
void add(std::array<char, Size>& line, const char* name, std::size_t pages) {
    std::size_t used = std::strlen(line.data());
    std::snprintf(line.data() + used, Size - used, "%s\"%s\": %lu", used ? ", " : "", name,
                  pages * page);
}

}  // namespace

int main() {
    wait_until_attached();
    static std::array<char, 2048> mapped{};
    add(mapped, "map_and_unmap", map_and_unmap());
    add(mapped, "map_under_another", map_under_another());
    add(mapped, "map_over", 16);
    add(mapped, "reserve_and_commit", reserve_and_commit());
    add(mapped, "remap", remap());
    add(mapped, "call_the_kernel", call_the_kernel());
    add(mapped, "fail", fail());
    map_what_is_not_counted();
    start_threads();
    allocate();
    static std::array<char, 2200> more{};
    std::snprintf(more.data(), more.size(),
                  "\"mapped\": {%s}, \"thread_stack_bytes\": %lu, \"block_bytes\": %lu",
                  mapped.data(), thread_count * thread_stack, blocks * block_bytes + large_block);
    tell_truth_and_exit({}, more.data());
}
