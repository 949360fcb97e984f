// SPDX-License-Identifier: GPL-2.0-only
// More mappings at once than fit a buffer, few of which stay: mapping_storm PAIRS.

#include <sys/mman.h>

#include "workload.h"

namespace {

constexpr std::size_t page = 4096;
constexpr std::uint64_t kept_of = 1009;

char* map_two_pages() {
    void* result =
        mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (result == MAP_FAILED) _exit(1);
    return static_cast<char*>(result);
}

}  // namespace

int main(int argc, char** argv) {
    const std::uint64_t pairs = number_argument(argc, argv, 1, 100'003);
    wait_until_attached();
    for (std::uint64_t i = 0; i < pairs; ++i) {
        char* place = map_two_pages();
        if (munmap(place, i % kept_of == 0 ? page : 2 * page) != 0) _exit(1);
    }
    tell_truth_and_exit({});
}
