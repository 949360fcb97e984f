/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls of allocator functions -> ledger.
 *
 * Only the outermost call counts: an allocator that calls itself or another one allocates once. The
 * call in progress is known by the stack pointer at its entry: a call at a lower one is nested in
 * it, and one at a higher one proves that it was left without returning (an exception, longjmp).
 *
 * A block enters the ledger when its function returns, and leaves it when the freeing function is
 * entered, so its address cannot have been handed out again in between. realloc takes the old block
 * out at its entry, for the same reason, and at its return either commits that or puts it back.
 */
#ifndef SEEP_HEAP_PROBES_BPF_H
#define SEEP_HEAP_PROBES_BPF_H

#include "ledger.bpf.h"

static __always_inline u32 cookie_field(u64 cookie, u32 shift)
{
	return (cookie >> shift) & 0xf;
}

static __always_inline u64 cookie_argument(const struct pt_regs *regs, u64 cookie, u32 shift)
{
	return call_argument(regs, cookie_field(cookie, shift));
}

static __always_inline struct seep_live_key live_key(u64 cookie, u64 address)
{
	struct seep_live_key key = {.address = address, .process = process_slot(cookie)};

	return key;
}

static __always_inline struct thread_state *thread_state(u64 flags)
{
	return bpf_task_storage_get(&threads, bpf_get_current_task_btf(), NULL, flags);
}

/* The block that realloc took out comes back: the call failed, or was left. */
static __always_inline void put_back_old(struct seep_process *process, struct thread_state *thread)
{
	struct seep_live_key key = live_key(thread->call_cookie, thread->old_address);

	if (!thread->have_old)
		return;
	thread->have_old = false;
	if (keep_block(&key, &thread->old)) {
		account_death(&thread->old);
		count_loss(process, SEEP_LOSS_LOST_ALLOCATIONS);
	}
}

static __always_inline void abandon_call(struct seep_process *process, struct thread_state *thread)
{
	put_back_old(process, thread);
	thread->call_sp = 0;
	count_loss(process, SEEP_LOSS_ABANDONED_CALLS);
}

/*
 * A call that was in progress when the probes were taken away has returned unseen. The block that
 * realloc had taken out went with it.
 */
static __always_inline void forget_earlier_window(struct thread_state *thread)
{
	if (thread->window == window_began_us)
		return;
	thread->window = window_began_us;
	if (thread->call_sp && thread->have_old)
		account_death(&thread->old);
	thread->have_old = false;
	thread->call_sp = 0;
	thread->last_freed = 0;
}

/*
 * Is a call in progress that the one at `sp` is nested in? A call that was left is forgotten.
 *
 * A function without exit sites does not throw, so it is still being called: at the same sp it has
 * jumped to the other one (glibc's aligned_alloc to malloc, for small alignments). One that may
 * throw has its return address in its place as long as it stands; a lower sp alone would not do, as
 * it may be on another stack (a coroutine's) after an exception on this one.
 */
static __always_inline bool is_nested(struct seep_process *process, struct thread_state *thread,
				      u64 sp)
{
	u64 return_address;

	forget_earlier_window(thread);
	if (!thread->call_sp)
		return false;
	if (!thread->call_return) {
		if (sp <= thread->call_sp)
			return true;
	} else if (sp < thread->call_sp) {
		if (!read_user(&return_address, sizeof(return_address), thread->call_sp) &&
		    return_address == thread->call_return)
			return true;
	}
	abandon_call(process, thread);
	return false;
}

static __always_inline void on_free(const struct pt_regs *regs, u64 cookie,
				    struct seep_process *process)
{
	u64 address = cookie_argument(regs, cookie, SEEP_COOKIE_POINTER_SHIFT);
	struct seep_live_key key = live_key(cookie, address);
	struct thread_state *thread;
	struct seep_live block;

	if (!address)
		return;
	thread = thread_state(0); /* a thread that never allocated has none, and needs none */
	if (thread && is_nested(process, thread, regs->sp))
		return;
	if (take_block(&key, &block)) {
		account_death(&block);
	} else if (thread && thread->last_freed == address) {
		return; /* operator delete calling free: one free */
	} else if (!some_unfollowed) {
		count_loss(process, SEEP_LOSS_UNMATCHED_FREES);
	}
	if (thread)
		thread->last_freed = address;
	add_to(&process->totals.freed_count, 1);
}

/*
 * The entry of a function with a result. Returns whether its return is wanted: not if the call is
 * nested, or not sampled.
 */
static __always_inline bool on_call(const struct pt_regs *regs, u64 cookie,
				    struct seep_process *process)
{
	struct thread_state *thread = thread_state(BPF_LOCAL_STORAGE_GET_F_CREATE);
	u32 role = cookie_field(cookie, SEEP_COOKIE_ROLE_SHIFT);
	struct seep_live_key key;
	u64 bytes;

	if (!thread) {
		count_loss(process, SEEP_LOSS_NO_THREAD_STATE);
		return false;
	}
	if (is_nested(process, thread, regs->sp))
		return false;

	bytes = cookie_argument(regs, cookie, SEEP_COOKIE_SIZE_SHIFT);
	if (cookie_field(cookie, SEEP_COOKIE_COUNT_SHIFT))
		bytes *= cookie_argument(regs, cookie, SEEP_COOKIE_COUNT_SHIFT);
	thread->last_freed = 0;
	thread->have_old = false;
	thread->old_address = 0;
	if (role != SEEP_ROLE_ALLOCATE) {
		thread->old_address = cookie_argument(regs, cookie, SEEP_COOKIE_POINTER_SHIFT);
		key = live_key(cookie, thread->old_address);
		if (thread->old_address)
			thread->have_old = take_block(&key, &thread->old);
	}
	thread->weight = sample(thread, bytes);
	if (!thread->weight && !thread->have_old) {
		/* Its result is not looked at, so it is taken to have worked. */
		add_to(&process->totals.passed_over_count, 1);
		add_to(&process->totals.allocated_bytes, bytes);
		if (thread->old_address)
			add_to(&process->totals.freed_count, 1);
		return false;
	}
	thread->call_sp = regs->sp;
	thread->call_cookie = cookie;
	thread->call_site = regs->ip;
	thread->call_return = 0;
	if (cookie_field(cookie, SEEP_COOKIE_PHASE_SHIFT) == SEEP_PHASE_CALL_MAY_THROW)
		read_user(&thread->call_return, sizeof(thread->call_return), regs->sp);
	thread->bytes = bytes;
	thread->out = cookie_argument(regs, cookie, SEEP_COOKIE_OUT_SHIFT);
	return true;
}

/* The address of the block that the call made; 0 if it failed. `freed`: 0 means the old block is
 * gone all the same (realloc to no bytes). */
static __always_inline u64 result_of(struct seep_process *process, struct thread_state *thread,
				     u64 result)
{
	u64 block = 0;

	if (cookie_field(thread->call_cookie, SEEP_COOKIE_ROLE_SHIFT) == SEEP_ROLE_RESIZE)
		return result >= thread->bytes ? thread->old_address : 0;
	if (!thread->out)
		return result;
	if ((u32)result != 0)
		return 0;
	if (read_user(&block, sizeof(block), thread->out))
		count_loss(process, SEEP_LOSS_UNREADABLE_RESULTS);
	return block;
}

static __always_inline void count_truncation(struct seep_process *process, u32 end)
{
	if (end < SEEP_STACK_TOO_DEEP || end > SEEP_STACK_UNSUPPORTED)
		return;
	count_loss(process, SEEP_LOSS_TRUNCATED_STACKS);
	count_loss(process, SEEP_LOSS_STACKS_TOO_DEEP + end - SEEP_STACK_TOO_DEEP);
}

/* The id of the stack that the call in progress came by; 0 if it cannot be kept. */
static __always_inline u64 stack_of(struct seep_process *process, struct thread_state *thread,
				    const struct registers *caller, u32 slot)
{
	struct seep_stack *stack = &thread->stack;
	u64 generation = mappings_generation(slot);
	u64 hash, id = remembered_stack(thread, caller, thread->call_site, generation);

	if (id)
		return id;
	stack->process = slot;
	stack->depth = 1;
	stack->frames[0] = thread->call_site;
	hash = walk_callers(thread, caller, generation);
	add_to(&process->totals.walked_frames, stack->depth);
	if (stack->end == SEEP_STACK_NO_MAPPING) {
		id = defer_walk(thread);
		if (id)
			return id;
	}
	count_truncation(process, stack->end);
	id = stack_id(process, stack, hash);
	if (id)
		remember_stack(thread, caller, thread->call_site, generation, id);
	return id;
}

static __always_inline void record_block(struct seep_process *process, struct thread_state *thread,
					 const struct registers *caller, u64 address)
{
	struct seep_live_key key = live_key(thread->call_cookie, address);
	struct seep_live block = {
	    .bytes = thread->bytes,
	    .weight = thread->weight,
	};

	add_to(&process->totals.followed_count, 1);
	block.stack = stack_of(process, thread, caller, key.process);
	if (block.stack)
		add_block(process, thread, &key, &block);
}

/* The return of the call in progress. `caller`: registers as they are after the return. */
static __always_inline void on_return(const struct pt_regs *regs, const struct registers *caller)
{
	struct thread_state *thread = thread_state(0);
	struct seep_process *process;
	u64 address;

	if (!recording || !thread || !thread->call_sp || thread->window != window_began_us)
		return;
	process = process_of(thread->call_cookie);
	if (!process)
		return;
	if (caller->sp != thread->call_sp + RETURN_ADDRESS_SIZE) {
		if (caller->sp > thread->call_sp + RETURN_ADDRESS_SIZE && !thread->call_return)
			abandon_call(process, thread);
		return; /* of a nested call */
	}
	thread->call_sp = 0;
	address = result_of(process, thread, call_result(regs));
	if (address || (thread->old_address && !thread->bytes)) {
		if (thread->have_old)
			account_death(&thread->old);
		else if (thread->old_address && !some_unfollowed)
			count_loss(process, SEEP_LOSS_UNMATCHED_FREES);
		if (thread->old_address)
			add_to(&process->totals.freed_count, 1);
	} else {
		add_to(&process->totals.failed_count, 1);
		put_back_old(process, thread);
	}
	thread->have_old = false;
	if (!address)
		return;
	add_to(&process->totals.allocated_bytes, thread->bytes);
	if (thread->weight)
		record_block(process, thread, caller, address);
	else
		add_to(&process->totals.passed_over_count, 1);
}

/* At a return instruction of a function that may throw. */
static __always_inline void on_exit_site(const struct pt_regs *regs)
{
	struct registers caller = {
	    .sp = regs->sp + RETURN_ADDRESS_SIZE,
	    .fp = regs->bp,
	    .bx = regs->bx,
	};

	if (!read_user(&caller.pc, sizeof(caller.pc), regs->sp))
		on_return(regs, &caller);
}

static __always_inline void on_return_probe(const struct pt_regs *regs)
{
	/* The kernel has put the real return address into ip before it calls the handlers
	 * (kernel/events/uprobes.c, uprobe_handle_trampoline). */
	struct registers caller = {
	    .pc = regs->ip,
	    .sp = regs->sp,
	    .fp = regs->bp,
	    .bx = regs->bx,
	};

	on_return(regs, &caller);
}

/* Any probe that is not a return probe. Returns whether the call's return is wanted. */
static __always_inline bool on_probe(const struct pt_regs *regs, u64 cookie)
{
	struct seep_process *process = process_of(cookie);

	if (cookie_field(cookie, SEEP_COOKIE_ROLE_SHIFT) == SEEP_ROLE_UNLOAD) {
		tell_of_unload(process_slot(cookie));
		return false;
	}
	if (!recording || !process)
		return false;
	if (cookie_field(cookie, SEEP_COOKIE_PHASE_SHIFT) == SEEP_PHASE_EXIT) {
		on_exit_site(regs);
		return false;
	}
	if (cookie_field(cookie, SEEP_COOKIE_ROLE_SHIFT) == SEEP_ROLE_WORK)
		return false;
	if (cookie_field(cookie, SEEP_COOKIE_ROLE_SHIFT) == SEEP_ROLE_FREE) {
		on_free(regs, cookie, process);
		return false;
	}
	return on_call(regs, cookie, process);
}

/*
 * One program a way of attaching. The collector loads those of the way it takes, and sets their
 * attach types (single: perf events; multi: kernel 6.6; session: 6.13).
 */
SEC("uprobe.s")
int seep_call(struct pt_regs *regs)
{
	u64 cookie = bpf_get_attach_cookie(regs);

	count_hits(cookie, 1); /* also while probes are being taken away: it costs as much */
	on_probe(regs, cookie);
	return 0;
}

SEC("uretprobe.s")
int seep_return(struct pt_regs *regs)
{
	count_hits(bpf_get_attach_cookie(regs), 1);
	on_return_probe(regs);
	return 0;
}

extern bool bpf_session_is_return(void) __ksym __weak;

/* Entry and return in one; a 1 from the entry leaves the return probe out. */
SEC("uprobe.s")
int seep_session(struct pt_regs *regs)
{
	u64 cookie;
	bool is_return_wanted;

	if (bpf_session_is_return()) {
		on_return_probe(regs);
		return 0;
	}
	cookie = bpf_get_attach_cookie(regs);
	is_return_wanted = on_probe(regs, cookie);
	count_hits(cookie, is_return_wanted ? 2 : 1);
	return is_return_wanted ? 0 : 1;
}

#endif
