/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's unwinder (bpf/unwind.bpf.h) compiled for the machine itself, with a world of its
 * own: one process, one table, one piece of stack on pages of zeros. Whatever is read outside of
 * them fails, as it does in the kernel. For tests and fuzzers, not thread-safe.
 */
#ifndef NATIVE_UNWINDER_H
#define NATIVE_UNWINDER_H

#ifndef __cplusplus
#include <assert.h>
#endif
#include <stddef.h>

#include "bpf/wire.h"

#ifdef __cplusplus
extern "C" {
#endif

struct native_world {
    const struct seep_mapping* mappings; /* entry 0 is their number */
    uint32_t mapping_entries;
    const uint64_t* table; /* in slot 1 */
    uint32_t table_words;
    uint64_t stack_start; /* where `stack` is in the target */
    const unsigned char* stack;
    size_t stack_size;
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

#ifdef __cplusplus
}
#endif

#endif
