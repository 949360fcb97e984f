/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every map: what is in it, what bounds it, and what happens when it is full. The sizes here are
 * defaults; the collector sets them from its options before load. Maps that are not preallocated
 * use kernel memory as they fill.
 */
#ifndef SEEP_MAPS_BPF_H
#define SEEP_MAPS_BPF_H

#include "config.bpf.h"

/* Outstanding allocations that are not among the recent ones. Bound: --max-live. Full: the
 * allocation is not followed, and counted as lost_allocations; its free is then an unmatched one.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4194304);
	__type(key, struct seep_live_key);
	__type(value, struct seep_live);
} live SEC(".maps");

/* Recent allocations, a set for each value of a hash of the key (blocks.bpf.h). Bound: this many
 * sets of this many ways, 3 MB. Full: a set's oldest block moves to `live`. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE); /* the collector looks into it */
	__uint(max_entries, 1 << SEEP_RECENT_SET_BITS);
	__type(key, u32);
	__type(value, struct seep_recent_set);
} recent SEC(".maps");

/* Distinct call stacks by id. Bound: --max-stacks. Full: the allocation is not followed, and
 * counted as lost_stacks. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 262144);
	__type(key, u64);
	__type(value, struct seep_stack);
} stacks SEC(".maps");

/* Counters by stack id. It holds the same keys as stacks, and up to SEEP_MOST_DEFERRED others.
 * Full: as for stacks. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 262144 + SEEP_MOST_DEFERRED);
	__type(key, u64);
	__type(value, struct seep_totals);
} totals SEC(".maps");

/* Exact totals and losses by process slot. Bound: slots the collector gives out (1 and up); it
 * traces no further process when they are all taken, and says so. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, struct seep_process);
} processes SEC(".maps");

/* Hits by probe. Bound: probes the collector attaches; as for processes. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 65536);
	__type(key, u32);
	__type(value, u64);
} probe_hits SEC(".maps");

/*
 * Tables to unwind with, by slot: one an object, shared by all processes that map it. Bound: slots
 * of the collector; objects beyond have no table, and are stepped over by frame pointer.
 *
 * Inner maps are declared by size: those that the collector makes have no BTF, and older kernels
 * (6.1) do not take them for the same kind as a map with a described value, because of what they
 * found in its type (kernel/bpf/map_in_map.c, bpf_map_meta_equal).
 */
struct unwind_table {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u64));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, SEEP_UNWIND_TABLES);
	__type(key, u32);
	__array(values, struct unwind_table);
} unwind_tables SEC(".maps");

/* Mappings of code by process slot, replaced as a whole when they change. Bound: process slots. */
struct unwind_space {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(struct seep_mapping));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1024);
	__type(key, u32);
	__array(values, struct unwind_space);
} unwind_spaces SEC(".maps");

/* The generation of a process's mappings, by its slot, in the upper half; in the lower one, how
 * many unloads the collector knew of before it read them. 0: nothing was told yet. Bound: process
 * slots. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, u64);
} generations SEC(".maps");

/* How often a library may have been unloaded, by process slot. Bound: process slots. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, u64);
} unloads SEC(".maps");

/* Processes (their slots) that have unloaded a library, or whose stacks led to unknown code. Bound:
 * by the pauses in between, less than a call a millisecond for each process that is traced at once.
 * Full: the next stack that leads nowhere calls again. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16384);
} strays SEC(".maps");

/* The last such call, by process slot. Bound: process slots. */
struct stray_call {
	u64 generation; /* of the mappings that did not have the code */
	u64 time_ns;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, struct stray_call);
} stray_calls SEC(".maps");

/* Registers of a caller, as they are when the allocator has returned to it; or where a walk begins
 * besides. */
struct registers {
	u64 pc;
	u64 sp;
	u64 fp;
	u64 bx;
	bool exact; /* pc is no return address, nor behind a system call */
};

/*
 * Rules that the thread's walks have found, by address: its stacks have most of their frames in
 * common. Valid for one generation of the process's mappings, and emptied when that has changed.
 */
#define CACHED_RULE_BITS 8
#define CACHED_RULES (1 << CACHED_RULE_BITS)
struct cached_rule {
	u64 address; /* 0: none */
	struct seep_rule rule;
};
struct rule_cache {
	u64 generation;
	struct cached_rule entries[CACHED_RULES];
};

/* A piece of the thread's stack. */
#define WINDOW_BYTES 512
#define WINDOW_WORDS (WINDOW_BYTES / 8)
struct stack_window {
	u64 start;
	u64 bytes; /* a multiple of 8; 0: nothing */
	u32 most;  /* so much is of use, at most WINDOW_BYTES */
	u64 words[WINDOW_WORDS];
};

/* What a walk used (walk_memo.bpf.h): the registers it began with, and words of the stack. */
#define MEMO_WORDS 48
#define NOT_TO_BE_KEPT (MEMO_WORDS + 1)
struct walk_notes {
	u64 pc, sp, fp, bx;
	u32 count; /* NOT_TO_BE_KEPT: the walk depended on something else, or on too much */
	bool used_fp, used_bx;
	struct {
		u64 address, value;
	} words[MEMO_WORDS];
};

/* A walk and its outcome; all 0 if there is none. */
struct memo {
	u64 site; /* frame 0 of the stack */
	u64 generation;
	u64 stack;
	struct walk_notes notes;
};
/* Some for each value of a hash of where the walk begins. */
#define MEMO_SET_BITS 2
#define MEMO_WAYS 2
#define MEMOS (MEMO_WAYS << MEMO_SET_BITS)

/* A walk up the stack: the registers of the frame it is at, and what it found about its code. */
struct walk {
	u64 pc, sp, fp, bx;
	u64 hash, hash_before; /* of the frames, and of those before the last one */
	u64 pending;	       /* struct return_instance *: the next one up the stack */
	struct seep_mapping mapping;
	bool mappings_may_be_old; /* ask the kernel about each before it is believed */
	struct stack_window window;
	u32 process;
	u64 fp_from, bx_from; /* where they were restored from; 0: still as at the start */
	struct walk_notes notes;
	bool fp_known, bx_known;
	bool exact; /* pc is no return address: a signal came there */
	bool by_fp; /* a step was made by a frame pointer that no rule vouches for */
};

/*
 * What a thread is in the middle of. In task storage, because a sleepable program may be preempted
 * and others run on its CPU before it goes on. Bound: threads of the targets, freed with them. No
 * memory: the call is not followed, and counted as no_thread_state.
 */
struct thread_state {
	/* The outermost allocator call that has not returned yet; call_sp 0 if there is none. */
	u64 call_sp; /* sp at its entry: address of its return address */
	u64 call_cookie;
	u64 call_site;	 /* address of the probed instruction */
	u64 call_return; /* its return address, if that was read; else 0 */
	u64 bytes;
	u64 weight;	      /* 32.32; 0 if the allocation is not sampled */
	u64 out;	      /* where the result goes, if it is not returned */
	u64 old_address;      /* block given to realloc */
	struct seep_live old; /* its ledger entry, taken out for the time of the call */
	bool have_old;
	u64 window; /* window_began_us when the call was made */

	u64 last_freed;	  /* for free functions that call another one */
	s64 until_sample; /* bytes to the next sample */
	u64 dice;	  /* of clock.bpf.h */
	u64 sampled_at;	  /* the rate that gap was drawn for; 0 before the first */

	struct seep_stack stack; /* being built */
	struct walk walk;
	struct rule_cache rules;
	struct memo memos[MEMOS];
	u32 memo_turn;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread_state);
} threads SEC(".maps");

#endif
