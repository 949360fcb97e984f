/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stacks that led to code which the process's mappings do not have: mapped a moment ago, or moved
 * by mremap, of which no event tells. And libraries that were unloaded, of which none tells either.
 * The collector is woken, and reads the mappings again.
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

/*
 * At the entry and the return of dlclose, which unloads in between. From then on nothing is
 * believed of the mappings that the kernel does not confirm (unwind_rules.bpf.h), until they were
 * read again.
 */
static __always_inline void tell_of_unload(u32 process)
{
	u64 *unloaded = bpf_map_lookup_elem(&unloads, &process);

	if (unloaded)
		__sync_fetch_and_add(unloaded, 1);
	bpf_ringbuf_output(&strays, &process, sizeof(process), BPF_RB_FORCE_WAKEUP);
}

#endif
