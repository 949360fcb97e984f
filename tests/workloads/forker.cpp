// SPDX-License-Identifier: GPL-2.0-only
// Forks children that allocate and free on their own, while the parent does: the truth is the
// parent's, and says whether all children lived to their end.

#include <sys/wait.h>

#include "workload.h"

namespace {

constexpr int children = 7;
constexpr int count = 1'009;

[[gnu::noinline]] void allocate_in_child() {
    for (int i = 0; i < count; i++) {
        void* block = malloc(499);
        keep(block);
        if (i % 2 == 0) free(block);
    }
}

[[gnu::noinline]] void leak_in_parent(Truth& truth) {
    for (int i = 0; i < count; i++) {
        keep(malloc(307));
        truth.allocated(307);
    }
}

bool ended_well(pid_t child) {
    int status = 0;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

int main() {
    wait_until_attached();
    Truth truth;
    pid_t pids[children];
    for (pid_t& pid : pids) {
        pid = fork();
        if (pid == 0) {
            allocate_in_child();
            _exit(0);
        }
        leak_in_parent(truth);
    }
    int good = 0;
    for (pid_t pid : pids) good += ended_well(pid);
    char more[64];
    std::snprintf(more, sizeof(more), "\"children_ended_well\": %d, \"children\": %d", good,
                  children);
    tell_truth_and_exit(truth, more);
}
