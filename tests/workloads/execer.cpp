// SPDX-License-Identifier: GPL-2.0-only
// execer PROGRAM ARGS...: becomes another workload after the tracer has attached.

#include "workload.h"

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    wait_until_attached();
    keep(malloc(4'099));
    execv(argv[1], argv + 1);
    return 1;
}
