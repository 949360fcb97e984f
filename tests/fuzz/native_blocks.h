/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's books of outstanding blocks (bpf/blocks.bpf.h) compiled for the machine itself, the
 * hash they move to being one of this file's. For any number of threads, as in the kernel. */
#ifndef NATIVE_BLOCKS_H
#define NATIVE_BLOCKS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Process 1 has made a block at that address; `stamp` is kept with it. False: there was no room. */
int native_keep(uint64_t address, uint64_t stamp);
/* It is freed. False: it was not known. */
int native_take(uint64_t address, uint64_t* stamp);

/* The number of the set that an address belongs to. */
uint32_t native_set_of(uint64_t address);
/* Blocks in the hash, now; the most it takes from now on. */
uint32_t native_moved_on(void);
void native_limit(uint32_t most);
/* Frees found to have gone by unseen. */
uint64_t native_missed_frees(void);
/* Whether no way, no entry of the hash and no count of those is left. */
int native_empty(void);

#ifdef __cplusplus
}
#endif

#endif
