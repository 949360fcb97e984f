/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The caller chain of one allocation. The interface is walk_callers(): from the registers at the
 * moment after the allocator's return (pc in the caller, sp and callee-saved registers its own) to
 * the return addresses up to the thread's first frame.
 *
 * This walk follows frame pointers. The caller itself needs none: its address is the one the
 * allocator returns to. Memory of the target is untrusted: every link is checked to lead upwards.
 */
#ifndef SEEP_UNWIND_BPF_H
#define SEEP_UNWIND_BPF_H

#include "loss.bpf.h"

struct registers {
	u64 pc;
	u64 sp;
	u64 fp;
};

/* Stack pages are nearly always in memory; where one is not, the sleepable program waits for it. */
static __always_inline long read_user(void *to, u32 size, u64 from)
{
	long error = bpf_probe_read_user(to, size, (const void *)from);

	return error ? bpf_copy_from_user(to, size, (const void *)from) : 0;
}

/*
 * While a return probe is pending, the kernel's trampoline lies on the stack in place of the return
 * address (kernel/events/uprobes.c, prepare_uretprobe). The kernel's list of them is ordered like the
 * stack, so one cursor goes along with the walk.
 */
static __always_inline struct return_instance *pending_trampolines(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	return BPF_CORE_READ(task, utask, return_instances);
}

#define MAX_TRAMPOLINES_PER_FRAME 8

static __always_inline u64 replace_trampoline(struct return_instance **pending, u64 slot, u64 address)
{
	struct return_instance *next = *pending;
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
	*pending = next;
	return address;
}

static __always_inline void push_frame(struct seep_stack *stack, u64 *hash, u64 address)
{
	/* One round of a multiply-xorshift hash; the finishing mix is in stack_id(). */
	*hash = (*hash ^ address) * 0x9e3779b97f4a7c15ULL;
	*hash ^= *hash >> 29;
	stack->frames[stack->depth++ & (SEEP_MAX_FRAMES - 1)] = address;
}

/*
 * Appends the callers to stack->frames, of which [0] is set already, and returns the hash of all
 * frames. stack->end says how the walk ended.
 */
static __always_inline u64 walk_callers(struct seep_stack *stack, const struct registers *start)
{
	struct return_instance *pending = pending_trampolines();
	u64 hash = stack->frames[0], fp = start->fp, floor = start->sp;
	u64 link[2]; /* the caller's frame pointer, the return address */
	int i;

	push_frame(stack, &hash, start->pc);
	stack->end = SEEP_STACK_TOO_DEEP;
	for (i = 0; i < SEEP_MAX_FRAMES - 2; i++) {
		if (!fp) {
			stack->end = SEEP_STACK_COMPLETE; /* the ABI's mark of the first frame */
			break;
		}
		if (fp < floor || (fp & 7)) {
			stack->end = SEEP_STACK_BROKEN;
			break;
		}
		if (read_user(link, sizeof(link), fp)) {
			stack->end = SEEP_STACK_UNREADABLE;
			break;
		}
		if (!link[1]) {
			stack->end = SEEP_STACK_COMPLETE;
			break;
		}
		push_frame(stack, &hash, replace_trampoline(&pending, fp + 8, link[1]));
		floor = fp + 16;
		fp = link[0];
	}
	return hash;
}

#endif
