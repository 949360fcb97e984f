/* SPDX-License-Identifier: GPL-2.0-only */
/* What the collector has the kernel do for it: dropping what is left of a process that is gone, so
 * that a ledger of millions is never walked from user space. */
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
	if (key->process == request->process && !bpf_map_delete_elem(map, key))
		request->dropped++;
	return 0;
}

SEC("syscall")
int seep_purge(struct purge_request *context)
{
	struct purge_request request = {.process = context->process};

	bpf_for_each_map_elem(&live, purge_block, &request, 0);
	context->dropped = request.dropped;
	return 0;
}

#endif
