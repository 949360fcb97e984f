/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mmap, munmap, mremap, mprotect and brk of the targets -> ring buffer.
 *
 * At the return of every system call of the machine, so what comes first is the way out: the call's
 * number, then the process. Calls that failed changed nothing and are not told. What a call did to
 * the process's mappings is worked out by the collector (userspace/drain/mapping_ledger.h): it is
 * a matter of ordered ranges, which BPF's maps do not have, and of few events.
 */
#ifndef SEEP_MAPPING_PROBES_BPF_H
#define SEEP_MAPPING_PROBES_BPF_H

#include "unwind.bpf.h"

/* Slots of traced processes, kept at their first thread: independent of pid namespaces, and gone
 * with the process. Bound: process slots. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u32);
} mapping_targets SEC(".maps");

/* Calls on their way to the collector. Bound: its size; with stacks of 20 frames, 35,000 calls.
 * Full: the call is counted as lost_mapping_calls, and the collector reads /proc/PID/maps anew. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 23);
} mapping_calls SEC(".maps");

/* The collector reads at its own pace, and is woken when the buffer is filled to this. */
#define WAKE_AT (1 << 20)

#define PROT_WRITE 2
#define LARGEST_ERROR 4095

static __always_inline u32 mapping_call_kind(const struct pt_regs *regs)
{
	/* arch/x86/entry/syscalls/syscall_64.tbl */
	switch (regs->orig_ax) {
	case 9:
		return SEEP_MMAP;
	case 10:  /* mprotect */
	case 329: /* pkey_mprotect */
		return SEEP_MPROTECT;
	case 11:
		return SEEP_MUNMAP;
	case 12:
		return SEEP_BRK;
	case 25:
		return SEEP_MREMAP;
	default:
		return 0;
	}
}

/* May the call make memory writable? Then its stack is of interest. */
static __always_inline bool may_add_memory(const struct seep_mapping_call *call)
{
	switch (call->kind) {
	case SEEP_MMAP:
	case SEEP_MPROTECT:
		return call->arguments[2] & PROT_WRITE;
	case SEEP_BRK:
		return call->arguments[0] != 0;
	case SEEP_MREMAP:
		return true;
	default:
		return false;
	}
}

static __always_inline void walk_from_system_call(const struct pt_regs *regs,
						  struct seep_mapping_call *call,
						  struct thread_state *thread)
{
	struct registers at = {
	    .pc = regs->ip,
	    .sp = regs->sp,
	    .fp = regs->bp,
	    .bx = regs->bx,
	};

	thread->stack.process = call->process;
	thread->stack.depth = 0;
	walk_callers(thread, &at, mappings_generation(call->process));
	call->depth = thread->stack.depth;
	call->end = thread->stack.end;
}

static __always_inline void send_mapping_call(struct seep_process *process,
					      struct seep_mapping_call *call,
					      struct thread_state *thread)
{
	u32 depth = call->depth;
	u64 wake = bpf_ringbuf_query(&mapping_calls, BPF_RB_AVAIL_DATA) >= WAKE_AT
		       ? BPF_RB_FORCE_WAKEUP
		       : BPF_RB_NO_WAKEUP;
	struct bpf_dynptr room;

	if (depth > SEEP_MAX_FRAMES)
		depth = 0;
	/* Given back or submitted whether there was room or not: the verifier insists. */
	if (bpf_ringbuf_reserve_dynptr(&mapping_calls, sizeof(*call) + depth * sizeof(u64), 0,
				       &room)) {
		bpf_ringbuf_discard_dynptr(&room, wake);
		count_loss(process, SEEP_LOSS_LOST_MAPPING_CALLS);
		return;
	}
	bpf_dynptr_write(&room, 0, call, sizeof(*call), 0);
	if (depth)
		bpf_dynptr_write(&room, sizeof(*call), thread->stack.frames, depth * sizeof(u64),
				 0);
	bpf_ringbuf_submit_dynptr(&room, wake);
}

SEC("tp_btf/sys_exit")
int seep_system_call(u64 *context)
{
	const struct pt_regs *regs = (const struct pt_regs *)context[0];
	struct seep_mapping_call call = {.result = context[1]};
	u64 stack_pointer = regs->sp;
	struct seep_process *process;
	struct thread_state *thread;
	struct task_struct *task;
	u32 *slot;

	call.kind = mapping_call_kind(regs);
	if (!call.kind || call.result > ~0ULL - LARGEST_ERROR || !recording)
		return 0;
	task = bpf_get_current_task_btf();
	slot = bpf_task_storage_get(&mapping_targets, task->group_leader, NULL, 0);
	if (!slot)
		return 0;
	call.process = *slot;
	process = bpf_map_lookup_elem(&processes, &call.process);
	if (!process)
		return 0;
	call.time_ns = bpf_ktime_get_ns();
	call.arguments[0] = regs->di;
	call.arguments[1] = regs->si;
	call.arguments[2] = regs->dx;
	call.arguments[3] = regs->r10;
	call.arguments[4] = regs->r8;
	thread = bpf_task_storage_get(&threads, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!thread) {
		/* The collector reads the mappings anew, as for any call that it does not hear of.
		 */
		count_loss(process, SEEP_LOSS_LOST_MAPPING_CALLS);
		return 0;
	}
	/* A call that was left by an exception lies lower than the stack is now. */
	call.in_allocator = thread->call_sp && stack_pointer < thread->call_sp;
	if (may_add_memory(&call))
		walk_from_system_call(regs, &call, thread);
	send_mapping_call(process, &call, thread);
	return 0;
}

#endif
