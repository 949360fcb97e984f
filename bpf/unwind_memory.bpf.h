/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The target's stack as a walk reads it: through a window that is copied once for several frames,
 * because what a copy costs hardly depends on its size (here 45 ns for 16 bytes, 60 for 512), and
 * with the return addresses that the kernel has hidden put back.
 *
 * A window lies within one page. What memory it takes in besides what was asked for is there if
 * that is, so it fails, and waits for memory, in no case in which a read of single words would not.
 */
#ifndef SEEP_UNWIND_MEMORY_BPF_H
#define SEEP_UNWIND_MEMORY_BPF_H

#include "maps.bpf.h"

/* Stack pages are nearly always in memory; where one is not, the sleepable program waits for it.
 * SEEP_MUST_NOT_SLEEP: compiled for programs that cannot. */
static __always_inline long read_user(void *to, u32 size, u64 from)
{
	long error = bpf_probe_read_user(to, size, (const void *)from);

#ifndef SEEP_MUST_NOT_SLEEP
	if (error)
		error = bpf_copy_from_user(to, size, (const void *)from);
#endif
	return error;
}

/* No page is smaller on any processor. */
#define PAGE_BYTES 4096
/* Six saved registers, and the return address above them: what a frame ends with. */
#define FRAME_END_BYTES 64

/* Sees to it that the window has the end of the frame from walk->sp to `end`, if that is readable
 * and not on two pages. */
static __always_inline void move_window(struct walk *walk, u64 end)
{
	struct stack_window *window = &walk->window;
	u64 last = end - sizeof(u64), start, page = last & ~(u64)(PAGE_BYTES - 1);
	u32 bytes;

	if (last - window->start < window->bytes)
		return;
	start = end - FRAME_END_BYTES;
	if (start < walk->sp && walk->sp <= last) /* sp is of another stack if it is beyond */
		start = walk->sp;
	if (start < page)
		start = page;
	bytes = (PAGE_BYTES - (start & (PAGE_BYTES - 1))) & ~7U;
	if (bytes > window->most)
		bytes = window->most;
	/* Known bits are kept by older kernels where bounds are lost. */
	bytes &= 2 * WINDOW_BYTES - 1;
	if (bytes > WINDOW_BYTES)
		bytes = WINDOW_BYTES;
	window->start = start;
	window->bytes = read_user(window->words, bytes, start) ? 0 : bytes;
}

static __always_inline bool read_word(const struct walk *walk, u64 address, u64 *value)
{
	u64 at = address - walk->window.start;

	if (at < walk->window.bytes && !(at & 7)) {
		*value = walk->window.words[(at / 8) & (WINDOW_WORDS - 1)];
		return true;
	}
	return !read_user(value, sizeof(*value), address);
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
			walk->notes.count = NOT_TO_BE_KEPT;
			break;
		}
		if (at > slot)
			break;
		next = BPF_CORE_READ(next, next);
	}
	walk->pending = (u64)next;
	return address;
}

#endif
