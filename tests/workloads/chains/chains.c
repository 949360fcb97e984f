// SPDX-License-Identifier: GPL-2.0-only
// chains CHECKPOINTS SEED THREADS: see chains.h. Works before main(), in it, in threads, and in
// exit handlers.

#define _GNU_SOURCE
#include "chains.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_LINKS 64
#define MAX_THREADS 8

static Link links_known[MAX_LINKS];
static size_t link_count;
static Allocate allocators[8] = {malloc, valloc};
static size_t allocator_count = 2;
static atomic_int checkpoints_left;
static atomic_size_t next_size = 1000;
static atomic_flag at_checkpoint = ATOMIC_FLAG_INIT;
static __thread uint64_t random_state = 1;

void add_links(const Link* links, size_t count) {
    for (size_t i = 0; i < count && link_count < MAX_LINKS; i++)
        links_known[link_count++] = links[i];
}

void add_allocator(Allocate allocate) {
    allocators[allocator_count++] = allocate;
}

unsigned random_below(unsigned bound) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % bound;
}

static inline __attribute__((always_inline)) void stop_here(size_t bytes) {
    long result = SYS_tgkill;
    long pid = getpid();
    long tid = gettid();
    register size_t argument __asm__("r10") = bytes;
    __asm__ volatile("syscall"
                     : "+a"(result)
                     : "D"(pid), "S"(tid), "d"((long)SIGSTOP), "r"(argument)
                     : "rcx", "r11", "memory");
}

// One thread at a time: what continues the process would take other pending stops away.
static NOINLINE void checkpoint(void) {
    while (atomic_flag_test_and_set(&at_checkpoint)) sched_yield();
    const size_t bytes = atomic_fetch_add(&next_size, 1);
    void* block = allocators[random_below((unsigned)allocator_count)](bytes);
    __asm__ volatile("" ::"r"(block) : "memory");
    stop_here(bytes);
    atomic_flag_clear(&at_checkpoint);
}

NOINLINE void descend(int links) {
    if (links <= 0)
        checkpoint();
    else
        links_known[random_below((unsigned)link_count)](links - 1);
    STAY();
}

static void work(int checkpoints, unsigned longest) {
    for (int i = 0; i < checkpoints; i++) descend(1 + (int)random_below(longest));
}

static void* work_in_thread(void* seed) {
    random_state = (uintptr_t)seed;
    prepare_signals();
    while (atomic_fetch_sub(&checkpoints_left, 1) > 0) work(1, 40);
    return NULL;
}

static void say_and_wait(const char* format, size_t one, size_t other) {
    char line[100], c;
    const int length = snprintf(line, sizeof line, format, one, other);
    if (write(1, line, (size_t)length) != length) _exit(1);
    while (read(0, &c, 1) == 1 && c != '\n') {
    }
}

static void work_at_exit(void) {
    work(10, 10);
    stop_here(0);
    say_and_wait("{\"ends_of_coroutines\": [%zu, %zu]}\n", ends_of_coroutines[0],
                 ends_of_coroutines[1]);
}

static __attribute__((constructor)) void work_before_main(void) {
    say_and_wait("ready %zu\n", (size_t)getpid(), 0);
    add_links(plain_links, plain_link_count);
    work(10, 10);
}

void run_chains(int argc, char** argv) {
    const int checkpoints = argc > 1 ? atoi(argv[1]) : 100;
    const unsigned seed = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
    int thread_count = argc > 3 ? atoi(argv[3]) : 2;
    pthread_t threads[MAX_THREADS];

    add_links(signal_links, signal_link_count);
    prepare_signals();
    atexit(work_at_exit);
    random_state = seed;
    work(checkpoints / 2, 60);
    work(3, 250);
    if (thread_count > MAX_THREADS) thread_count = MAX_THREADS;
    checkpoints_left = checkpoints - checkpoints / 2;
    for (int i = 0; i < thread_count; i++)
        pthread_create(&threads[i], NULL, work_in_thread,
                       (void*)(uintptr_t)(seed + 1000 + (unsigned)i));
    for (int i = 0; i < thread_count; i++) pthread_join(threads[i], NULL);
}

// A program with links of its own has its own main().
__attribute__((weak)) int main(int argc, char** argv) {
    run_chains(argc, argv);
    exit(0);
}
