// SPDX-License-Identifier: GPL-2.0-only
#include "native_blocks.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "unwind/native_bpf.h"

static void* bpf_map_lookup_elem(void* map, const void* key);
static long bpf_map_update_elem(void* map, const void* key, const void* value, u64 flags);
static long bpf_map_delete_elem(void* map, const void* key);
#define BPF_NOEXIST 1

#include "bpf/arch_x86_64.bpf.h"
#include "bpf/blocks.bpf.h"

enum { process = 1, entries = 4096 };

static struct seep_recent_set sets[1 << SEEP_RECENT_SET_BITS];

/* An entry that was deleted keeps its memory, as in the kernel, where it is freed later. */
struct entry {
    struct seep_live_key key;
    struct seep_live value;
    bool used;
};
static struct entry hash[entries];
static uint32_t limit = entries, used;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t missed;

static struct entry* find(const struct seep_live_key* key) {
    for (int i = 0; i < entries; i++)
        if (hash[i].used && hash[i].key.address == key->address) return &hash[i];
    return NULL;
}

static void* bpf_map_lookup_elem(void* map, const void* key) {
    if (map == (void*)&recent) return &sets[*(const u32*)key];
    pthread_mutex_lock(&lock);
    struct entry* found = find(key);
    pthread_mutex_unlock(&lock);
    return found ? &found->value : NULL;
}

static long bpf_map_update_elem(void* map, const void* key, const void* value, u64 flags) {
    long error = 0;
    (void)map, (void)flags;
    sched_yield();
    pthread_mutex_lock(&lock);
    if (find(key)) {
        error = -17;
    } else if (used >= limit) {
        error = -7;
    } else {
        struct entry* at = hash;
        while (at->used) at++;
        *at = (struct entry){*(const struct seep_live_key*)key, *(const struct seep_live*)value, 1};
        used++;
    }
    pthread_mutex_unlock(&lock);
    sched_yield();
    return error;
}

static long bpf_map_delete_elem(void* map, const void* key) {
    (void)map;
    sched_yield();
    pthread_mutex_lock(&lock);
    struct entry* found = find(key);
    if (found) {
        found->used = false;
        used--;
    }
    pthread_mutex_unlock(&lock);
    return found ? 0 : -2;
}

static void missed_free(u32 slot, const struct seep_live* block) {
    (void)slot, (void)block;
    __sync_fetch_and_add(&missed, 1);
}

int native_keep(uint64_t address, uint64_t stamp) {
    const struct seep_live_key key = {.address = address, .process = process};
    const struct seep_live block = {
        .bytes = stamp, .weight = ~stamp, .born = stamp & ~SEEP_BORN_EXACT};
    return keep_block(&key, &block) == 0;
}

int native_take(uint64_t address, uint64_t* stamp) {
    const struct seep_live_key key = {.address = address, .process = process};
    struct seep_live block;
    if (!take_block(&key, &block)) return 0;
    *stamp = block.weight == ~block.bytes ? block.bytes : 0;
    return 1;
}

uint32_t native_set_of(uint64_t address) {
    const struct seep_live_key key = {.address = address, .process = process};
    return (uint32_t)(recent_set_of(recent_key(&key)) - sets);
}

uint32_t native_moved_on(void) {
    return used;
}
void native_limit(uint32_t most) {
    limit = most;
}
uint64_t native_missed_frees(void) {
    return missed;
}

int native_empty(void) {
    static const struct seep_recent_set none;
    for (u32 i = 0; i < 1 << SEEP_RECENT_SET_BITS; i++)
        if (memcmp(sets[i].words, none.words, sizeof none.words) != 0 || sets[i].elsewhere != 0)
            return 0;
    return used == 0;
}
