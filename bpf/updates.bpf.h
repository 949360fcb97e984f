/* SPDX-License-Identifier: GPL-2.0-only */
/* Putting things into the maps that are not preallocated. */
#ifndef SEEP_UPDATES_BPF_H
#define SEEP_UPDATES_BPF_H

#include "errors.bpf.h"
#include "maps.bpf.h"

/* An update fails for a moment when the CPU's reserve of elements is used up; it is being refilled
 * by an interrupt (kernel/bpf/memalloc.c), so trying again helps. */
#define UPDATE_TRIES 8

static __always_inline long update_with_patience(void *map, const void *key, const void *value,
						 u64 flags)
{
	long error = 0;
	int i;

	for (i = 0; i < UPDATE_TRIES; i++) {
		error = bpf_map_update_elem(map, key, value, flags);
		if (error != ERROR_NO_MEMORY && error != ERROR_BUSY)
			break;
	}
	return error;
}

/* Counters of a stack that is new. */
static __always_inline long insert_totals(u64 id)
{
	static const struct seep_totals zero;

	return update_with_patience(&totals, &id, &zero, BPF_NOEXIST);
}

#endif
