// SPDX-License-Identifier: GPL-2.0-only
// loader_calls is linked to one of these, with its symbols bound when they are first called, and
// loads copies of it.

#include "loader_calls.h"

#include <stdlib.h>

static __thread char thread_memory[5000];
void* kept;

static __attribute__((constructor)) void begin(void) {
    kept = malloc(1009);
}

static int answer(int number) {
    return number + 1;
}

// Runs within the dynamic linker, at the first call of the function.
static int (*choose(void))(int) {
    free(malloc(3001));
    return answer;
}

int chosen_late(int number) __attribute__((ifunc("choose")));

// In a library that was loaded, a thread's memory is allocated when it is first used.
int touch_thread_memory(int number) {
    thread_memory[number]++;
    return thread_memory[number];
}
