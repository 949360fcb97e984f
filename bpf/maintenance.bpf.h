/* SPDX-License-Identifier: GPL-2.0-only */
/* What the collector has the kernel do for it: reading a clock that only the kernel has, and
 * dropping what is left of a process that is gone, so that a ledger of millions is never walked
 * from user space. */
#ifndef SEEP_MAINTENANCE_BPF_H
#define SEEP_MAINTENANCE_BPF_H

#include "ledger.bpf.h"

struct bpf_map;

struct purge_request {
	u32 process; /* slot */
	u32 dropped; /* out: blocks */
};

static long purge_block(struct bpf_map *map, struct seep_live_key *key, struct seep_live *block,
			struct purge_request *request)
{
	struct seep_recent_set *set;

	if (key->process != request->process)
		return 0;
	set = recent_set_of(recent_key(key));
	if (set && drop_live(set, key))
		request->dropped++;
	return 0;
}

static long purge_set(struct bpf_map *map, u32 *index, struct seep_recent_set *set,
		      struct purge_request *request)
{
	u32 way;

	for (way = 0; way < SEEP_RECENT_WAYS; way++)
		request->dropped += drop_recent(set, way, request->process);
	return 0;
}

/* Before anything is attached. */
SEC("syscall")
int seep_start_clock(void *context)
{
	first_jiffy = bpf_jiffies64();
	first_tick_us = exact_us() - (tick_length >> SEEP_TICK_SHIFT); /* it began before */
	return 0;
}

SEC("syscall")
int seep_purge(struct purge_request *context)
{
	struct purge_request request = {.process = context->process};

	/* In the order in which a block moves. */
	bpf_for_each_map_elem(&recent, purge_set, &request, 0);
	bpf_for_each_map_elem(&live, purge_block, &request, 0);
	context->dropped = request.dropped;
	return 0;
}

#endif
