// SPDX-License-Identifier: GPL-2.0-only
// What every C library's allocator has, in C, for libraries without C++. The protocol is that of
// workload.h.

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { rounds = 101, sizes = 3 };

static unsigned long allocated_count, allocated_bytes, freed_count, freed_bytes;

static void* allocated(void* block, unsigned long size) {
    if (!block) _exit(1);
    __asm__ volatile("" : : "r"(block) : "memory");
    allocated_count++;
    allocated_bytes += size;
    return block;
}

static void freed(unsigned long size) {
    freed_count++;
    freed_bytes += size;
}

static void work(unsigned long size) {
    void* leaked = NULL;
    if (posix_memalign(&leaked, 64, size) != 0) _exit(1);
    allocated(leaked, size);
    void* block = allocated(calloc(3, size), 3 * size);
    block = allocated(realloc(block, 7 * size), 7 * size);
    freed(3 * size);
    free(block);
    freed(7 * size);
    free(allocated(aligned_alloc(64, 64 * size), 64 * size));
    freed(64 * size);
    allocated(malloc(size), size);
}

static void wait_for_tester(void) {
    char c = 0;
    while (read(0, &c, 1) == 1 && c != '\n') {
    }
}

static void say(const char* line, int length) {
    if (write(1, line, length) != length) _exit(1);
}

int main(void) {
    static const unsigned long size[sizes] = {13, 1009, 300007};
    char line[512];

    say(line, snprintf(line, sizeof(line), "ready %d\n", (int)getpid()));
    wait_for_tester();
    for (int i = 0; i < rounds; i++) work(size[i % sizes]);
    say(line, snprintf(line, sizeof(line),
                       "{\"allocated_count\": %lu, \"allocated_bytes\": %lu, \"freed_count\": %lu, "
                       "\"freed_bytes\": %lu, \"live_count\": %lu, \"live_bytes\": %lu}\n",
                       allocated_count, allocated_bytes, freed_count, freed_bytes,
                       allocated_count - freed_count, allocated_bytes - freed_bytes));
    wait_for_tester();
    _exit(0);
}
