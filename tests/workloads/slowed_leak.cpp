// SPDX-License-Identifier: GPL-2.0-only
// slowed_leak MILLISECONDS [MICROSECONDS]: requests one after another, as fast as it can or with
// such a pause after each, each with a few blocks of its own and some work, a record that is looked
// at in each twentieth, and one that is leaked in each two-hundredth: probes on the allocator slow
// it down many times, and the leak with it. The truth says how fast it leaked, and how many
// records.

#include <unistd.h>

#include <array>
#include <ctime>

#include "workload.h"

namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::uint64_t requests_a_leak = 200;
constexpr std::uint64_t requests_a_look = 20;
constexpr std::uint64_t record_bytes = 1009;

std::int64_t now() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * second + time.tv_nsec;
}

[[gnu::noinline]] void* make_record() {
    void* const record = malloc(record_bytes);
    keep(record);
    return record;
}

[[gnu::noinline]] void look_at_record() {
    void* const record = make_record();
    free(record);
}

[[gnu::noinline]] void leak_record(Truth& truth) {
    keep(make_record());
    truth.allocated(record_bytes);
}

[[gnu::noinline]] void serve_request() {
    std::array<void*, 8> blocks{};
    for (std::size_t i = 0; i < blocks.size(); i++) {
        blocks[i] = malloc(17 + 40 * i);
        keep(blocks[i]);
    }
    for (void* block : blocks) free(block);
    std::uint64_t number = 1;
    for (int i = 0; i < 500; i++) number = number * 6364136223846793005ULL + 1442695040888963407ULL;
    keep(&number);
}

}  // namespace

int main(int argc, char** argv) {
    const auto milliseconds = static_cast<std::int64_t>(number_argument(argc, argv, 1, 20'000));
    const auto pause_us = static_cast<useconds_t>(number_argument(argc, argv, 2, 0));
    wait_until_attached();
    Truth truth;
    const std::int64_t start = now();
    for (std::uint64_t request = 1; now() < start + milliseconds * 1'000'000; request++) {
        serve_request();
        if (request % requests_a_look == 0) look_at_record();
        if (request % requests_a_leak == 0) leak_record(truth);
        if (pause_us != 0) usleep(pause_us);
    }
    const double seconds = static_cast<double>(now() - start) / second;
    char more[128];
    std::snprintf(more, sizeof(more),
                  "\"leaked_bytes_per_second\": %.1f, \"leaks_per_second\": %.1f",
                  static_cast<double>(truth.allocated_bytes) / seconds,
                  static_cast<double>(truth.allocated_bytes) / record_bytes / seconds);
    tell_truth_and_exit(truth, more);
}
