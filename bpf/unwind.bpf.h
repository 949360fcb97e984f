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
#include "unwind_memory.bpf.h"
#include "unwind_rules.bpf.h"
#include "unwind_strays.bpf.h"
#include "walk_memo.bpf.h"

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
	walk->notes.count = NOT_TO_BE_KEPT;
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

/* Whether a call can have left the return address: code that cannot be read may be one. */
static __always_inline bool follows_call(u64 address)
{
	u8 code[LONGEST_CALL];

	return bpf_probe_read_user(code, sizeof(code), (const void *)(address - sizeof(code))) ||
	       ends_in_call(code);
}

/* Is the walk's address, which a frame pointer has led to, no return address? In generated code
 * that cannot be told: interpreters push theirs and jump (HotSpot's does). */
static __always_inline bool has_gone_astray(struct walk *walk)
{
	if (walk->pc < walk->mapping.start || walk->pc >= walk->mapping.end)
		find_mapping(walk, walk->pc);
	return walk->mapping.table && !follows_call(walk->pc);
}

/* Code without a rule: its frame pointer, if that can be one. */
static __always_inline u32 step_by_frame_pointer(struct walk *walk)
{
	u64 fp = walk->fp, return_address;

	if (at_signal_restorer(walk->pc))
		return step_signal(walk);
	if (!walk->mapping.end)
		return SEEP_STACK_NO_MAPPING;
	if (!walk->fp_known)
		return SEEP_STACK_NO_ROW;
	note_fp(walk);
	if (!fp) {
		walk->pc = 0; /* the ABI's mark of the first frame */
		return SEEP_STACK_COMPLETE;
	}
	if (fp < walk->sp || (fp & 7))
		return SEEP_STACK_NO_ROW;
	move_window(walk, fp + 16);
	if (!read_word(walk, fp, &walk->fp) || !read_word(walk, fp + 8, &return_address))
		return SEEP_STACK_NO_ROW;
	walk->fp_from = fp;
	note_word(walk, fp + 8, return_address);
	walk->pc = replace_trampoline(walk, fp + 8, return_address);
	walk->sp = fp + 16;
	walk->bx_known = false;
	walk->by_fp = true;
	/* Go's first frames are at no call, and their frame pointer is 0. */
	return walk->fp && has_gone_astray(walk) ? SEEP_STACK_NO_ROW : SEEP_STACK_COMPLETE;
}

static __always_inline u32 find_cfa(struct walk *walk, const struct seep_rule *rule, u64 *cfa)
{
	u64 base = walk->sp;

	switch (rule->cfa) {
	case SEEP_CFA_SP:
	case SEEP_CFA_SP_DEREF:
		break;
	case SEEP_CFA_FP:
	case SEEP_CFA_FP_DEREF:
	case SEEP_CFA_FP_ELSEWHERE:
		if (!walk->fp_known)
			return SEEP_STACK_BROKEN;
		note_fp(walk);
		base = walk->fp;
		break;
	case SEEP_CFA_BX:
		if (!walk->bx_known)
			return SEEP_STACK_BROKEN;
		note_bx(walk);
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
		u64 at = base;

		if (!read_word(walk, at, &base))
			return SEEP_STACK_UNREADABLE;
		note_word(walk, at, base);
		base += rule->cfa_add;
	}
	*cfa = base;
	return SEEP_STACK_COMPLETE;
}

/* The caller's value of a callee-saved register, and where it was. `fp` is that before the step. */
static __always_inline void restore(struct walk *walk, u8 how, s64 offset, u64 cfa, u64 fp,
				    u64 *value, u64 *from, bool *known)
{
	switch (how) {
	case SEEP_SAVED_SAME:
		return;
	case SEEP_SAVED_AT_CFA:
		*from = cfa + offset;
		*known = read_word(walk, *from, value);
		return;
	case SEEP_SAVED_AT_FP:
		note_fp(walk);
		*from = fp + offset;
		*known = walk->fp_known && read_word(walk, *from, value);
		return;
	default:
		*known = false;
	}
}

static __always_inline u32 step_by_rule(struct walk *walk, const struct seep_rule *rule)
{
	bool elsewhere = rule->cfa == SEEP_CFA_FP_ELSEWHERE;
	u64 cfa, return_address, fp = walk->fp;
	u32 end = find_cfa(walk, rule, &cfa);

	if (end)
		return end;
	if (cfa <= walk->sp && !elsewhere)
		return SEEP_STACK_BROKEN;
	move_window(walk, cfa);
	if (!read_word(walk, cfa - 8, &return_address))
		return SEEP_STACK_UNREADABLE;
	if (rule->bx)
		restore(walk, rule->bx, rule->bx_offset, cfa, fp, &walk->bx, &walk->bx_from,
			&walk->bx_known);
	if (rule->fp)
		restore(walk, rule->fp, rule->fp_offset, cfa, fp, &walk->fp, &walk->fp_from,
			&walk->fp_known);
	note_word(walk, cfa - 8, return_address);
	walk->pc = replace_trampoline(walk, cfa - 8, return_address);
	walk->sp = cfa;
	return elsewhere && has_gone_astray(walk) ? SEEP_STACK_BROKEN : SEEP_STACK_COMPLETE;
}

/* One round of a multiply-xorshift hash; the finishing mix is in first_stack_id(). */
static __always_inline void push_frame(struct seep_stack *stack, struct walk *walk, u64 frame)
{
	u64 hash = (walk->hash ^ frame) * 0x9e3779b97f4a7c15ULL;

	walk->hash_before = walk->hash;
	walk->hash = hash ^ hash >> 29;
	stack->frames[stack->depth++ & (SEEP_MAX_FRAMES - 1)] = frame;
}

/*
 * Is the pc, with no rule before it, at a function's first instruction? No call has left that on
 * the stack: makecontext() puts the address of a function there to end a coroutine (glibc,
 * sysdeps/unix/sysv/linux/x86_64/makecontext.c), so it is the first frame of its stack.
 */
static __always_inline bool begins_function(struct walk *walk)
{
	struct seep_rule rule = {};

	if (walk->pc >= walk->mapping.end)
		return false;
	find_rule(walk, walk->pc, &rule);
	return rule.cfa != SEEP_CFA_UNKNOWN;
}

/*
 * Boost.Context's coroutines are entered with a jump, and the address that they would return to
 * (make_fcontext's `finish`) has nothing before it that calls. So has that of any coroutine that is
 * begun by hand, in code without rules. A frame pointer may have led the walk anywhere.
 */
static __always_inline bool begins_stack(struct walk *walk)
{
	return begins_function(walk) ||
	       (walk->mapping.table && !walk->by_fp && !follows_call(walk->pc));
}

struct walk_context {
	struct thread_state *thread;
};

/* Takes the frame in that the walk is at, and goes one up. Returns 1 when it is at its end. */
static long step(u32 index, struct walk_context *context)
{
	struct seep_stack *stack = &context->thread->stack;
	struct walk *walk = &context->thread->walk;
	bool exact = walk->exact;
	const struct seep_rule *rule;
	u32 end;

	if (stack->depth >= SEEP_MAX_FRAMES)
		return 1; /* end is SEEP_STACK_TOO_DEEP since the start */
	/* A return address may lie behind the last instruction of its function; the call does not.
	 */
	rule = rule_at(&context->thread->rules, walk, walk->pc - (exact ? 0 : 1));
	push_frame(stack, walk,
		   walk->pc | (exact ? SEEP_FRAME_EXACT : 0) |
		       (u64)rule->occupant << SEEP_FRAME_OCCUPANT_SHIFT);
	walk->exact = false;
	switch (rule->cfa) {
	case SEEP_CFA_END:
		stack->end = SEEP_STACK_COMPLETE;
		return 1;
	case SEEP_CFA_UNKNOWN:
		if (!exact && begins_stack(walk)) {
			stack->end = SEEP_STACK_COMPLETE;
			return 1;
		}
		end = step_by_frame_pointer(walk);
		break;
	case SEEP_CFA_SIGNAL:
		end = step_signal(walk);
		break;
	default:
		end = step_by_rule(walk, rule);
	}
	if (end || !walk->pc) {
		stack->end = end;
		return 1;
	}
	return 0;
}

/* The first of the SEEP_STACK_PLACES ids that the stack may have. */
static __always_inline u64 first_stack_id(const struct seep_stack *stack, u64 hash)
{
	u64 id = hash ^ ((u64)stack->process << 32) ^ stack->depth;

	id = (id ^ (id >> 32)) * 0xd6e8feb86659fd93ULL;
	id ^= id >> 32;
	return id & ~SEEP_STACK_DEFERRED;
}

/* Goes on from where thread->walk is, which is not in thread->stack yet. */
static __always_inline void walk_on(struct thread_state *thread, u64 generation)
{
	struct walk_context context = {.thread = thread};

	thread->walk.process = thread->stack.process;
	forget_mapping(&thread->walk);
	thread->walk.mappings_may_be_old = generation >> GENERATION_UNLOADS_SHIFT;
	thread->walk.window.bytes = 0;
	thread->walk.window.most = WINDOW_BYTES;
	thread->stack.end = SEEP_STACK_TOO_DEEP;
	renew_rules(&thread->rules, generation);
	bpf_loop(SEEP_MAX_FRAMES, step, &context, 0);
}

/* For somebody else to go on with the thread's walk, which has ended at unknown code. */
static __always_inline void describe_walk(struct seep_deferred_walk *to,
					  const struct thread_state *thread)
{
	to->hash = thread->walk.hash_before;
	to->sp = thread->walk.sp;
	to->fp = thread->walk.fp;
	to->bx = thread->walk.bx;
	to->fp_known = thread->walk.fp_known;
	to->bx_known = thread->walk.bx_known;
	to->process = thread->stack.process;
	to->depth = thread->stack.depth ? thread->stack.depth - 1 : 0;
	__builtin_memcpy(to->frames, thread->stack.frames, sizeof(to->frames));
}

/*
 * Appends the callers to the thread's stack, of which frames[0] and process are set already, and
 * returns the hash of all frames. stack->end says how the walk ended.
 */
static __always_inline u64 walk_callers(struct thread_state *thread, const struct registers *caller,
					u64 generation)
{
	struct seep_stack *stack = &thread->stack;
	struct walk *walk = &thread->walk;

	walk->pending = (u64)pending_trampolines();
	/* At an exit site that a function with a return probe shares, the address is still hidden.
	 */
	walk->pc = replace_trampoline(walk, caller->sp - RETURN_ADDRESS_SIZE, caller->pc);
	begin_notes(walk, caller);
	walk->sp = caller->sp;
	walk->fp = caller->fp;
	walk->bx = caller->bx;
	walk->fp_known = true;
	walk->bx_known = true;
	walk->by_fp = false;
	walk->exact = caller->exact;
	walk->hash = stack->frames[0];
	walk_on(thread, generation);
	if (stack->end == SEEP_STACK_NO_MAPPING)
		tell_of_stray(walk->process, thread->rules.generation);
	return walk->hash;
}

#endif
