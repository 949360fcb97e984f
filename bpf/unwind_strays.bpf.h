/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stacks that led to code which the process's mappings do not have: mapped a moment ago, or moved
 * by mremap, of which no event tells. The collector is woken, and reads the mappings again.
 */
#ifndef SEEP_UNWIND_STRAYS_BPF_H
#define SEEP_UNWIND_STRAYS_BPF_H

#include "maps.bpf.h"

/* Between two calls about the same mappings: what led nowhere once may do so at every allocation,
 * and nothing can be done about it. */
#define STRAY_PAUSE_NS 100000000ULL

static __always_inline void tell_of_stray(u32 process, u64 generation)
{
	struct stray_call *last = bpf_map_lookup_elem(&stray_calls, &process);
	u64 now = bpf_ktime_get_ns();

	if (!last || (last->generation == generation && now - last->time_ns < STRAY_PAUSE_NS))
		return;
	last->generation = generation;
	last->time_ns = now;
	bpf_ringbuf_output(&strays, &process, sizeof(process), BPF_RB_FORCE_WAKEUP);
}

#endif
