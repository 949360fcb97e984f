/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Call chains at random, for comparing stacks. A link is a function that calls descend() in a way
 * of its own; descend() calls another link at random, and checkpoint() at the end of the chain:
 * that one allocates a number of bytes that no other checkpoint does, and stops the process, still
 * in the same frame, so that a debugger sees the callers that a tracer saw.
 *
 * The stop is tgkill(pid, tid, SIGSTOP) with the number of bytes in r10, where a system call's
 * fourth argument would be: a debugger finds it in the register, any other tool in
 * /proc/PID/task/TID/syscall. After the last one there is a stop with 0 bytes, and the truth is the
 * return addresses of coroutines' first functions: there their stacks end, but debuggers go on.
 */
#ifndef CHAINS_H
#define CHAINS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NOINLINE __attribute__((noinline))
/* Nothing is moved across, and no call before it is a function's last act. */
#define STAY() __asm__ volatile("" ::: "memory")

/* Each calls descend() with fewer links to go, whatever else it does. */
typedef void (*Link)(int links);
typedef void* (*Allocate)(size_t bytes);

extern uintptr_t ends_of_coroutines[2]; /* 0: not met */
extern const Link plain_links[];
extern const size_t plain_link_count;
extern const Link signal_links[];
extern const size_t signal_link_count;

void add_links(const Link* links, size_t count);
void add_allocator(Allocate allocate);
void descend(int links);
unsigned random_below(unsigned bound);
void prepare_signals(void);
void run_chains(int argc, char** argv);

#ifdef __cplusplus
}
#endif

#endif
