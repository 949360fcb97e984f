/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's unwinder (bpf/unwind.bpf.h) compiled for the machine itself, with a world of its
 * own: one process, its tables, one piece of stack, perhaps one of code. What is read outside of
 * them fails, as it does in the kernel; and nothing is known of pending return probes.
 *
 * For walks that the kernel leaves to the collector, and for tests and fuzzers. To be used from one
 * thread: what a walk finds about rules is kept for the next one, as the kernel does for a thread.
 */
#ifndef SEEP_NATIVE_WALK_H
#define SEEP_NATIVE_WALK_H

#ifndef __cplusplus
#include <assert.h>
#endif
#include <stddef.h>

#include "bpf/wire.h"

#ifdef __cplusplus
extern "C" {
#endif

struct native_table {
    uint32_t slot;
    uint32_t words;
    const uint64_t* table;
};

struct native_world {
    const struct seep_mapping* mappings; /* entry 0 as in wire.h */
    uint32_t mapping_entries;
    const struct native_table* tables;
    size_t table_count;
    uint64_t stack_start; /* where `stack` is in the target */
    const unsigned char* stack;
    size_t stack_size;
    uint64_t code_start; /* as above; there need not be any */
    const unsigned char* code;
    size_t code_size;
};

struct native_registers {
    uint64_t pc, sp, fp, bx;
};

/* The callers, and how often a map or the stack was read for them. The walk is that of a thread
 * that has never walked before, or of the one of the walk before. */
uint64_t native_walk(const struct native_world* world, const struct native_registers* caller,
                     struct seep_stack* stack);
uint64_t native_walk_again(const struct native_world* world, const struct native_registers* caller,
                           struct seep_stack* stack);
/* How often the collector was called since the last native_walk() began. */
uint64_t native_calls(void);
/* Whether the thread takes that for the walk before: then it would be the same. */
int native_remembers(const struct native_world* world, const struct native_registers* caller);

/* Where the last walk has ended, but for its stack and its id. Returns the first of the ids that
 * the stack may have (SEEP_STACK_PLACES). */
uint64_t native_last_walk(struct seep_deferred_walk* to);

/* What the kernel's program would have made of it, had it found this world. Returns the id as
 * above. */
uint64_t native_walk_on(const struct native_world* world, const struct seep_deferred_walk* from,
                        struct seep_stack* stack);

#ifdef __cplusplus
}
#endif

#endif
