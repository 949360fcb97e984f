/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rule that holds at an address of a process: by the mapping it is in and the table of the
 * object that is mapped there (wire.h, "Unwind tables"), or out of what the thread's earlier walks
 * have found. The tables come from the target: every index is checked by a map lookup.
 */
#ifndef SEEP_UNWIND_RULES_BPF_H
#define SEEP_UNWIND_RULES_BPF_H

#include "memory_areas.bpf.h"

/* Enough for 65,536 mappings of code, and for a row a byte in a block of two rows a word. */
#define MAPPING_SEARCH_STEPS 17
#define ROW_SEARCH_STEPS (SEEP_BLOCK_SHIFT + 1)

static __always_inline void forget_mapping(struct walk *walk)
{
	walk->mapping.start = 0;
	walk->mapping.end = 0;
	walk->mapping.table = 0;
	walk->mapping.occupant = SEEP_UNKNOWN_OCCUPANT;
}

/* Whether the file that the collector saw at the address is there still. (The inode numbers that a
 * process is shown may differ from the kernel's own, on overlayfs: there, the answer is no until
 * the collector has looked again.) */
static __always_inline bool is_still_there(const struct seep_mapping *mapping, u64 address)
{
	struct memory_area area = {};

	find_area(address, &area, (struct memory_area){});
	return area.inode == mapping->inode &&
	       (!area.inode || area.file_start == mapping->file_start);
}

/* The mapping that an address is in; walk->mapping.end is 0 if there is none. */
static __noinline void find_mapping(struct walk *walk, u64 address)
{
	u32 process = walk->process, low = 1, high, i, key = 0;
	struct seep_mapping *found;
	void *space = bpf_map_lookup_elem(&unwind_spaces, &process);

	forget_mapping(walk);
	if (!space)
		return;
	found = bpf_map_lookup_elem(space, &key);
	if (!found)
		return;
	high = found->start; /* entry 0: how many there are */
	/* The last one that starts at or below the address is in [low - 1, high]. */
	for (i = 0; i < MAPPING_SEARCH_STEPS && low <= high; i++) {
		u32 middle = (low + high) / 2;

		found = bpf_map_lookup_elem(space, &middle);
		if (!found)
			return;
		if (address < found->start) {
			high = middle - 1;
		} else if (address >= found->end) {
			low = middle + 1;
		} else {
			walk->mapping = *found;
			if (walk->mappings_may_be_old && !is_still_there(&walk->mapping, address))
				forget_mapping(walk);
			return;
		}
	}
}

static __always_inline u32 half_of(u64 word, u32 index)
{
	return index & 1 ? word >> 32 : word;
}

/* A 32-bit number of a table: `index` counts from word `start`. ~0 if there is no such word. */
static __always_inline u32 table_number(void *table, u32 start, u32 index)
{
	u32 key = start + index / 2;
	u64 *word = bpf_map_lookup_elem(table, &key);

	return word ? half_of(*word, index) : ~0U;
}

/* The rule for an address of the mapping the walk is in; its cfa is SEEP_CFA_UNKNOWN if there is
 * none. */
static __noinline void find_rule(const struct walk *walk, u64 address, struct seep_rule *rule)
{
	u64 *words, at = address - walk->mapping.bias - walk->mapping.base;
	u32 slot = walk->mapping.table, block = at >> SEEP_BLOCK_SHIFT;
	u32 offset = at & ((1 << SEEP_BLOCK_SHIFT) - 1);
	u32 low, high, row, i, key;
	void *table;

	rule->cfa = SEEP_CFA_UNKNOWN;
	if (!slot || at >> SEEP_BLOCK_SHIFT >= walk->mapping.blocks)
		return;
	table = bpf_map_lookup_elem(&unwind_tables, &slot);
	if (!table)
		return;
	low = table_number(table, 0, block);
	high = table_number(table, 0, block + 1);
	/* The last row at or below the address: in [low, high), or the one before this block. */
	for (i = 0; i < ROW_SEARCH_STEPS && low < high; i++) {
		u32 middle = low + (high - low) / 2;

		row = table_number(table, walk->mapping.rows, middle);
		if (row >> 16 <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return;
	row = table_number(table, walk->mapping.rows, low - 1);
	if (row == ~0U || !(row & 0xffff))
		return;
	key = walk->mapping.rules + 2 * (row & 0xffff);
	words = bpf_map_lookup_elem(table, &key);
	if (!words)
		return;
	((u64 *)rule)[0] = *words;
	key++;
	words = bpf_map_lookup_elem(table, &key);
	if (!words) {
		rule->cfa = SEEP_CFA_UNKNOWN;
		return;
	}
	((u64 *)rule)[1] = *words;
}

/* Above it, in the number of a generation: unloads since the mappings were read. */
#define GENERATION_UNLOADS_SHIFT 32

/*
 * A number that the process's mappings have as long as they are what they are now. Code may only
 * take the place of other code after that was unloaded; what was found out since then, with the
 * kernel's word for it that the mappings are still right, holds until the next time.
 */
static __always_inline u64 mappings_generation(u32 process)
{
	u64 *told = bpf_map_lookup_elem(&generations, &process);
	u64 *unloaded = bpf_map_lookup_elem(&unloads, &process);

	if (!told || !unloaded || !*told)
		return 0;
	return *told >> 32 | (u64)(u32)(*unloaded - *told) << GENERATION_UNLOADS_SHIFT;
}

/* Empties the cache if the process's mappings are no longer those that it was filled from. */
static __always_inline void renew_rules(struct rule_cache *cache, u64 generation)
{
	u32 i;

	if (generation == cache->generation)
		return;
	for (i = 0; i < CACHED_RULES; i++)
		cache->entries[i].address = 0;
	cache->generation = generation;
}

/*
 * The rule for an address; walk->mapping is the one the address is in if there is none. Each
 * address has two places: a stack of 60 frames would otherwise lose one in five of them to another
 * of its own.
 */
static __always_inline const struct seep_rule *rule_at(struct rule_cache *cache, struct walk *walk,
						       u64 address)
{
	u64 hash = address * 0x9e3779b97f4a7c15ULL >> (64 - CACHED_RULE_BITS);
	struct cached_rule *newer = &cache->entries[hash & (CACHED_RULES - 2)];
	struct cached_rule *older = newer + 1;

	if (address && newer->address == address)
		return &newer->rule;
	if (address && older->address == address)
		return &older->rule;
	if (address < walk->mapping.start || address >= walk->mapping.end)
		find_mapping(walk, address);
	if (newer->address)
		*older = *newer;
	find_rule(walk, address, &newer->rule);
	newer->rule.occupant = walk->mapping.occupant;
	newer->address = newer->rule.cfa == SEEP_CFA_UNKNOWN ? 0 : address;
	return &newer->rule;
}

#endif
