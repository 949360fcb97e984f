/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Outstanding allocations, and what has happened at each stack: monotone counters that every block
 * is added to once when it is born and once when it dies.
 */
#ifndef SEEP_LEDGER_BPF_H
#define SEEP_LEDGER_BPF_H

#include "blocks.bpf.h"
#include "clock.bpf.h"
#include "sampling.bpf.h"
#include "unwind_deferred.bpf.h"

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
	return (born_us(block) * count_of(block)) >> SEEP_COUNT_SHIFT;
}

/* Born in an earlier window, so that its free may have gone by between the two. Windows are further
 * apart than a few ticks. */
static __always_inline bool is_late(const struct seep_live *block)
{
	return born_us(block) + short_us() < window_began_us;
}

/* The bucket of a lifetime that is over now. */
static __always_inline u32 last_bucket(struct seep_totals *at, const struct seep_live *block)
{
	u64 age, measured = at->last_short;
	u32 bucket;

	if (block->born & SEEP_BORN_EXACT) {
		age = exact_us() - born_us(block);
		bucket = lifetime_bucket(age);
		if (age < short_us())
			at->last_short = bucket + 1;
	} else {
		age = tick_us() - born_us(block);
		bucket = age < short_us() && measured ? measured - 1 : lifetime_bucket(age);
	}
	/* Kernel 6.1 loses a bound at the subtraction. */
	asm volatile("" : "+r"(bucket));
	return bucket < SEEP_LIFETIME_BUCKETS ? bucket : SEEP_LIFETIME_BUCKETS - 1;
}

/* The two halves of a block's life add the same amounts, so that live comes back to exactly 0. */
static __always_inline void account_birth(struct seep_totals *at, const struct seep_live *block)
{
	__sync_fetch_and_add(&at->allocated_count, count_of(block));
	__sync_fetch_and_add(&at->allocated_bytes, weighted(block->bytes, block->weight));
	__sync_fetch_and_add(&at->allocated_squares,
			     weighted(square_in_256ths(block->bytes), block->weight));
	__sync_fetch_and_add(&at->allocated_born, born_of(block));
	if (block->weight != WEIGHT_ONE)
		__sync_fetch_and_add(&at->allocated_variance,
				     variance_in_256ths(block->bytes, block->weight));
}

static __always_inline void account_death(const struct seep_live *block)
{
	struct seep_totals *at = bpf_map_lookup_elem(&totals, &block->stack);

	if (!at)
		return; /* the collector has dropped the process */
	__sync_fetch_and_add(&at->freed_count, count_of(block));
	__sync_fetch_and_add(&at->freed_bytes, weighted(block->bytes, block->weight));
	__sync_fetch_and_add(&at->freed_squares,
			     weighted(square_in_256ths(block->bytes), block->weight));
	__sync_fetch_and_add(&at->freed_born, born_of(block));
	if (block->weight != WEIGHT_ONE)
		__sync_fetch_and_add(&at->freed_variance,
				     variance_in_256ths(block->bytes, block->weight));
	if (is_late(block)) {
		__sync_fetch_and_add(&at->late_count, count_of(block));
		__sync_fetch_and_add(&at->late_bytes, weighted(block->bytes, block->weight));
	} else {
		__sync_fetch_and_add(&at->lifetimes[last_bucket(at, block)], count_of(block));
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

static __always_inline long insert_stack(u64 id, const struct seep_stack *stack)
{
	long error = insert_totals(id);

	if (error && error != ERROR_EXISTS /* another thread is inserting the same one */)
		return error;
	/* Totals first: whoever finds the stack finds its totals. */
	error = update_with_patience(&stacks, &id, stack, BPF_NOEXIST);
	return error == ERROR_EXISTS ? 0 : error;
}

/* The id of a stack, inserted if it is new; 0 if it cannot be kept (counted). */
static __always_inline u64 stack_id(struct seep_process *process, const struct seep_stack *stack,
				    u64 hash)
{
	u64 id, first = first_stack_id(stack, hash);
	int i;

	for (i = 0; i < SEEP_STACK_PLACES; i++) {
		struct seep_stack *known;

		id = (first + i) & ~SEEP_STACK_DEFERRED;
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

static __noinline void missed_free(u32 slot, const struct seep_live *block)
{
	struct seep_process *process = bpf_map_lookup_elem(&processes, &slot);

	account_death(block);
	if (process && !is_late(block))
		count_loss(process, SEEP_LOSS_MISSED_FREES);
}

static __always_inline void add_block(struct seep_process *process, struct thread_state *thread,
				      const struct seep_live_key *key, struct seep_live *block)
{
	struct seep_totals *at = bpf_map_lookup_elem(&totals, &block->stack);

	if (!at)
		return;
	block->born = birth_time(is_timed_exactly(thread) || !at->last_short);
	if (keep_block(key, block))
		count_loss(process, SEEP_LOSS_LOST_ALLOCATIONS);
	else
		account_birth(at, block);
}

#endif
