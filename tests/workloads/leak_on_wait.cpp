// SPDX-License-Identifier: GPL-2.0-only
// A leak to be put into any server that waits with epoll_wait(), by LD_PRELOAD: at every Nth wait
// of a process, leak_on_wait() allocates B bytes and forgets them, so that the leak follows the
// load.
//
//   LEAK_EVERY   N, 32 unless given
//   LEAK_BYTES   B, 1000 unless given
//   LEAK_COUNTS  a directory: the bytes leaked so far stand in the file PID there, as 64 bits

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

using EpollWait = int (*)(int, epoll_event*, int, int);
using Counter = std::atomic<std::uint64_t>;
static_assert(Counter::is_always_lock_free);

/// Where nobody wants to know, or nothing can be written.
Counter unread;

std::uint64_t every = 32;
std::uint64_t bytes = 1000;
std::array<char, 4000> directory{};

/// At the start, because servers throw their environment away, or write over it.
[[gnu::constructor]] void read_environment() {
    if (const char* text = getenv("LEAK_EVERY")) every = strtoull(text, nullptr, 10);
    if (const char* text = getenv("LEAK_BYTES")) bytes = strtoull(text, nullptr, 10);
    if (const char* text = getenv("LEAK_COUNTS"))
        snprintf(directory.data(), directory.size(), "%s", text);
}

Counter* map_counter(pid_t pid) {
    if (directory[0] == 0) return &unread;
    std::array<char, 4096> path{};
    snprintf(path.data(), path.size(), "%s/%d", directory.data(), static_cast<int>(pid));
    const int file = open(path.data(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0) return &unread;
    void* page = ftruncate(file, sizeof(Counter)) == 0
                     ? mmap(nullptr, sizeof(Counter), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
                     : MAP_FAILED;
    close(file);
    return page != MAP_FAILED ? static_cast<Counter*>(page) : &unread;
}

/// Of this process: a forked one counts for itself.
Counter& counter() {
    static std::atomic<pid_t> owner = 0;
    static std::atomic<Counter*> mapped = &unread;
    const pid_t self = getpid();
    if (owner.exchange(self) != self) mapped = map_counter(self);
    return *mapped;
}

}  // namespace

extern "C" [[gnu::noinline]] void leak_on_wait(std::size_t size) {
    void* block = malloc(size);
    if (block == nullptr) return;
    std::memset(block, 1, size);
    asm volatile("" : : "r"(block) : "memory");
    counter() += size;
}

extern "C" int epoll_wait(int epoll, epoll_event* events, int most, int timeout) {
    static const auto wait = reinterpret_cast<EpollWait>(dlsym(RTLD_NEXT, "epoll_wait"));
    static std::atomic<std::uint64_t> waits = 0;
    if (++waits % every == 0) leak_on_wait(bytes);
    return wait(epoll, events, most, timeout);
}
