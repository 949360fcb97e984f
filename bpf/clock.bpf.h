/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The time since attach, in microseconds, from two clocks: one that is exact, and one that is right
 * to the tick (1 to 10 ms) and costs next to nothing. To read the exact one takes 65 ns, a twelfth
 * of what a pair of malloc and free costs for both ends of a block's life.
 *
 * Whether a block was born three seconds ago or three minutes ago the tick tells as well. Of blocks
 * that live no longer than some ticks, one in 2^EXACT_EVERY_BITS has both ends read from the exact
 * clock, and the others of its stack are taken to have lived as long as the last one of those (hot
 * deck imputation: R. R. Andridge, R. J. A. Little, "A Review of Hot Deck Imputation for Survey
 * Non-response", 2010). Which ones is left to chance: a program may do its allocations in turns.
 */
#ifndef SEEP_CLOCK_BPF_H
#define SEEP_CLOCK_BPF_H

#include "maps.bpf.h"

#define EXACT_EVERY_BITS 4

/* Set by seep_start_clock(). */
__u64 first_jiffy = 0;
__u64 first_tick_us = 0;

static __always_inline u64 exact_us(void)
{
	return (bpf_ktime_get_ns() - attach_time_ns) / 1000;
}

/* Up to two ticks earlier. */
static __always_inline u64 tick_us(void)
{
	return first_tick_us + ((bpf_jiffies64() - first_jiffy) * tick_length >> SEEP_TICK_SHIFT);
}

static __always_inline u64 short_us(void)
{
	return SEEP_SHORT_TICKS * tick_length >> SEEP_TICK_SHIFT;
}

/* By chance (a linear congruential generator: D. E. Knuth, MMIX). */
static __always_inline bool is_timed_exactly(struct thread_state *thread)
{
	thread->dice = thread->dice * 6364136223846793005ULL + 1442695040888963407ULL;
	return !(thread->dice >> (64 - EXACT_EVERY_BITS));
}

static __always_inline u64 birth_time(bool exact)
{
	return exact ? exact_us() | SEEP_BORN_EXACT : tick_us();
}

#endif
