/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel side and the collector share: the layout of every map's keys and values, the
 * meaning of a probe's cookie, and the names of the loss counters.
 *
 * Fixed-width types, explicit padding, a static_assert on every size; tests/unit/kernel holds the
 * same sizes against the BTF of the built object.
 */
#ifndef SEEP_WIRE_H
#define SEEP_WIRE_H

#ifdef __BPF__
#define SEEP_ASSERT(what) _Static_assert(what, #what)
#else
#include <stdint.h>
typedef uint8_t __u8;		  // NOLINT(modernize-use-using,bugprone-reserved-identifier)
typedef uint16_t __u16;		  // NOLINT(modernize-use-using,bugprone-reserved-identifier)
typedef uint32_t __u32;		  // NOLINT(modernize-use-using,bugprone-reserved-identifier)
typedef int16_t __s16;		  // NOLINT(modernize-use-using,bugprone-reserved-identifier)
typedef int32_t __s32;		  // NOLINT(modernize-use-using,bugprone-reserved-identifier)
#ifndef _ASM_GENERIC_INT_LL64_H
#ifndef _ASM_GENERIC_INT_L64_H
typedef unsigned long long __u64; // NOLINT(modernize-use-using,bugprone-reserved-identifier)
#endif
#endif
#define SEEP_ASSERT(what) static_assert(what, #what)
#endif

/* Frames kept of one stack: the allocator's function and up to 127 callers, innermost first. */
#define SEEP_MAX_FRAMES 128

/* The general registers of a thread but sp: struct pt_regs begins with them. */
#define SEEP_REGISTERS 15

/* Completed lifetimes in log2 buckets of microseconds: bucket b counts [2^(b-1), 2^b) us, bucket 0
 * what lived under 1 us; the last one, everything from 2^38 us (3.2 days) on. */
#define SEEP_LIFETIME_BUCKETS 40

/*
 * A probe's cookie: all that a handler needs to know of the function it sits on, so that a new
 * allocator is a line in the collector's catalogue and no change here.
 *
 *   63    60 59   56 55   52 51   48 47   44 43   40 39        24 23                    0
 *  +--------+-------+-------+-------+-------+-------+------------+-----------------------+
 *  | phase  |  out  |pointer| count | size  | role  |  process   |        probe          |
 *  +--------+-------+-------+-------+-------+-------+------------+-----------------------+
 *
 * size, count, pointer, out: which argument (1 to 6) holds it, 0 for none. The allocation is of
 * size * count bytes; `pointer` is the block that realloc or free is given; `out` is where
 * posix_memalign puts its result. process: the slot of the process image, index into
 * the map processes. probe: index into the map probe_hits.
 */
#define SEEP_COOKIE_PROBE_BITS 24
#define SEEP_COOKIE_PROCESS_SHIFT 24
#define SEEP_COOKIE_PROCESS_BITS 16
#define SEEP_COOKIE_ROLE_SHIFT 40
#define SEEP_COOKIE_SIZE_SHIFT 44
#define SEEP_COOKIE_COUNT_SHIFT 48
#define SEEP_COOKIE_POINTER_SHIFT 52
#define SEEP_COOKIE_OUT_SHIFT 56
#define SEEP_COOKIE_PHASE_SHIFT 60

enum seep_role {
	SEEP_ROLE_ALLOCATE = 1,	  /* malloc, calloc, operator new, ...: a new block */
	SEEP_ROLE_REALLOCATE = 2, /* realloc, rallocx: a new block for an old one */
	SEEP_ROLE_FREE = 3,	  /* free, operator delete, dallocx: no result */
	SEEP_ROLE_RESIZE = 4,	  /* xallocx: the block stays, the result is its new size */
	SEEP_ROLE_WORK = 5,	  /* a function of the program whose calls are counted, no more */
	SEEP_ROLE_UNLOAD = 6,	  /* dlclose: what is mapped where may be something else now */
};

enum seep_phase {
	SEEP_PHASE_CALL = 0, /* at the function's entry, or both ends of a session */
	SEEP_PHASE_EXIT = 1, /* at a return instruction: (%rsp) holds the return address */
	SEEP_PHASE_CALL_MAY_THROW = 2, /* at the entry of a function left by EXIT, or that throws */
};

/*
 * Unwind tables. One an object, as 8-byte words in an array map of exactly its size:
 *
 *   word 0        blocks+1 numbers (32 bits, two a word): the first row at or after the start of
 *                 each 2^SEEP_BLOCK_SHIFT bytes of code; the last one is the number of rows
 *   word `rows`   rows (32 bits, two a word): (offset in the block << 16) | number of the rule that
 *                 holds from there to the next row
 *   word `rules`  rules (two words each), number 0 meaning that nothing is known
 *
 * Even ones are in the low half of their word. Where they are is in the mappings that use the
 * table.
 */
#define SEEP_BLOCK_SHIFT 10

/* Slots of tables, 1 up to this (exclusive). */
#define SEEP_UNWIND_TABLES 8192

/* How the canonical frame address (CFA: sp before the call) is found. */
enum seep_cfa {
	SEEP_CFA_UNKNOWN = 0,	    /* no rule, or one that this table cannot say */
	SEEP_CFA_SP = 1,	    /* sp + cfa_offset */
	SEEP_CFA_FP = 2,	    /* fp + cfa_offset */
	SEEP_CFA_BX = 3,	    /* bx + cfa_offset */
	SEEP_CFA_SP_DEREF = 4,	    /* *(sp + cfa_offset) + cfa_add */
	SEEP_CFA_FP_DEREF = 5,	    /* *(fp + cfa_offset) + cfa_add */
	SEEP_CFA_PLT = 6,	    /* sp + 8 + ((pc & 15) >= cfa_offset ? 8 : 0) */
	SEEP_CFA_END = 7,	    /* the return address is undefined: the thread's first frame */
	SEEP_CFA_SIGNAL = 8,	    /* a signal frame: the registers lie at fixed places above sp */
	SEEP_CFA_UNSUPPORTED = 9,   /* there is a rule, of a kind not listed here */
	SEEP_CFA_FP_ELSEWHERE = 10, /* fp + cfa_offset, on another stack: below sp, perhaps */
};

/* Where the caller's value of a register is. */
enum seep_saved {
	SEEP_SAVED_SAME = 0,   /* still in the register */
	SEEP_SAVED_AT_CFA = 1, /* *(CFA + offset) */
	SEEP_SAVED_AT_FP = 2,  /* *(fp + offset), fp before the step */
	SEEP_SAVED_UNKNOWN = 3,
};

struct seep_rule {
	__s32 cfa_offset;
	__s16 cfa_add;
	__s16 fp_offset;
	__s16 bx_offset;
	__u8 cfa;      /* enum seep_cfa */
	__u8 fp;       /* enum seep_saved: rbp */
	__u8 bx;       /* enum seep_saved: rbx */
	__u8 occupant; /* 0 in tables: of the mapping it was found for, where rules are kept */
	__u8 pad[2];
};
SEEP_ASSERT(sizeof(struct seep_rule) == 16);

/* Executable memory of a process; its map has them ascending by address, behind an entry 0 whose
 * `start` is their number, and whose `end` is a number that no other such map has ever had (32
 * bits): the generation. */
struct seep_mapping {
	__u64 start;
	__u64 end;
	__u64 bias;	/* pc - bias is the address in the object */
	__u64 base;	/* address in the object at which block 0 begins */
	__u16 table;	/* slot of the object's table; 0 if it has none */
	__u16 occupant; /* see SEEP_FRAME_OCCUPANT_SHIFT */
	__u32 blocks;
	__u32 rows;	  /* word of the first row */
	__u32 rules;	  /* word of the first rule */
	__u64 file_start; /* address that the file's first byte would have (modulo 2^64) */
	__u64 inode;	  /* of the file, 0 for none */
};
SEEP_ASSERT(sizeof(struct seep_mapping) == 64);

/* Which of the two clocks a birth was read from (clock.bpf.h). */
#define SEEP_BORN_EXACT (1ULL << 63)
/* Fixed point of the length of a tick. */
#define SEEP_TICK_SHIFT 10

/* What the tick is wrong by is little of so many ticks. */
#define SEEP_SHORT_TICKS 4

/* An outstanding allocation. */
struct seep_live_key {
	__u64 address;
	__u32 process;
	__u32 pad;
};
SEEP_ASSERT(sizeof(struct seep_live_key) == 16);

struct seep_live {
	__u64 bytes;  /* as requested */
	__u64 weight; /* how many allocations of this size it stands for, 32.32 fixed point */
	__u64 stack;  /* key into stacks and totals */
	__u64 born;   /* microseconds since attach, and SEEP_BORN_EXACT */
};
SEEP_ASSERT(sizeof(struct seep_live) == 32);

/* Recent blocks, a set for each value of a hash of the key. What a word says: bpf/blocks.bpf.h. */
#define SEEP_RECENT_SET_BITS 14
#define SEEP_RECENT_WAYS 4
/* A word that is below this, and not 0, is of a block: its address, and above it the slot of its
 * process, of 10 bits. */
#define SEEP_RECENT_FREED (1ULL << 61)
#define SEEP_RECENT_ADDRESS_BITS 48
struct seep_recent_set {
	__u64 words[SEEP_RECENT_WAYS];
	__u64 elsewhere; /* entries of `live` that belong here */
	__u64 pad[3];	 /* what is compared lies in 64 bytes */
	struct seep_live blocks[SEEP_RECENT_WAYS];
};
SEEP_ASSERT(sizeof(struct seep_recent_set) == 192);

/* Why a walk ended. */
enum seep_stack_end {
	SEEP_STACK_COMPLETE = 0,    /* at the thread's first frame */
	SEEP_STACK_TOO_DEEP = 1,    /* more than SEEP_MAX_FRAMES; the innermost are kept */
	SEEP_STACK_UNREADABLE = 2,  /* stack memory could not be read */
	SEEP_STACK_BROKEN = 3,	    /* the chain does not continue upwards */
	SEEP_STACK_NO_MAPPING = 4,  /* a return address in no executable mapping */
	SEEP_STACK_NO_ROW = 5,	    /* code without a rule, and without a frame pointer */
	SEEP_STACK_UNSUPPORTED = 6, /* a rule of a kind that the tables cannot say */
};

/* Set in a frame that is no return address: what a signal or a page fault interrupted. */
#define SEEP_FRAME_EXACT (1ULL << 63)
/* Addresses of processes are below it. In between: which of those that have had this address in
 * turn, 0 the first (dlclose, and dlopen of another library). So a frame says for good what it is
 * in, and frames of two libraries are two frames. */
#define SEEP_FRAME_OCCUPANT_SHIFT 57
#define SEEP_MOST_OCCUPANTS 63
#define SEEP_UNKNOWN_OCCUPANT 63
#define SEEP_FRAME_ADDRESS ((1ULL << SEEP_FRAME_OCCUPANT_SHIFT) - 1)

/* A call stack: inserted once, never changed. Only frames[0..depth) are meaningful. */
struct seep_stack {
	__u32 process;
	__u16 depth;
	__u16 end;		       /* enum seep_stack_end */
	__u64 frames[SEEP_MAX_FRAMES]; /* [0] in the allocator's function, then return addresses */
};
SEEP_ASSERT(sizeof(struct seep_stack) == 8 + 8 * SEEP_MAX_FRAMES);

/* Set in the id of a stack that the collector has yet to follow to its root; the ids of others are
 * without it. Such an id is of one block. */
#define SEEP_STACK_DEFERRED (1ULL << 63)
/* So many such ids are in use at most. */
#define SEEP_MOST_DEFERRED 32768

/* Ids from its first one on at which a stack may be, if others have taken its place. */
#define SEEP_STACK_PLACES 4

/*
 * A walk that came to code of which the collector had not told yet, as it stands in the ring buffer
 * deferred_walks: this, and `stack_bytes` of the thread's stack behind it, of which only the first
 * `copied` are meaningful. frames[depth], which is not part of the stack yet, is in that code.
 */
struct seep_deferred_walk {
	__u64 id;      /* key into totals */
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 hash;
	__u64 sp, fp, bx;
	__u32 process; /* slot */
	__u16 depth;
	__u8 fp_known;
	__u8 bx_known;
	__u64 stack_start;
	__u64 stack_bytes;
	__u64 copied;
	__u64 frames[SEEP_MAX_FRAMES];
};
SEEP_ASSERT(sizeof(struct seep_deferred_walk) == 80 + 8 * SEEP_MAX_FRAMES);

/* The copies are made of pieces of this size, at multiples of it. */
#define SEEP_STACK_PIECE 1024
#define SEEP_MOST_STACK_PIECES 64

/*
 * What has happened at a stack since attach. Monotone counters modulo 2^64, live = allocated -
 * freed. Under sampling all of them are weighted estimates. `freed_*` is about blocks that were
 * allocated at this stack, wherever they were freed.
 */
struct seep_totals {
	__u64 allocated_count; /* 48.16 fixed point: a sampled block stands for a fraction more */
	__u64 allocated_bytes;
	__u64 freed_count; /* 48.16 */
	__u64 freed_bytes;
	__u64 allocated_squares; /* sum of bytes^2 / 256 */
	__u64 freed_squares;
	__u64 allocated_born; /* sum of birth times (us), each times its count: their difference
				 over */
	__u64 freed_born; /* the live count is the mean birth time of what is live (modulo 2^64) */
	__u64
	    late_count; /* of the freed ones, those born in an earlier window than they were seen */
	__u64 late_bytes; /* to be gone in: when they were freed is not known (48.16, and bytes) */
	/* What each block adds to the variance of an estimated sum, in bytes^2 / 256: 0 if all are
	 * followed. */
	__u64 allocated_variance;
	__u64 freed_variance;
	__u64 lifetimes[SEEP_LIFETIME_BUCKETS]; /* freed blocks but late ones, 48.16 */
	__u64 last_short; /* 1 + the bucket of the last short lifetime that was measured; 0: none
			     (clock.bpf.h) */
};
SEEP_ASSERT(sizeof(struct seep_totals) == 13 * 8 + 8 * SEEP_LIFETIME_BUCKETS);
#define SEEP_COUNT_SHIFT 16

/* Exact totals of a process image, sampled or not. */
struct seep_process_totals {
	__u64 passed_over_count; /* allocations that were not followed */
	__u64 allocated_bytes;	 /* of these, and of those that were */
	__u64 freed_count;	 /* calls that freed a block, tracked or not */
	__u64 failed_count;	 /* allocator calls that returned no block */
	/* What the programs had to do for it, which is what they cost: */
	__u64 followed_count; /* the other allocations: their stack was asked for */
	__u64 walked_frames;  /* frames of the stacks that had to be walked for it */
};
SEEP_ASSERT(sizeof(struct seep_process_totals) == 48);

/*
 * Every way to lose or not to know something. Per process image; the collector prints the name in
 * lower case without SEEP_LOSS_.
 */
enum seep_loss {
	SEEP_LOSS_UNMATCHED_FREES,  /* freed block that is not tracked: allocated before attach */
	SEEP_LOSS_LOST_ALLOCATIONS, /* the map of live blocks was full or had no memory */
	SEEP_LOSS_LOST_STACKS,	    /* the map of stacks was full; its allocations are lost, too */
	SEEP_LOSS_STACK_COLLISIONS, /* two stacks with one hash, no free place nearby */
	SEEP_LOSS_TRUNCATED_STACKS, /* allocations whose stack was not followed to its root */
	SEEP_LOSS_MISSED_FREES,	    /* a block handed out again without its free having been seen */
	SEEP_LOSS_ABANDONED_CALLS,  /* allocator calls that never returned: exception, longjmp */
	SEEP_LOSS_NO_THREAD_STATE,  /* no memory for a thread's state: the call was not followed */
	SEEP_LOSS_UNREADABLE_RESULTS, /* posix_memalign's result could not be read */
	/* Of the truncated stacks, why: in the order of enum seep_stack_end. */
	SEEP_LOSS_STACKS_TOO_DEEP,
	SEEP_LOSS_STACKS_UNREADABLE,
	SEEP_LOSS_STACKS_BROKEN,
	SEEP_LOSS_STACKS_NO_MAPPING,
	SEEP_LOSS_STACKS_NO_ROW,
	SEEP_LOSS_STACKS_UNSUPPORTED,
	SEEP_LOSS_LOST_MAPPING_CALLS, /* calls of mmap and its kin: the ring buffer was full */
	SEEP_LOSS_LOST_FAULTS,	      /* page faults: the ring buffer was full, or no memory */
	SEEP_LOSS_COUNT
};

/*
 * A system call that changed what the process has mapped, as it stands in the ring buffer
 * mapping_calls: this, and `depth` frames of 8 bytes behind it, innermost first. frames[0] is the
 * instruction after the system call; depth is 0 if the call can only take memory away.
 */
enum seep_mapping_call_kind {
	SEEP_MMAP = 1,	   /* address, length, protection, flags, file */
	SEEP_MUNMAP = 2,   /* address, length */
	SEEP_MPROTECT = 3, /* address, length, protection */
	SEEP_MREMAP = 4,   /* old address, old length, new length, flags, new address */
	SEEP_BRK = 5,	   /* new end, of which 0 asks for the present one */
};
struct seep_mapping_call {
	__u32 process; /* slot */
	__u8 kind;     /* enum seep_mapping_call_kind */
	__u8 depth;
	__u8 end;	   /* enum seep_stack_end */
	__u8 in_allocator; /* made while a traced allocator call is in progress in the thread */
	__u64 time_ns;	   /* CLOCK_MONOTONIC, at the call's return */
	__u64 arguments[5];
	__u64 result;
};
SEEP_ASSERT(sizeof(struct seep_mapping_call) == 64);

/* A page fault, as it stands in the ring buffer faults: this, and `depth` frames of 8 bytes behind
 * it, innermost first. frames[0] is the instruction that faulted, or what is behind the system call
 * in which the kernel did. */
struct seep_fault {
	__u32 process; /* slot */
	__u8 depth;
	__u8 end;	/* enum seep_stack_end */
	__u8 was_there; /* the page could be read before */
	__u8 pad;
	__u64 address;
};
SEEP_ASSERT(sizeof(struct seep_fault) == 16);

/* What the kernel keeps of a process image, by its slot. Per CPU: the collector adds them up. */
struct seep_process {
	struct seep_process_totals totals;
	__u64 losses[SEEP_LOSS_COUNT];
};
SEEP_ASSERT(sizeof(struct seep_process) == 48 + 8 * SEEP_LOSS_COUNT);

#endif
