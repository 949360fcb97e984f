// SPDX-License-Identifier: GPL-2.0-only
// dlopen_late LIBRARY: loads the library after the tracer has attached and leaks through its
// leak_from_library(). Loading allocates, too: the truth is about that function alone.

#include <dlfcn.h>

#include <ctime>

#include "workload.h"

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    constexpr std::size_t size = 211;
    constexpr int count = 1'013;

    wait_until_attached();
    void* library = dlopen(argv[1], RTLD_NOW);
    if (library == nullptr) {
        std::fputs(dlerror(), stderr);
        return 1;
    }
    auto leak = reinterpret_cast<void* (*)(std::size_t)>(dlsym(library, "leak_from_library"));
    // A tracer learns of a new mapping a moment after it was made.
    timespec moment{1, 0};
    nanosleep(&moment, nullptr);
    Truth truth;
    for (int i = 0; i < count; i++) {
        leak(size);
        truth.allocated(size);
    }
    tell_truth_and_exit(truth);
}
