/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Outstanding allocations, and what has happened at each stack: monotone counters that every block
 * is added to once when it is born and once when it dies.
 */
#ifndef SEEP_LEDGER_BPF_H
#define SEEP_LEDGER_BPF_H

#include "unwind.bpf.h"
#include "sampling.bpf.h"

static __always_inline u64 now_us(void)
{
	return (bpf_ktime_get_ns() - attach_time_ns) / 1000;
}

static __always_inline u64 square_in_256ths(u64 bytes)
{
	u64 capped = bytes < (1ULL << 32) ? bytes : (1ULL << 32) - 1;

	return (capped * capped + 255) >> 8;
}

static __always_inline u32 lifetime_bucket(u64 us)
{
	u32 bucket = 0, step;

	for (step = 32; step; step >>= 1) {
		if (us >> step) {
			us >>= step;
			bucket += step;
		}
	}
	bucket += us ? 1 : 0;
	return bucket < SEEP_LIFETIME_BUCKETS ? bucket : SEEP_LIFETIME_BUCKETS - 1;
}

static __always_inline u64 count_of(const struct seep_live *block)
{
	return block->weight >> (32 - SEEP_COUNT_SHIFT);
}

static __always_inline u64 born_of(const struct seep_live *block)
{
	return (block->born_us * count_of(block)) >> SEEP_COUNT_SHIFT;
}

/* Born in an earlier window, so that its free may have gone by between the two. */
static __always_inline bool is_late(const struct seep_live *block)
{
	return block->born_us < window_began_us;
}

/* The two halves of a block's life add the same amounts, so that live comes back to exactly 0. */
static __always_inline void account_birth(struct seep_totals *at, const struct seep_live *block)
{
	__sync_fetch_and_add(&at->allocated_count, count_of(block));
	__sync_fetch_and_add(&at->allocated_bytes, weighted(block->bytes, block->weight));
	__sync_fetch_and_add(&at->allocated_squares,
			     weighted(square_in_256ths(block->bytes), block->weight));
	__sync_fetch_and_add(&at->allocated_born, born_of(block));
}

static __always_inline void account_death(const struct seep_live *block)
{
	struct seep_totals *at = bpf_map_lookup_elem(&totals, &block->stack);
	u64 age = now_us() - block->born_us;

	if (!at)
		return; /* the collector has dropped the process */
	__sync_fetch_and_add(&at->freed_count, count_of(block));
	__sync_fetch_and_add(&at->freed_bytes, weighted(block->bytes, block->weight));
	__sync_fetch_and_add(&at->freed_squares,
			     weighted(square_in_256ths(block->bytes), block->weight));
	__sync_fetch_and_add(&at->freed_born, born_of(block));
	if (is_late(block)) {
		__sync_fetch_and_add(&at->late_count, count_of(block));
		__sync_fetch_and_add(&at->late_bytes, weighted(block->bytes, block->weight));
	} else {
		__sync_fetch_and_add(&at->lifetimes[lifetime_bucket(age)], count_of(block));
	}
}

static __always_inline bool same_stack(const struct seep_stack *a, const struct seep_stack *b)
{
	u32 i;

	if (a->process != b->process || a->depth != b->depth || a->end != b->end)
		return false;
	for (i = 0; i < SEEP_MAX_FRAMES; i++) {
		if (i >= a->depth)
			return true;
		if (a->frames[i] != b->frames[i])
			return false;
	}
	return true;
}

/* Where to look for a stack whose place is taken by another of the same hash. */
#define STACK_PLACES 4
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
		if (error != -12 /* ENOMEM */ && error != -16 /* EBUSY */)
			break;
	}
	return error;
}

static __always_inline long insert_stack(u64 id, const struct seep_stack *stack)
{
	static const struct seep_totals zero;
	long error = update_with_patience(&totals, &id, &zero, BPF_NOEXIST);

	if (error && error != -17 /* EEXIST: another thread is inserting the same one */)
		return error;
	/* Totals first: whoever finds the stack finds its totals. */
	error = update_with_patience(&stacks, &id, stack, BPF_NOEXIST);
	return error == -17 ? 0 : error;
}

/* The id of a stack, inserted if it is new; 0 if it cannot be kept (counted). */
static __always_inline u64 stack_id(struct seep_process *process, const struct seep_stack *stack,
				    u64 hash)
{
	u64 id = hash ^ ((u64)stack->process << 32) ^ stack->depth;
	int i;

	id = (id ^ (id >> 32)) * 0xd6e8feb86659fd93ULL;
	id ^= id >> 32;
	for (i = 0; i < STACK_PLACES; i++, id++) {
		struct seep_stack *known;

		if (!id)
			continue; /* 0 means none */
		known = bpf_map_lookup_elem(&stacks, &id);
		if (!known) {
			if (insert_stack(id, stack)) {
				count_loss(process, SEEP_LOSS_LOST_STACKS);
				return 0;
			}
			known = bpf_map_lookup_elem(&stacks, &id);
			if (!known)
				continue;
		}
		if (same_stack(known, stack))
			return id;
	}
	count_loss(process, SEEP_LOSS_STACK_COLLISIONS);
	return 0;
}

static __always_inline void add_block(struct seep_process *process, const struct seep_live_key *key,
				      const struct seep_live *block)
{
	struct seep_totals *at = bpf_map_lookup_elem(&totals, &block->stack);
	struct seep_live *stale;
	long error;

	if (!at)
		return;
	error = update_with_patience(&live, key, block, BPF_NOEXIST);
	if (error == -17 /* EEXIST */) {
		/* The allocator hands the address out again: its free went by unseen. */
		stale = bpf_map_lookup_elem(&live, key);
		if (stale) {
			struct seep_live old = *stale;

			account_death(&old);
			if (!is_late(&old))
				count_loss(process, SEEP_LOSS_MISSED_FREES);
		}
		error = update_with_patience(&live, key, block, BPF_ANY);
	}
	if (error)
		count_loss(process, SEEP_LOSS_LOST_ALLOCATIONS);
	else
		account_birth(at, block);
}

/* Takes a block out of the ledger; false if it is not in it. */
static __always_inline bool take_block(const struct seep_live_key *key, struct seep_live *block)
{
	struct seep_live *found = bpf_map_lookup_elem(&live, key);

	if (!found)
		return false;
	*block = *found;
	/* Two threads that free one block at once are a bug of the target; only one of them counts.
	 */
	return bpf_map_delete_elem(&live, key) == 0;
}

#endif
