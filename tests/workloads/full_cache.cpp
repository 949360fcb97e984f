// SPDX-License-Identifier: GPL-2.0-only
// full_cache MILLISECONDS: a cache that is full all along and replaces an entry 4,000 times a
// second, so that each lives for three quarters of a second; a leak of a record 200 times a second;
// and between them as many requests as fit, which nobody can follow at a low overhead. The truth
// says how fast it leaked.

#include <array>
#include <cstring>
#include <ctime>

#include "workload.h"

namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t leaks_a_second = 200;
constexpr std::int64_t entries_a_second = 4'000;
constexpr std::size_t record_bytes = 1009;
constexpr std::size_t entry_bytes = 509;

std::int64_t now() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * second + time.tv_nsec;
}

class Program {
 public:
    void live_until(std::int64_t end) {
        std::int64_t leaked_at = now();
        std::int64_t cached_at = leaked_at;
        for (std::int64_t time = leaked_at; time < end; time = now()) {
            for (; leaked_at < time; leaked_at += second / leaks_a_second) leak_record();
            for (; cached_at < time; cached_at += second / entries_a_second) replace_entry();
            for (int i = 0; i < 64; i++) serve_request();
        }
    }
    void fill() {
        for (std::size_t i = 0; i < cache_.size(); i++) replace_entry();
    }

    Truth truth;

 private:
    /// With contents that no other block has.
    void fill_block(void* block, std::size_t bytes) {
        for (std::size_t at = 0; at + sizeof(number_) <= bytes; at += sizeof(number_)) {
            number_ = number_ * 6364136223846793005ULL + 1442695040888963407ULL;
            std::memcpy(static_cast<char*>(block) + at, &number_, sizeof(number_));
        }
        keep(block);
    }

    [[gnu::noinline]] void leak_record() {
        fill_block(malloc(record_bytes), record_bytes);
        truth.allocated(record_bytes);
    }

    [[gnu::noinline]] void replace_entry() {
        void*& entry = cache_[at_++ % cache_.size()];
        free(entry);
        entry = malloc(entry_bytes);
        fill_block(entry, entry_bytes);
    }

    [[gnu::noinline]] void serve_request() {
        void* const buffer = malloc(257);
        keep(buffer);
        free(buffer);
    }

    std::array<void*, 3 * entries_a_second / 4> cache_{};
    std::size_t at_ = 0;
    std::uint64_t number_ = 1;
};

}  // namespace

int main(int argc, char** argv) {
    const auto milliseconds = static_cast<std::int64_t>(number_argument(argc, argv, 1, 20'000));
    Program program;
    program.fill();
    wait_until_attached();
    const std::int64_t start = now();
    program.live_until(start + milliseconds * 1'000'000);
    const double seconds = static_cast<double>(now() - start) / second;
    char more[64];
    std::snprintf(more, sizeof(more), "\"leaked_bytes_per_second\": %.1f",
                  static_cast<double>(program.truth.allocated_bytes) / seconds);
    tell_truth_and_exit(program.truth, more);
}
