/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The caller chain of one allocation. The interface is walk_callers(): from the registers at the
 * moment after the allocator's return (pc in the caller, sp and callee-saved registers its own) to
 * the return addresses up to the thread's first frame.
 *
 * Each step looks up the rule that the object's call frame information has for the current pc, in
 * the table that the collector made of it (wire.h, "Unwind tables"): where the caller's frame
 * begins and where its registers were saved. Code without a table (JIT code, programs built without
 * one) is stepped over by its frame pointer.
 *
 * The target's memory and tables are untrusted: every step must lead up the stack, every index is
 * checked by a map lookup, and the number of steps is bounded.
 */
#ifndef SEEP_UNWIND_BPF_H
#define SEEP_UNWIND_BPF_H

#include "loss.bpf.h"

/* Stack pages are nearly always in memory; where one is not, the sleepable program waits for it. */
static __always_inline long read_user(void *to, u32 size, u64 from)
{
	long error = bpf_probe_read_user(to, size, (const void *)from);

	return error ? bpf_copy_from_user(to, size, (const void *)from) : 0;
}

/*
 * While a return probe is pending, the kernel's trampoline lies on the stack in place of the return
 * address (kernel/events/uprobes.c, prepare_uretprobe). The kernel's list of them is ordered like
 * the stack, so one cursor goes along with the walk.
 */
static __always_inline struct return_instance *pending_trampolines(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	return BPF_CORE_READ(task, utask, return_instances);
}

#define MAX_TRAMPOLINES_PER_FRAME 8

static __always_inline u64 replace_trampoline(struct walk *walk, u64 slot, u64 address)
{
	struct return_instance *next = (struct return_instance *)walk->pending;
	int i;

	for (i = 0; i < MAX_TRAMPOLINES_PER_FRAME && next; i++) {
		u64 at = BPF_CORE_READ(next, stack);

		if (at == slot) {
			/* Chained ones share the slot; the kernel has resolved them all. */
			address = BPF_CORE_READ(next, orig_ret_vaddr);
			break;
		}
		if (at > slot)
			break;
		next = BPF_CORE_READ(next, next);
	}
	walk->pending = (u64)next;
	return address;
}

/* Enough for 65,536 mappings of code, and for a row a byte in a block of two rows a word. */
#define MAPPING_SEARCH_STEPS 17
#define ROW_SEARCH_STEPS (SEEP_BLOCK_SHIFT + 1)

/* The mapping that an address is in; walk->mapping.end is 0 if there is none. */
static __noinline void find_mapping(struct walk *walk, u64 address)
{
	u32 process = walk->process, low = 1, high, i, key = 0;
	struct seep_mapping *found;
	void *space = bpf_map_lookup_elem(&unwind_spaces, &process);

	walk->mapping.start = 0;
	walk->mapping.end = 0;
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

/* The rule for an address of the mapping the walk is in; walk->rule.cfa is SEEP_CFA_UNKNOWN if
 * there is none. */
static __noinline void find_rule(struct walk *walk, u64 address)
{
	u64 *words, at = address - walk->mapping.bias - walk->mapping.base;
	u32 slot = walk->mapping.table, block = at >> SEEP_BLOCK_SHIFT;
	u32 offset = at & ((1 << SEEP_BLOCK_SHIFT) - 1);
	u32 low, high, row, i, key;
	void *table;

	walk->rule.cfa = SEEP_CFA_UNKNOWN;
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
	((u64 *)&walk->rule)[0] = *words;
	key++;
	words = bpf_map_lookup_elem(table, &key);
	if (!words) {
		walk->rule.cfa = SEEP_CFA_UNKNOWN;
		return;
	}
	((u64 *)&walk->rule)[1] = *words;
}

/* Registers as the kernel saved them above sp for a signal handler: struct rt_sigframe, whose
 * ucontext begins at sp once the handler has returned to the restorer
 * (arch/x86/include/uapi/asm/sigcontext.h, struct sigcontext_64). */
#define SIGNAL_FRAME_FP 120
struct signal_registers {
	u64 fp, bx, dx, ax, cx, sp, pc;
};

static __always_inline u32 step_signal(struct walk *walk)
{
	struct signal_registers saved;

	if (read_user(&saved, sizeof(saved), walk->sp + SIGNAL_FRAME_FP))
		return SEEP_STACK_UNREADABLE;
	walk->pc = saved.pc;
	walk->sp = saved.sp;
	walk->fp = saved.fp;
	walk->bx = saved.bx;
	walk->fp_known = true;
	walk->bx_known = true;
	walk->exact = true;
	return SEEP_STACK_COMPLETE;
}

/* mov $__NR_rt_sigreturn, %rax; syscall: the restorer of a C library without call frame
 * information. */
static __always_inline bool at_signal_restorer(u64 pc)
{
	u64 code[2] = {};

	return !bpf_probe_read_user(code, 9, (const void *)pc) &&
	       code[0] == 0x0f0000000fc0c748ULL && (code[1] & 0xff) == 0x05;
}

/* Code without a rule: its frame pointer, if that can be one. */
static __always_inline u32 step_by_frame_pointer(struct walk *walk)
{
	u64 link[2]; /* the caller's frame pointer, the return address */

	if (at_signal_restorer(walk->pc))
		return step_signal(walk);
	if (!walk->mapping.end)
		return SEEP_STACK_NO_MAPPING;
	if (!walk->fp_known)
		return SEEP_STACK_NO_ROW;
	if (!walk->fp) {
		walk->pc = 0; /* the ABI's mark of the first frame */
		return SEEP_STACK_COMPLETE;
	}
	if (walk->fp < walk->sp || (walk->fp & 7) || read_user(link, sizeof(link), walk->fp))
		return SEEP_STACK_NO_ROW;
	walk->pc = replace_trampoline(walk, walk->fp + 8, link[1]);
	walk->sp = walk->fp + 16;
	walk->fp = link[0];
	walk->bx_known = false;
	return SEEP_STACK_COMPLETE;
}

static __always_inline u32 find_cfa(struct walk *walk, u64 *cfa)
{
	struct seep_rule *rule = &walk->rule;
	u64 base = walk->sp;

	switch (rule->cfa) {
	case SEEP_CFA_SP:
	case SEEP_CFA_SP_DEREF:
		break;
	case SEEP_CFA_FP:
	case SEEP_CFA_FP_DEREF:
		if (!walk->fp_known)
			return SEEP_STACK_BROKEN;
		base = walk->fp;
		break;
	case SEEP_CFA_BX:
		if (!walk->bx_known)
			return SEEP_STACK_BROKEN;
		base = walk->bx;
		break;
	case SEEP_CFA_PLT:
		*cfa = walk->sp + 8 + ((s64)(walk->pc & 15) >= rule->cfa_offset ? 8 : 0);
		return SEEP_STACK_COMPLETE;
	default:
		return SEEP_STACK_UNSUPPORTED;
	}
	base += rule->cfa_offset;
	if (rule->cfa == SEEP_CFA_SP_DEREF || rule->cfa == SEEP_CFA_FP_DEREF) {
		if (read_user(&base, sizeof(base), base))
			return SEEP_STACK_UNREADABLE;
		base += rule->cfa_add;
	}
	*cfa = base;
	return SEEP_STACK_COMPLETE;
}

/* The caller's value of a callee-saved register. */
static __always_inline void restore(u8 how, s64 offset, u64 cfa, u64 fp, u64 *value, bool *known)
{
	switch (how) {
	case SEEP_SAVED_SAME:
		return;
	case SEEP_SAVED_AT_CFA:
		*known = !read_user(value, sizeof(*value), cfa + offset);
		return;
	case SEEP_SAVED_AT_FP:
		*known = *known && !read_user(value, sizeof(*value), fp + offset);
		return;
	default:
		*known = false;
	}
}

static __always_inline u32 step_by_rule(struct walk *walk)
{
	struct seep_rule *rule = &walk->rule;
	u64 top[2]; /* the two words below the CFA: often the saved fp, always the return address */
	u64 cfa, fp = walk->fp;
	u32 end;

	end = find_cfa(walk, &cfa);
	if (end)
		return end;
	if (cfa <= walk->sp)
		return SEEP_STACK_BROKEN;
	if (read_user(top, sizeof(top), cfa - 16))
		return SEEP_STACK_UNREADABLE;
	if (rule->bx)
		restore(rule->bx, rule->bx_offset, cfa, fp, &walk->bx, &walk->bx_known);
	if (rule->fp == SEEP_SAVED_AT_CFA && rule->fp_offset == -16) {
		walk->fp = top[0];
		walk->fp_known = true;
	} else if (rule->fp) {
		restore(rule->fp, rule->fp_offset, cfa, fp, &walk->fp, &walk->fp_known);
	}
	walk->pc = replace_trampoline(walk, cfa - 8, top[1]);
	walk->sp = cfa;
	return SEEP_STACK_COMPLETE;
}

/* Empties the cache if the process's mappings are no longer those that it was filled from. */
static __always_inline void renew_rules(struct rule_cache *cache, u32 process)
{
	void *space = bpf_map_lookup_elem(&unwind_spaces, &process);
	struct seep_mapping *first;
	u64 generation;
	u32 i, key = 0;

	first = space ? bpf_map_lookup_elem(space, &key) : NULL;
	generation = first ? first->end : 0;
	if (generation == cache->generation)
		return;
	for (i = 0; i < 1 << RULE_CACHE_BITS; i++)
		cache->entries[i].address = 0;
	cache->generation = generation;
}

/* walk->rule for an address; with walk->mapping, if there is none. */
static __always_inline void look_up(struct rule_cache *cache, struct walk *walk, u64 address)
{
	u32 place = address * 0x9e3779b97f4a7c15ULL >> (64 - RULE_CACHE_BITS);
	struct cached_rule *cached = &cache->entries[place & ((1 << RULE_CACHE_BITS) - 1)];

	if (address && cached->address == address) {
		walk->rule = cached->rule;
		return;
	}
	if (address < walk->mapping.start || address >= walk->mapping.end)
		find_mapping(walk, address);
	find_rule(walk, address);
	if (walk->rule.cfa != SEEP_CFA_UNKNOWN) {
		cached->rule = walk->rule;
		cached->address = address;
	}
}

static __always_inline void push_frame(struct seep_stack *stack, u64 *hash, u64 address)
{
	/* One round of a multiply-xorshift hash; the finishing mix is in stack_id(). */
	*hash = (*hash ^ address) * 0x9e3779b97f4a7c15ULL;
	*hash ^= *hash >> 29;
	stack->frames[stack->depth++ & (SEEP_MAX_FRAMES - 1)] = address;
}

/*
 * Is the pc, with no rule before it, at a function's first instruction? No call has left that on
 * the stack: makecontext() puts the address of a function there to end a coroutine (glibc,
 * sysdeps/unix/sysv/linux/x86_64/makecontext.c), so it is the first frame of its stack.
 */
static __always_inline bool begins_function(struct walk *walk)
{
	if (walk->pc >= walk->mapping.end)
		return false;
	find_rule(walk, walk->pc);
	return walk->rule.cfa != SEEP_CFA_UNKNOWN;
}

struct walk_context {
	struct thread_state *thread;
};

/* One frame up. Returns 1 when the walk is at its end. */
static long step(u32 index, struct walk_context *context)
{
	struct seep_stack *stack = &context->thread->stack;
	struct walk *walk = &context->thread->walk;
	/* A return address may lie behind the last instruction of its function; the call does not.
	 */
	bool exact = walk->exact;
	u64 address = walk->pc - (exact ? 0 : 1);
	u32 end;

	look_up(&context->thread->rules, walk, address);
	walk->exact = false;
	switch (walk->rule.cfa) {
	case SEEP_CFA_END:
		stack->end = SEEP_STACK_COMPLETE;
		return 1;
	case SEEP_CFA_UNKNOWN:
		if (!exact && begins_function(walk)) {
			stack->end = SEEP_STACK_COMPLETE;
			return 1;
		}
		end = step_by_frame_pointer(walk);
		break;
	case SEEP_CFA_SIGNAL:
		end = step_signal(walk);
		break;
	default:
		end = step_by_rule(walk);
	}
	if (end || !walk->pc) {
		stack->end = end;
		return 1;
	}
	if (stack->depth >= SEEP_MAX_FRAMES)
		return 1; /* end is SEEP_STACK_TOO_DEEP since the start */
	push_frame(stack, &walk->hash, walk->pc | (walk->exact ? SEEP_FRAME_EXACT : 0));
	return 0;
}

/*
 * Appends the callers to the thread's stack, of which frames[0] and process are set already, and
 * returns the hash of all frames. stack->end says how the walk ended.
 */
static __always_inline u64 walk_callers(struct thread_state *thread, const struct registers *caller)
{
	struct walk_context context = {.thread = thread};
	struct seep_stack *stack = &thread->stack;
	struct walk *walk = &thread->walk;

	walk->pending = (u64)pending_trampolines();
	/* At an exit site that a function with a return probe shares, the address is still hidden.
	 */
	walk->pc = replace_trampoline(walk, caller->sp - RETURN_ADDRESS_SIZE, caller->pc);
	walk->sp = caller->sp;
	walk->fp = caller->fp;
	walk->bx = caller->bx;
	walk->fp_known = true;
	walk->bx_known = true;
	walk->exact = false;
	walk->process = stack->process;
	walk->mapping.start = 0;
	walk->mapping.end = 0;
	walk->hash = stack->frames[0];
	stack->end = SEEP_STACK_TOO_DEEP;
	push_frame(stack, &walk->hash, walk->pc);
	renew_rules(&thread->rules, walk->process);
	bpf_loop(SEEP_MAX_FRAMES, step, &context, 0);
	return walk->hash;
}

#endif
