// SPDX-License-Identifier: GPL-2.0-only
#include "base/wakeups.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace seep {

UniqueFd make_timer(std::chrono::nanoseconds first, std::chrono::nanoseconds period) {
    UniqueFd timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    const auto as_timespec = [](std::chrono::nanoseconds time) {
        return timespec{time.count() / 1'000'000'000, time.count() % 1'000'000'000};
    };
    const itimerspec setting{as_timespec(period), as_timespec(first)};
    timerfd_settime(timer.get(), 0, &setting, nullptr);
    return timer;
}

bool expired(const UniqueFd& timer) {
    std::uint64_t expirations = 0;
    return timer && read(timer.get(), &expirations, sizeof(expirations)) > 0;
}

UniqueFd make_event() {
    return UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

void set_event(const UniqueFd& event) {
    // Fails only if the counter is at its end, and then the descriptor is readable as well.
    (void)eventfd_write(event.get(), 1);
}

bool reset_event(const UniqueFd& event) {
    eventfd_t count = 0;
    return eventfd_read(event.get(), &count) == 0;
}

namespace {

UniqueFd read_from_now_on(std::initializer_list<int> numbers) {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : numbers) sigaddset(&set, number);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    return UniqueFd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

}  // namespace

Result<void> wait_for_any(std::span<const int> fds, std::string_view what) {
    std::vector<pollfd> waiting;
    for (const int fd : fds) waiting.push_back({fd, POLLIN, 0});
    if (poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR)
        return errno_error(fmt::format("cannot wait for {}", what));
    return {};
}

UniqueFd catch_signals() {
    return read_from_now_on({SIGINT, SIGTERM, SIGHUP});
}

UniqueFd catch_signal(int number) {
    return read_from_now_on({number});
}

std::optional<int> caught(const UniqueFd& signals) {
    signalfd_siginfo signal{};
    if (read(signals.get(), &signal, sizeof(signal)) <= 0) return std::nullopt;
    return static_cast<int>(signal.ssi_signo);
}

}  // namespace seep
