// SPDX-License-Identifier: GPL-2.0-only
// toucher: brings pages into memory in every way, each by a function of its own, and tells how many
// of them are still there, and by how much RssAnon grew meanwhile.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cstring>
#include <ctime>

#include "workload.h"

namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t large = 512 * page;
constexpr std::size_t kept = 4099;
constexpr std::size_t dropped = 1009;
constexpr std::size_t only_read = 997;
constexpr std::size_t by_kernel = 257;
constexpr std::size_t large_pages = 5;
int zeros = -1;

char* map(std::size_t bytes, int advice) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || madvise(memory, bytes, advice) != 0) _exit(1);
    return static_cast<char*>(memory);
}

char* map_small(std::size_t pages) {
    return map(pages * page, MADV_NOHUGEPAGE);
}

[[gnu::noinline]] void touch_kept(char* memory) {
    for (std::size_t i = 0; i < kept; i++) memory[i * page + i % page] = 1;
}

[[gnu::noinline]] void touch_dropped(char* memory) {
    for (std::size_t i = 0; i < dropped; i++) memory[i * page] = 1;
}

[[gnu::noinline]] void read_only(const char* memory) {
    for (std::size_t i = 0; i < only_read; i++)
        (void)*const_cast<const volatile char*>(memory + i * page);
}

[[gnu::noinline]] void read_into(char* memory) {
    if (read(zeros, memory, by_kernel * page) != static_cast<ssize_t>(by_kernel * page)) _exit(1);
}

/// One touch for each aligned piece; how much that brings is the kernel's choice.
[[gnu::noinline]] void touch_large(char* memory) {
    auto address = reinterpret_cast<std::uintptr_t>(memory);
    char* aligned = memory + (large - address % large) % large;
    for (std::size_t i = 0; i < large_pages; i++) aligned[i * large + 5 * page] = 1;
}

/// All pages are shared with the child, and copied by these writes.
[[gnu::noinline]] void write_again(char* memory) {
    int gate[2];
    if (pipe(gate) != 0) _exit(1);
    const pid_t child = fork();
    char byte = 0;
    if (child == 0) {
        close(gate[1]);
        (void)!read(gate[0], &byte, 1);
        _exit(0);
    }
    for (std::size_t i = 0; i < kept; i++) memory[i * page] = 2;
    close(gate[1]);
    waitpid(child, nullptr, 0);
    close(gate[0]);
}

std::size_t resident_anonymous() {
    static char text[8192];
    const int status = open("/proc/self/status", O_RDONLY);
    const ssize_t size = read(status, text, sizeof(text) - 1);
    close(status);
    text[size > 0 ? size : 0] = 0;
    const char* line = std::strstr(text, "RssAnon:");
    return line == nullptr ? 0 : std::strtoull(line + 8, nullptr, 10) * 1024;
}

}  // namespace

int main() {
    zeros = open("/dev/zero", O_RDONLY);
    char* first = map_small(kept);
    char* second = map_small(dropped);
    char* third = map_small(only_read);
    char* fourth = map_small(by_kernel);
    char* fifth = map((large_pages + 1) * large, MADV_HUGEPAGE);
    resident_anonymous();
    wait_until_attached();

    const std::size_t before = resident_anonymous();
    touch_kept(first);
    touch_dropped(second);
    timespec pause{0, 500'000'000};
    nanosleep(&pause, nullptr);  // a snapshot sees them
    if (madvise(second, dropped * page, MADV_DONTNEED) != 0) _exit(1);
    read_only(third);
    read_into(fourth);
    const std::size_t without_large = resident_anonymous();
    touch_large(fifth);
    const std::size_t with_large = resident_anonymous();
    write_again(first);

    char more[512];
    std::snprintf(more, sizeof(more),
                  "\"touched\": {\"touch_kept\": %zu, \"touch_dropped\": 0, \"read_only\": 0, "
                  "\"read_into\": %zu, \"touch_large\": %zu, \"write_again\": 0}, "
                  "\"anonymous_growth\": %zu",
                  kept * page, by_kernel * page, with_large - without_large,
                  resident_anonymous() - before);
    tell_truth_and_exit({}, more);
}
