/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stacks that the thread has walked before. A loop that allocates does so from the same few stacks,
 * and to see that one is still the same costs one read of the stack and a comparison of the words
 * that the walk depended on, instead of a walk.
 *
 * A walk is a function of where it begins (pc, sp), the rules of the mappings' generation, and what
 * it used on its way: return addresses, and saved registers only where a frame was found by them. A
 * register that was saved and never used, such as the counter of a loop, may change from one
 * allocation to the next. The walk notes what it used (note_word(), note_fp(), note_bx()); equal
 * notes mean an equal stack. Walks that did not end at the thread's first frame, went through a
 * signal frame or met a pending return probe are not kept, nor are those that used more words than
 * there is room for.
 */
#ifndef SEEP_WALK_MEMO_BPF_H
#define SEEP_WALK_MEMO_BPF_H

#include "unwind_memory.bpf.h"

static __always_inline void note_word(struct walk *walk, u64 address, u64 value)
{
	struct walk_notes *notes = &walk->notes;
	u32 i = notes->count;

	if (i >= MEMO_WORDS || (address & 7)) {
		notes->count = NOT_TO_BE_KEPT;
		return;
	}
	notes->words[i].address = address;
	notes->words[i].value = value;
	notes->count = i + 1;
}

/* The frame pointer decides where a frame is: the register at the start, or the word that it was
 * restored from. */
static __always_inline void note_fp(struct walk *walk)
{
	if (walk->fp_from)
		note_word(walk, walk->fp_from, walk->fp);
	else
		walk->notes.used_fp = true;
}

static __always_inline void note_bx(struct walk *walk)
{
	if (walk->bx_from)
		note_word(walk, walk->bx_from, walk->bx);
	else
		walk->notes.used_bx = true;
}

static __always_inline void begin_notes(struct walk *walk, const struct registers *start)
{
	struct walk_notes *notes = &walk->notes;

	notes->pc = start->pc;
	notes->sp = start->sp;
	notes->fp = start->fp;
	notes->bx = start->bx;
	notes->count = 0;
	notes->used_fp = false;
	notes->used_bx = false;
	walk->fp_from = 0;
	walk->bx_from = 0;
}

static __always_inline u32 memo_index(const struct registers *start)
{
	u64 hash = (start->pc ^ start->sp << 20) * 0x9e3779b97f4a7c15ULL;

	return (hash >> (64 - MEMO_SET_BITS)) * MEMO_WAYS;
}

static __always_inline struct memo *memo_at(struct thread_state *thread, u64 index)
{
	/* clang knows the bound and leaves the mask out; kernel 6.1 loses it at an `or`. */
	asm volatile("" : "+r"(index));
	return &thread->memos[index & (MEMOS - 1)];
}

/* In a function of its own: kernel 6.1 refuses loops that an instruction other than a jump leads
 * back to (kernel/bpf/verifier.c, check_cfg), which is how clang lays the ways of it out inline. */
static __noinline bool still_holds(const struct walk_notes *notes, struct walk *walk)
{
	u64 start = 0, bytes = 0;
	u32 i;

	for (i = 0; i < MEMO_WORDS; i++) {
		u64 address, at;

		if (i >= notes->count)
			return true;
		address = notes->words[i].address;
		at = address - start;
		if (at >= bytes) {
			move_window(walk, address + sizeof(u64));
			start = walk->window.start;
			bytes = walk->window.bytes;
			at = address - start;
			if (at >= bytes || (at & 7))
				return false;
		}
		if (walk->window.words[(at / 8) & (WINDOW_WORDS - 1)] != notes->words[i].value)
			return false;
	}
	return true;
}

/* How far above sp the words lie that a walk used, which were noted on the way up; as far as one
 * window goes. */
static __always_inline u32 bytes_of(const struct walk_notes *notes, u64 sp)
{
	u32 last = notes->count - 1;
	u64 bytes = WINDOW_BYTES;

	if (last < MEMO_WORDS)
		bytes = notes->words[last].address + sizeof(u64) - sp;
	return bytes < WINDOW_BYTES ? bytes & ~7ULL : WINDOW_BYTES;
}

/* The id of the stack that a walk from there would find; 0 if that takes a walk. */
static __always_inline u64 remembered_stack(struct thread_state *thread,
					    const struct registers *start, u64 site, u64 generation)
{
	u32 first = memo_index(start), i;

	thread->walk.sp = start->sp;
	thread->walk.window.bytes = 0;
#pragma unroll
	for (i = 0; i < MEMO_WAYS; i++) {
		const struct memo *memo = memo_at(thread, first + i);
		const struct walk_notes *notes = &memo->notes;

		if (notes->pc != start->pc || notes->sp != start->sp || memo->site != site ||
		    memo->generation != generation)
			continue;
		if ((notes->used_fp && notes->fp != start->fp) ||
		    (notes->used_bx && notes->bx != start->bx))
			continue;
		thread->walk.window.most = bytes_of(notes, start->sp);
		if (still_holds(notes, &thread->walk))
			return memo->stack;
	}
	return 0;
}

static __always_inline void remember_stack(struct thread_state *thread,
					   const struct registers *start, u64 site, u64 generation,
					   u64 stack)
{
	u32 index = memo_index(start) + thread->memo_turn++ % MEMO_WAYS;
	struct memo *memo = memo_at(thread, index);

	if (thread->stack.end != SEEP_STACK_COMPLETE || thread->walk.notes.count > MEMO_WORDS)
		return;
	memo->notes = thread->walk.notes;
	memo->site = site;
	memo->generation = generation;
	memo->stack = stack;
}

#endif
