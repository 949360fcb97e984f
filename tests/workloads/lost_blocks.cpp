// SPDX-License-Identifier: GPL-2.0-only
// lost_blocks MILLISECONDS: keeps its blocks in the ways that programs do. 100 times a second: a
// block that is lost, two that point to each other and to which nothing else does, one in a list,
// one whose address is kept inverted and that is freed after two seconds, and ten messages, nine of
// which are kept for three seconds, and one is lost. 20 times a second a block whose address is
// kept by epoll alone. And 100 times a second one in a table whose address is kept inverted, but
// while the program sleeps, when a register alone has it. The truth says how fast messages were
// lost.

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include <array>
#include <cstring>
#include <ctime>
#include <new>

#include "workload.h"

namespace {

constexpr int rounds_a_second = 100;

struct Node {
    Node* next = nullptr;
    std::array<char, 88> contents{};
};

Node* list = nullptr;

// Addresses are left in registers and on the stack: what happens later overwrites them.
[[gnu::noinline]] Node* make_node() {
    return new (malloc(sizeof(Node))) Node;
}

[[gnu::noinline]] void lose_one() {
    keep(make_node());
}

[[gnu::noinline]] void lose_cycle() {
    Node* const first = make_node();
    first->next = make_node();
    first->next->next = first;
    keep(first);
}

[[gnu::noinline]] void add_to_list() {
    Node* const node = make_node();
    node->next = list;
    list = node;
}

[[gnu::noinline]] void watch_event(int epoll) {
    Node* const node = make_node();
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = node;
    epoll_ctl(epoll, EPOLL_CTL_ADD, eventfd(0, 0), &event);
}

[[gnu::noinline]] void hide_one(std::uintptr_t& place) {
    free(reinterpret_cast<void*>(~place));  // NOLINT(performance-no-int-to-ptr)
    place = ~reinterpret_cast<std::uintptr_t>(make_node());
}

[[gnu::noinline]] void add_to_table(std::uintptr_t inverted, std::size_t number) {
    Node* const node = make_node();
    asm volatile("" : "+r"(inverted));                   // not before, or the stack would have it
    reinterpret_cast<Node**>(~inverted)[number] = node;  // NOLINT(performance-no-int-to-ptr)
}

[[gnu::noinline]] void sleep_with(std::uintptr_t inverted, const timespec& pause) {
    long number = SYS_nanosleep;
    asm volatile("not %[table]; syscall; not %[table]"
                 : "+a"(number), [table] "+b"(inverted)
                 : "D"(&pause), "S"(nullptr)
                 : "rcx", "r11", "memory");
}

[[gnu::noinline]] void take_message(std::array<Node*, 3000>& messages, std::size_t number) {
    Node* const message = make_node();
    keep(message);
    if (number % 10 == 0) return;
    Node*& place = messages[number % messages.size()];
    free(place);
    place = message;
}

}  // namespace

int main(int argc, char** argv) {
    const auto milliseconds = static_cast<int>(number_argument(argc, argv, 1, 20'000));
    const int epoll = epoll_create1(0);
    static std::array<std::uintptr_t, 2 * rounds_a_second> hidden{};
    hidden.fill(~std::uintptr_t{0});
    static std::array<Node*, 3000> messages{};
    const int rounds = milliseconds * rounds_a_second / 1000;
    static const std::uintptr_t table = ~reinterpret_cast<std::uintptr_t>(
        calloc(static_cast<std::size_t>(rounds), sizeof(std::uintptr_t)));
    wait_until_attached();
    timespec start{};
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int round = 0; round < rounds; round++) {
        lose_one();
        lose_cycle();
        add_to_list();
        if (round % 5 == 0) watch_event(epoll);
        hide_one(hidden[static_cast<std::size_t>(round) % hidden.size()]);
        for (std::size_t i = 0; i < 10; i++)
            take_message(messages, 10 * static_cast<std::size_t>(round) + i);
        add_to_table(table, static_cast<std::size_t>(round));
        sleep_with(table, {0, 1'000'000'000 / rounds_a_second});
    }
    timespec end{};
    clock_gettime(CLOCK_MONOTONIC, &end);
    const double seconds = static_cast<double>(end.tv_sec - start.tv_sec) +
                           static_cast<double>(end.tv_nsec - start.tv_nsec) / 1e9;
    char more[80];
    std::snprintf(more, sizeof(more), "\"lost_bytes_per_second\": %.1f",
                  static_cast<double>(sizeof(Node)) * rounds / seconds);
    tell_truth_and_exit(Truth{}, more);
}
