/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page faults of the targets -> ring buffer.
 *
 * A perf event of the software counter page-faults, period 1, on each thread of a target: nobody
 * else pays for it. It comes before the fault is dealt with (arch/x86/mm/fault.c,
 * do_user_addr_fault), so what a fault brought is not known here; the collector looks at the
 * process's pages when it takes a snapshot, and takes from here only who came for them
 * (userspace/drain/fault_ledger.h). What can be told here alone is whether the page was there
 * already, and the fault is a write to a page that was only readable: after a fork, say.
 */
#ifndef SEEP_FAULT_PROBES_BPF_H
#define SEEP_FAULT_PROBES_BPF_H

#include "unwind.bpf.h"

/* Slots of traced processes, kept at their first thread, as mapping_targets. Bound: as there. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u32);
} fault_targets SEC(".maps");

/*
 * What a thread's walks need. Not `threads`: a fault may come while a walk of that reads the
 * thread's stack. Bound and shortage as there.
 */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread_state);
} fault_threads SEC(".maps");

/* Faults on their way to the collector. Bound: its size; with stacks of 20 frames, 90,000 faults.
 * Full: the fault is counted as lost_faults, and its page belongs to no stack. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 24);
} faults SEC(".maps");

/* The collector reads at its own pace, and is woken when the buffer is filled to this. */
#define WAKE_AT (1 << 20)

/* struct bpf_perf_event_data of <linux/bpf_perf_event.h>, with the kernel's names of registers. */
struct fault_context {
	struct pt_regs regs;
	u64 sample_period;
	u64 addr;
};

static __always_inline void walk_from_fault(const struct pt_regs *regs, bool in_kernel,
					    struct seep_fault *fault, struct thread_state *thread)
{
	struct registers at = {
	    .pc = regs->ip,
	    .sp = regs->sp,
	    .fp = regs->bp,
	    .bx = regs->bx,
	    .exact = !in_kernel,
	};

	thread->stack.process = fault->process;
	thread->stack.depth = 0;
	walk_callers(thread, &at, mappings_generation(fault->process));
	fault->depth = thread->stack.depth;
	fault->end = thread->stack.end;
}

static __always_inline void send_fault(struct seep_process *process, struct seep_fault *fault,
				       struct thread_state *thread)
{
	u32 depth = fault->depth;
	u64 wake = bpf_ringbuf_query(&faults, BPF_RB_AVAIL_DATA) >= WAKE_AT ? BPF_RB_FORCE_WAKEUP
									    : BPF_RB_NO_WAKEUP;
	struct bpf_dynptr room;

	if (depth > SEEP_MAX_FRAMES)
		depth = 0;
	/* Given back or submitted whether there was room or not: the verifier insists. */
	if (bpf_ringbuf_reserve_dynptr(&faults, sizeof(*fault) + depth * sizeof(u64), 0, &room)) {
		bpf_ringbuf_discard_dynptr(&room, wake);
		count_loss(process, SEEP_LOSS_LOST_FAULTS);
		return;
	}
	bpf_dynptr_write(&room, 0, fault, sizeof(*fault), 0);
	if (depth)
		bpf_dynptr_write(&room, sizeof(*fault), thread->stack.frames, depth * sizeof(u64),
				 0);
	bpf_ringbuf_submit_dynptr(&room, wake);
}

SEC("perf_event")
int seep_page_fault(struct fault_context *context)
{
	struct seep_fault fault = {.address = context->addr};
	struct task_struct *task = bpf_get_current_task_btf();
	struct seep_process *process;
	struct thread_state *thread;
	/* Of the way into the kernel: also where the kernel itself touched the page, in a read(2)
	 * into new memory. */
	const struct pt_regs *regs = (const struct pt_regs *)bpf_task_pt_regs(task);
	bool in_kernel = !(context->regs.cs & 3);
	u32 *slot = bpf_task_storage_get(&fault_targets, task->group_leader, NULL, 0);
	char byte;

	if (!slot)
		return 0;
	fault.process = *slot;
	process = bpf_map_lookup_elem(&processes, &fault.process);
	if (!process)
		return 0;
	fault.was_there = !bpf_probe_read_user(&byte, 1, (const void *)fault.address);
	thread = bpf_task_storage_get(&fault_threads, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!thread) {
		count_loss(process, SEEP_LOSS_LOST_FAULTS);
		return 0;
	}
	walk_from_fault(regs, in_kernel, &fault, thread);
	send_fault(process, &fault, thread);
	return 0;
}

#endif
