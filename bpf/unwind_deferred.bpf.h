/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Walks that came to code which the process has just mapped, and the collector has not told of yet.
 * A program cannot wait for it. So the stack from there on is copied, and the collector goes on
 * with the walk when it has the tables (userspace/unwind/native_walk.h). Until then, and for as
 * long as the block lives, its stack has an id of its own: nobody can tell yet which others are the
 * same.
 *
 * A function by itself for the verifier (not inlined, not static): it is checked apart from the
 * programs that call it.
 */
#ifndef SEEP_UNWIND_DEFERRED_BPF_H
#define SEEP_UNWIND_DEFERRED_BPF_H

#include "memory_areas.bpf.h"
#include "unwind.bpf.h"
#include "updates.bpf.h"

/* Walks on their way to the collector. Bound: its size, which the collector sets; with copies of
 * 10 KiB, 100 walks a MiB. Full: the stack is truncated, and counted as that. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 23);
} deferred_walks SEC(".maps");

/* Ids (SEEP_STACK_DEFERRED): how many were given out, and how many of those are no longer in use.
 * The collector adds to the latter, too. Bound: SEEP_MOST_DEFERRED in use; beyond: as above. */
__u64 deferred_given = 0;
__u64 deferred_returned = 0;

/* A walk that went astray ends at an address that is no code. */
static __always_inline bool is_code(u64 address)
{
	struct memory_area area = {};

	find_area(address, &area, (struct memory_area){.flags = VM_EXEC});
	return area.flags & VM_EXEC;
}

/* How much of the stack is copied: up to where the memory ends that it is in. */
static __always_inline u32 pieces_above(u64 start)
{
	struct memory_area area = {};
	u64 pieces;

	find_area(start, &area, (struct memory_area){.end = start + PAGE_BYTES});
	if (area.end <= start)
		return 0;
	pieces = (area.end - start) / SEEP_STACK_PIECE;
	return pieces < SEEP_MOST_STACK_PIECES ? pieces : SEEP_MOST_STACK_PIECES;
}

/* Copies until something cannot be read; returns how much it was. */
static __always_inline u64 copy_stack(struct bpf_dynptr *room, u64 start, u32 pieces)
{
	u32 i;

	for (i = 0; i < SEEP_MOST_STACK_PIECES && i < pieces; i++) {
		void *piece =
		    bpf_dynptr_data(room, sizeof(struct seep_deferred_walk) + i * SEEP_STACK_PIECE,
				    SEEP_STACK_PIECE);

		if (!piece || read_user(piece, SEEP_STACK_PIECE, start + i * SEEP_STACK_PIECE))
			break;
	}
	return (u64)i * SEEP_STACK_PIECE;
}

/* Return addresses that the kernel has hidden (unwind_memory.bpf.h), into the copy. */
static __always_inline void uncover_trampolines(struct bpf_dynptr *room, const struct walk *walk,
						u64 start, u64 bytes)
{
	struct return_instance *next = (struct return_instance *)walk->pending;
	int i;

	for (i = 0; i < MAX_TRAMPOLINES_PER_FRAME && next; i++) {
		u64 at = BPF_CORE_READ(next, stack) - start;
		u64 address = BPF_CORE_READ(next, orig_ret_vaddr);

		if (at < bytes)
			bpf_dynptr_write(room, sizeof(struct seep_deferred_walk) + at, &address,
					 sizeof(address), 0);
		next = BPF_CORE_READ(next, next);
	}
}

/*
 * Hands the walk that the thread has just made to the collector. Returns the id that the stack has
 * for now; 0: the walk stays as it is, as it does where nothing was told of the process (seep
 * itself, when it measures what probes cost). Totals come before the walk that tells of them, and
 * both before any block is added to them.
 */
__noinline u64 defer_walk(struct thread_state *thread)
{
	struct seep_deferred_walk *walk;
	struct bpf_dynptr room;
	u64 start, bytes;
	u32 pieces;

	if (!thread || !thread->rules.generation || !is_code(thread->walk.pc) ||
	    deferred_given - deferred_returned >= SEEP_MOST_DEFERRED)
		return 0;
	start = thread->walk.sp & ~(u64)(SEEP_STACK_PIECE - 1);
	pieces = pieces_above(start);
	bytes = (u64)pieces * SEEP_STACK_PIECE;
	/* Given back or submitted whether there was room or not: the verifier insists. */
	if (bpf_ringbuf_reserve_dynptr(&deferred_walks, sizeof(*walk) + bytes, 0, &room))
		goto discard;
	walk = bpf_dynptr_data(&room, 0, sizeof(*walk));
	if (!walk)
		goto discard;
	describe_walk(walk, thread);
	walk->time_ns = bpf_ktime_get_ns();
	walk->stack_start = start;
	walk->stack_bytes = bytes;
	walk->copied = copy_stack(&room, start, pieces);
	uncover_trampolines(&room, &thread->walk, start, walk->copied);
	walk->id = __sync_fetch_and_add(&deferred_given, 1) | SEEP_STACK_DEFERRED;
	if (insert_totals(walk->id)) {
		__sync_fetch_and_add(&deferred_returned, 1);
		goto discard;
	}
	start = walk->id;
	bpf_ringbuf_submit_dynptr(&room, 0);
	return start;
discard:
	bpf_ringbuf_discard_dynptr(&room, 0);
	return 0;
}

#endif
