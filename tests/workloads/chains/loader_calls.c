// SPDX-License-Identifier: GPL-2.0-only
// loader_calls LIBRARIES: allocates from within the dynamic linker, the C library's start of
// threads, and what these call. Every run does the same, from "ready" until work_is_done() is
// called. What it loads stays, so that addresses can be looked up afterwards.

#define _GNU_SOURCE
#include "loader_calls.h"

#include <dlfcn.h>
#include <iconv.h>
#include <locale.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chains.h"

static char** libraries;

static void* load(const char* path) {
    void* const handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    if (!handle) {
        char* const message = strdup(dlerror());
        free(message);
    }
    return handle;
}

static int call_in(void* handle, const char* name) {
    int (*const function)(int) = (int (*)(int))dlsym(handle, name);
    return function ? function(7) : (int)strlen(dlerror());
}

static NOINLINE void use_library(void) {
    void* const handle = *libraries ? load(*libraries++) : NULL;
    if (!handle) abort();
    call_in(handle, "touch_thread_memory");
    call_in(handle, "chosen_late");
    call_in(handle, "no_such_function");
}

static void* in_thread(void* unused) {
    touch_thread_memory(3);
    use_library();
    return unused;
}

static int compare(const void* a, const void* b) {
    return *(const int*)a - *(const int*)b;
}

static NOINLINE void use_c_library(void) {
    static int numbers[5000];
    const iconv_t conversion = iconv_open("UTF-16", "ISO-8859-15");
    if (conversion != (iconv_t)-1) iconv_close(conversion);
    getpwnam("root");
    setlocale(LC_ALL, "C.UTF-8");
    for (int i = 0; i < 5000; i++) numbers[i] = (i * 7919) % 5000;
    qsort(numbers, 5000, sizeof numbers[0], compare);
    char* text = NULL;
    if (asprintf(&text, "%500d %s", 1, "text") > 0) free(text);
    FILE* const file = fopen("/proc/self/comm", "r");
    size_t size = 0;
    char* line = NULL;
    if (!file || getline(&line, &size, file) < 0) abort();
    free(line);
    fclose(file);
}

NOINLINE void work_is_done(void) {
    STAY();
}

static void wait_for_line(void) {
    char c;
    while (read(0, &c, 1) == 1 && c != '\n') {
    }
}

int main(int argc, char** argv) {
    if (argc < 4) return 2;
    libraries = argv + 1;
    dprintf(1, "ready %d\n", getpid());
    wait_for_line();

    chosen_late(1);
    touch_thread_memory(2);
    use_library();
    load("/no/such/library.so");
    use_c_library();
    pthread_t thread;
    if (pthread_create(&thread, NULL, in_thread, NULL)) abort();
    pthread_join(thread, NULL);
    use_library();
    work_is_done();

    if (write(1, "{}\n", 3) != 3) return 1;
    wait_for_line();
    return 0;
}
