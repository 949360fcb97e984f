// SPDX-License-Identifier: GPL-2.0-only
// libraries_in_turn LIBRARY LIBRARY ROUNDS MILLISECONDS: loads one library and then the other, in
// turns, and leaks from each, that many milliseconds after it was loaded. The truth is how often
// one was where the other had been, and what each of them has leaked: loading allocates, too.

#include <dlfcn.h>

#include <cstdlib>
#include <ctime>

#include "workload.h"

int main(int argc, char** argv) {
    if (argc != 5) return 2;
    constexpr std::size_t size = 211;
    constexpr int blocks = 7;
    const int rounds = std::atoi(argv[3]);
    const long pause = std::atol(argv[4]);
    const timespec moment{pause / 1000, pause % 1000 * 1'000'000};
    int same_place = 0;
    const void* before = nullptr;

    wait_until_attached();
    for (int i = 0; i < rounds; i++) {
        void* const library = dlopen(argv[1 + i % 2], RTLD_NOW);
        void* const leak = library == nullptr ? nullptr : dlsym(library, "leak_from_library");
        Dl_info info;
        if (leak == nullptr || dladdr(leak, &info) == 0) {
            std::fputs("the library has no leak_from_library()\n", stderr);
            return 1;
        }
        if (info.dli_fbase == before) same_place++;
        before = info.dli_fbase;
        if (pause > 0) nanosleep(&moment, nullptr);
        for (int block = 0; block < blocks; block++) {
            reinterpret_cast<void (*)(std::size_t)>(leak)(size);
        }
        dlclose(library);
    }
    Truth each;
    for (int i = 0; i < rounds / 2 * blocks; i++) each.allocated(size);
    char more[64];
    std::snprintf(more, sizeof more, "\"rounds\": %d, \"same_place\": %d", rounds, same_place);
    tell_truth_and_exit(each, more);
}
