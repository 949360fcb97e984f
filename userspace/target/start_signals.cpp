// SPDX-License-Identifier: GPL-2.0-only
#include "target/start_signals.h"

#include <signal.h>

namespace seep {
namespace {

struct StartSignals {
    sigset_t mask;
    sigset_t ignored;
};

StartSignals take_start_signals() {
    StartSignals signals;
    pthread_sigmask(SIG_SETMASK, nullptr, &signals.mask);
    sigemptyset(&signals.ignored);
    for (int number = 1; number < NSIG; ++number) {
        struct sigaction action = {};
        if (sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) {
            sigaddset(&signals.ignored, number);
        }
    }
    return signals;
}

const StartSignals start_signals = take_start_signals();

}  // namespace

void keep_child_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

void restore_start_signals() {
    for (int number = 1; number < NSIG; ++number) {
        struct sigaction action = {};
        action.sa_handler = sigismember(&start_signals.ignored, number) == 1 ? SIG_IGN : SIG_DFL;
        sigaction(number, &action, nullptr);  // refused for SIGKILL, SIGSTOP and libc's own
    }
    pthread_sigmask(SIG_SETMASK, &start_signals.mask, nullptr);
}

}  // namespace seep
