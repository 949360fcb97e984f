/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every knob. `const volatile`: set between open and load, and then a constant to the verifier.
 * The others may be changed while probes are attached. Map sizes are set on the maps themselves.
 */
#ifndef SEEP_CONFIG_BPF_H
#define SEEP_CONFIG_BPF_H

/* CLOCK_MONOTONIC nanoseconds that birth times are counted from. */
const volatile __u64 attach_time_ns = 0;

/* How long a tick is (of jiffies), in microseconds, fixed point. */
const volatile __u64 tick_length = 4000 << SEEP_TICK_SHIFT;

/* Mean bytes between samples; 0 follows every allocation. */
__u64 sample_bytes = 0;

/* Set for ever once an allocation since attach may not have been followed: until then, a free that
 * matches nothing is of a block from before. */
__u32 some_unfollowed = 0;

/* When the probes were last put in place, in microseconds as birth times are; 0 if they always
 * were. Blocks born before it may have been freed while there were no probes. */
__u64 window_began_us = 0;

/* Cleared before probes are taken away, which is not done at one instant for all of them: from then
 * on nothing changes any more. */
__u32 recording = 1;

#endif
