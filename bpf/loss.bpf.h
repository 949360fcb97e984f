/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters that nothing is lost without: of a process image, and of a probe. */
#ifndef SEEP_LOSS_BPF_H
#define SEEP_LOSS_BPF_H

#include "maps.bpf.h"

/*
 * Per-CPU, and still added to atomically: a program may be preempted between load and store by
 * another thread's on the same CPU. Nobody else's cache holds the line, so the lock prefix is
 * cheap.
 */
static __always_inline void add_to(u64 *counter, u64 amount)
{
	__sync_fetch_and_add(counter, amount);
}

static __always_inline u32 process_slot(u64 cookie)
{
	return (cookie >> SEEP_COOKIE_PROCESS_SHIFT) & ((1 << SEEP_COOKIE_PROCESS_BITS) - 1);
}

static __always_inline struct seep_process *process_of(u64 cookie)
{
	u32 slot = process_slot(cookie);

	return bpf_map_lookup_elem(&processes, &slot);
}

static __always_inline void count_loss(struct seep_process *process, enum seep_loss loss)
{
	add_to(&process->losses[loss], 1);
}

static __always_inline void count_hits(u64 cookie, u64 count)
{
	u32 probe = cookie & ((1 << SEEP_COOKIE_PROBE_BITS) - 1);
	u64 *hits = bpf_map_lookup_elem(&probe_hits, &probe);

	if (hits)
		add_to(hits, count);
}

#endif
