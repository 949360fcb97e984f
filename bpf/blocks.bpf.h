/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Outstanding blocks, in two places. A new block goes into a set of the array `recent`, where
 * taking it out again costs no more than a compare-and-swap; most blocks die there. Only when its
 * set is full, the oldest block of the set moves on to the hash `live`, which has room for millions
 * and costs a lock and an allocation each way.
 *
 * A way's word says what is in it:
 *
 *   0                     nothing
 *   BUSY                  its owner alone may touch it: being filled, or being emptied
 *   key                   a block
 *   key | MOVING          a block, being copied into `live` by whoever set the flag (the mover)
 *   key | MOVING | FREED  it was freed meanwhile: the mover takes its copy out of `live` again
 *
 *   0 --> BUSY --> key --> key|MOVING --> BUSY --> the new block
 *                   |          `--> key|MOVING|FREED --> BUSY
 *                   `--> BUSY --> 0
 *
 * Guarantees, for any number of threads: a block that is kept is found by exactly one take_block(),
 * whether it moves at that moment or not, because its copy is in `live` before its way is given up.
 * A key enters `live` only while no way of its set has it as FREED, so that a mover never takes out
 * another block than its own. No thread ever waits for another: programs may be preempted anywhere.
 *
 * set->elsewhere counts the entries of `live` that belong to the set, raised before one is made and
 * lowered after it is gone. While it is 0, which it mostly is when little is followed, a pointer
 * that is not in its set is known not to be tracked without a look into the hash.
 */
#ifndef SEEP_BLOCKS_BPF_H
#define SEEP_BLOCKS_BPF_H

#include "updates.bpf.h"

#define RECENT_BUSY (1ULL << 63)
#define RECENT_MOVING (1ULL << 62) /* and SEEP_RECENT_FREED */

/* Changes of a way by other threads between looking at it and taking it, until it is given up. */
#define RECENT_TRIES 8

#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))

/* An older block whose free went by unseen: its address was handed out again. */
static void missed_free(u32 process, const struct seep_live *block);

static __always_inline u64 recent_key(const struct seep_live_key *key)
{
	return key->address | (u64)key->process << SEEP_RECENT_ADDRESS_BITS;
}

static __always_inline struct seep_recent_set *recent_set_of(u64 key)
{
	u32 index = key * 0x9e3779b97f4a7c15ULL >> (64 - SEEP_RECENT_SET_BITS);

	return bpf_map_lookup_elem(&recent, &index);
}

/* The first way whose word, without the `ignored` flags, is that; SEEP_RECENT_WAYS if there is
 * none. */
static __always_inline u32 find_way(const struct seep_recent_set *set, u64 word, u64 ignored)
{
	u32 i;

	for (i = 0; i < SEEP_RECENT_WAYS; i++)
		if ((READ_ONCE(set->words[i]) & ~ignored) == word)
			return i;
	return SEEP_RECENT_WAYS;
}

static __always_inline bool change_way(struct seep_recent_set *set, u32 way, u64 from, u64 to)
{
	return __sync_val_compare_and_swap(&set->words[way], from, to) == from;
}

static __always_inline bool is_freed_while_moving(const struct seep_recent_set *set, u64 key)
{
	return find_way(set, key | RECENT_MOVING | SEEP_RECENT_FREED, 0) < SEEP_RECENT_WAYS;
}

static __always_inline bool take_recent(struct seep_recent_set *set, u64 key,
					struct seep_live *block)
{
	int i;

	for (i = 0; i < RECENT_TRIES; i++) {
		u32 way = find_way(set, key, RECENT_MOVING);

		if (way >= SEEP_RECENT_WAYS)
			return false;
		if (change_way(set, way, key, RECENT_BUSY)) {
			*block = set->blocks[way];
			store_release(&set->words[way], 0);
			return true;
		}
		/* A way that moves keeps its contents for as long as nobody else frees the block.
		 */
		*block = set->blocks[way];
		if (change_way(set, way, key | RECENT_MOVING,
			       key | RECENT_MOVING | SEEP_RECENT_FREED))
			return true;
	}
	return false;
}

/*
 * Drops what is in the way if it is a block of that process, of which no thread makes or frees any
 * more; others may move it on meanwhile, and if they have, it is in `live`.
 */
static __always_inline bool drop_recent(struct seep_recent_set *set, u32 way, u32 process)
{
	u64 word = READ_ONCE(set->words[way]), key = word & ~RECENT_MOVING;

	if (!word || key >= SEEP_RECENT_FREED || key >> SEEP_RECENT_ADDRESS_BITS != process)
		return false;
	if (change_way(set, way, key, 0))
		return true;
	return change_way(set, way, key | RECENT_MOVING, key | RECENT_MOVING | SEEP_RECENT_FREED);
}

static __always_inline long put_live(struct seep_recent_set *set, const struct seep_live_key *key,
				     const struct seep_live *block)
{
	long error;

	__sync_fetch_and_add(&set->elsewhere, 1);
	error = update_with_patience(&live, key, block, BPF_NOEXIST);
	if (error)
		__sync_fetch_and_add(&set->elsewhere, -1);
	return error;
}

static __always_inline bool drop_live(struct seep_recent_set *set, const struct seep_live_key *key)
{
	/* Two threads that free one block at once are a bug of the target; only one of them counts.
	 */
	if (bpf_map_delete_elem(&live, key))
		return false;
	__sync_fetch_and_add(&set->elsewhere, -1);
	return true;
}

static __always_inline bool take_live(struct seep_recent_set *set, const struct seep_live_key *key,
				      struct seep_live *block)
{
	struct seep_live *found;

	if (!READ_ONCE(set->elsewhere) || is_freed_while_moving(set, recent_key(key)))
		return false;
	found = bpf_map_lookup_elem(&live, key);
	if (!found)
		return false;
	*block = *found;
	return drop_live(set, key);
}

/* Takes a block out; false if it is not tracked. */
static __always_inline bool take_block(const struct seep_live_key *key, struct seep_live *block)
{
	u64 word = recent_key(key);
	struct seep_recent_set *set = recent_set_of(word);

	return set && (take_recent(set, word, block) || take_live(set, key, block));
}

static __always_inline u64 born_us(const struct seep_live *block)
{
	return block->born & ~SEEP_BORN_EXACT;
}

/* The way of the oldest block that is not moving already; SEEP_RECENT_WAYS if there is none. */
static __always_inline u32 oldest_way(const struct seep_recent_set *set)
{
	u64 oldest = ~0ULL;
	u32 i, way = SEEP_RECENT_WAYS;

	for (i = 0; i < SEEP_RECENT_WAYS; i++) {
		u64 word = READ_ONCE(set->words[i]), born = born_us(&set->blocks[i]);

		if (!word || word >= SEEP_RECENT_FREED || born >= oldest)
			continue;
		oldest = born;
		way = i;
	}
	return way;
}

/* Moves a block of the set to `live`. Returns its way, BUSY and owned by the caller;
 * SEEP_RECENT_WAYS if that cannot be done. */
static __noinline u32 move_on(struct seep_recent_set *set)
{
	struct seep_live_key key = {};
	struct seep_live block;
	u32 way = oldest_way(set);
	u64 word;
	long error;

	if (way >= SEEP_RECENT_WAYS)
		return SEEP_RECENT_WAYS;
	word = READ_ONCE(set->words[way]);
	if (!word || word >= SEEP_RECENT_FREED || is_freed_while_moving(set, word) ||
	    !change_way(set, way, word, word | RECENT_MOVING))
		return SEEP_RECENT_WAYS;
	key.address = word & ((1ULL << SEEP_RECENT_ADDRESS_BITS) - 1);
	key.process = word >> SEEP_RECENT_ADDRESS_BITS;
	block = set->blocks[way];
	error = put_live(set, &key, &block);
	if (error && change_way(set, way, word | RECENT_MOVING, word))
		return SEEP_RECENT_WAYS;
	if (!error && change_way(set, way, word | RECENT_MOVING, RECENT_BUSY))
		return way;
	if (!error)
		drop_live(set, &key); /* freed meanwhile */
	store_release(&set->words[way], RECENT_BUSY);
	return way;
}

/* Keeps a block that was just made; not 0 if there is no room for it. */
static __always_inline int keep_block(const struct seep_live_key *key,
				      const struct seep_live *block)
{
	struct seep_recent_set *set;
	struct seep_live old;
	u64 word;
	int i;

	word = recent_key(key);
	set = recent_set_of(word);
	if (!set)
		return ERROR_BUSY;
	if (take_recent(set, word, &old) || take_live(set, key, &old))
		missed_free(key->process, &old);
	for (i = 0; i < RECENT_TRIES; i++) {
		u32 way = find_way(set, 0, 0);

		if (way >= SEEP_RECENT_WAYS)
			way = move_on(set);
		else if (!change_way(set, way, 0, RECENT_BUSY))
			continue;
		if (way >= SEEP_RECENT_WAYS)
			continue;
		set->blocks[way] = *block;
		store_release(&set->words[way], word);
		return 0;
	}
	return is_freed_while_moving(set, word) ? ERROR_BUSY : put_live(set, key, block);
}

#endif
