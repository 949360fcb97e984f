// SPDX-License-Identifier: GPL-2.0-only
#include "unwind/native_walk.h"

#include <string.h>

#include "unwind/native_bpf.h"

static const struct native_world* world;
static uint64_t reads;

static void* bpf_map_lookup_elem(const void* map, const void* key);
static long bpf_probe_read_user(void* to, u32 size, const void* from);
#define bpf_copy_from_user bpf_probe_read_user
static unsigned long bpf_get_current_task(void);
static u64 bpf_ktime_get_ns(void);
static struct task_struct* bpf_get_current_task_btf(void);
static long bpf_find_vma(struct task_struct* task, u64 address, void* callback, void* context,
                         u64 flags);
static long bpf_ringbuf_output(void* ring, const void* data, u64 size, u64 flags);
static long bpf_loop(u32 count, void* function, void* context, u64 flags);

#include "bpf/arch_x86_64.bpf.h"
#include "bpf/unwind.bpf.h"

enum { any_process = 1, site = 0, some_stack = 1 };
static uint64_t calls;
static struct stray_call last_call;
static u64 generation, no_unloads;

static const void* table_in(u32 slot) {
    for (size_t i = 0; i < world->table_count; i++)
        if (world->tables[i].slot == slot) return &world->tables[i];
    return NULL;
}

/* There is one process, whatever its slot. A map is the array itself, or a native_table. */
static void* bpf_map_lookup_elem(const void* map, const void* key) {
    const u32 index = *(const u32*)key;
    const void* found = NULL;
    reads++;
    if (map == (const void*)&unwind_spaces) {
        found = world->mappings;
    } else if (map == (const void*)&unwind_tables) {
        found = table_in(index);
    } else if (map == (const void*)&generations) {
        generation = world->mappings[0].end << 32;
        found = &generation;
    } else if (map == (const void*)&unloads) {
        found = &no_unloads;
    } else if (map == (const void*)&stray_calls) {
        found = &last_call;
    } else if (map == world->mappings) {
        if (index < world->mapping_entries) found = &world->mappings[index];
    } else {
        const struct native_table* table = map;
        if (index < table->words) found = &table->table[index];
    }
    return (void*)(uintptr_t)found;
}

static int read_piece(void* to, u32 size, uint64_t at, const unsigned char* piece, size_t bytes) {
    if (at > bytes || bytes - at < size) return 0;
    memcpy(to, piece + at, size);
    return 1;
}

static long bpf_probe_read_user(void* to, u32 size, const void* from) {
    const uint64_t address = (uint64_t)(uintptr_t)from;
    reads++;
    memset(to, 0, size);
    if (read_piece(to, size, address - world->stack_start, world->stack, world->stack_size))
        return 0;
    if (read_piece(to, size, address - world->code_start, world->code, world->code_size)) return 0;
    return -14;
}

static u64 bpf_ktime_get_ns(void) {
    return 1000000000;
}

static struct task_struct* bpf_get_current_task_btf(void) {
    return NULL;
}

static long bpf_find_vma(struct task_struct* task, u64 address, void* callback, void* context,
                         u64 flags) {
    (void)task, (void)address, (void)callback, (void)context, (void)flags;
    return -2;
}

static long bpf_ringbuf_output(void* ring, const void* data, u64 size, u64 flags) {
    (void)flags;
    calls += ring == &strays && size == sizeof(u32) && *(const u32*)data == any_process;
    return 0;
}

static unsigned long bpf_get_current_task(void) {
    static struct uprobe_task no_probes;
    static struct task_struct task = {&no_probes};
    return (unsigned long)(uintptr_t)&task;
}

static long bpf_loop(u32 count, void* function, void* context, u64 flags) {
    u32 i = 0;
    (void)flags;
    while (i < count && !((long (*)(u32, void*))function)(i, context)) i++;
    return i;
}

static struct thread_state thread;

uint64_t native_walk_again(const struct native_world* of, const struct native_registers* caller,
                           struct seep_stack* stack) {
    const struct registers registers = {caller->pc, caller->sp, caller->fp, caller->bx};
    world = of;
    reads = 0;
    thread.stack.process = any_process;
    thread.stack.depth = 1;
    const u64 now = mappings_generation(any_process);
    walk_callers(&thread, &registers, now);
    remember_stack(&thread, &registers, site, now, some_stack);
    *stack = thread.stack;
    return reads;
}

int native_remembers(const struct native_world* of, const struct native_registers* caller) {
    const struct registers registers = {caller->pc, caller->sp, caller->fp, caller->bx};
    world = of;
    return remembered_stack(&thread, &registers, site, mappings_generation(any_process)) ==
           some_stack;
}

uint64_t native_walk(const struct native_world* of, const struct native_registers* caller,
                     struct seep_stack* stack) {
    memset(&thread, 0, sizeof thread);
    memset(&last_call, 0, sizeof last_call);
    calls = 0;
    return native_walk_again(of, caller, stack);
}

uint64_t native_calls(void) {
    return calls;
}

uint64_t native_last_walk(struct seep_deferred_walk* to) {
    describe_walk(to, &thread);
    return first_stack_id(&thread.stack, thread.walk.hash);
}

uint64_t native_walk_on(const struct native_world* of, const struct seep_deferred_walk* from,
                        struct seep_stack* stack) {
    const uint32_t depth = from->depth < SEEP_MAX_FRAMES ? from->depth : SEEP_MAX_FRAMES - 1;
    const uint64_t next = from->frames[depth];
    world = of;
    reads = 0;
    memset(&thread.stack, 0, sizeof thread.stack);
    memcpy(thread.stack.frames, from->frames, depth * sizeof(uint64_t));
    thread.stack.depth = (uint16_t)depth;
    thread.stack.process = from->process;
    thread.walk = (struct walk){
        .pc = next & SEEP_FRAME_ADDRESS,
        .sp = from->sp,
        .fp = from->fp,
        .bx = from->bx,
        .hash = from->hash,
        .fp_known = from->fp_known != 0,
        .bx_known = from->bx_known != 0,
        .exact = (next & SEEP_FRAME_EXACT) != 0,
    };
    walk_on(&thread, mappings_generation(any_process));
    *stack = thread.stack;
    return first_stack_id(stack, thread.walk.hash);
}
