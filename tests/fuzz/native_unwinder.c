// SPDX-License-Identifier: GPL-2.0-only
#include "native_unwinder.h"

#include <string.h>

#include "native_bpf.h"

static const struct native_world* world;
static uint64_t reads;

static void* bpf_map_lookup_elem(const void* map, const void* key);
static long bpf_probe_read_user(void* to, u32 size, const void* from);
#define bpf_copy_from_user bpf_probe_read_user
static unsigned long bpf_get_current_task(void);
static u64 bpf_ktime_get_ns(void);
static long bpf_ringbuf_output(void* ring, const void* data, u64 size, u64 flags);
static long bpf_loop(u32 count, void* function, void* context, u64 flags);

#include "bpf/arch_x86_64.bpf.h"
#include "bpf/unwind.bpf.h"

enum { process_slot = 1, table_slot = 1, site = 0, some_stack = 1 };
static uint64_t calls;
static struct stray_call last_call;

static void* bpf_map_lookup_elem(const void* map, const void* key) {
    const u32 index = *(const u32*)key;
    const void* found = NULL;
    reads++;
    if (map == (const void*)&unwind_spaces && index == process_slot)
        found = world->mappings;
    else if (map == (const void*)&unwind_tables && index == table_slot)
        found = world->table;
    else if (map == (const void*)&stray_calls && index == process_slot)
        found = &last_call;
    else if (map == world->mappings && index < world->mapping_entries)
        found = &world->mappings[index];
    else if (map == world->table && index < world->table_words)
        found = &world->table[index];
    return (void*)(uintptr_t)found;
}

/* Memory comes in pages: around the stack, on its pages, there are zeros. */
static long bpf_probe_read_user(void* to, u32 size, const void* from) {
    const uint64_t start = (uint64_t)(uintptr_t)from;
    const uint64_t first = world->stack_start & ~UINT64_C(4095);
    const uint64_t pages =
        (world->stack_start + world->stack_size + 4095 - first) & ~UINT64_C(4095);
    unsigned char* const bytes = to;
    reads++;
    memset(to, 0, size);
    if (start - first > pages || pages - (start - first) < size) return -14;
    for (u32 i = 0; i < size; i++) {
        const uint64_t at = start + i - world->stack_start;
        if (at < world->stack_size) bytes[i] = world->stack[at];
    }
    return 0;
}

static u64 bpf_ktime_get_ns(void) {
    return 1000000000;
}

static long bpf_ringbuf_output(void* ring, const void* data, u64 size, u64 flags) {
    (void)flags;
    calls += ring == &strays && size == sizeof(u32) && *(const u32*)data == process_slot;
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
    thread.stack.process = process_slot;
    thread.stack.depth = 1;
    const u64 generation = mappings_generation(process_slot);
    walk_callers(&thread, &registers, generation);
    remember_stack(&thread, &registers, site, generation, some_stack);
    *stack = thread.stack;
    return reads;
}

int native_remembers(const struct native_world* of, const struct native_registers* caller) {
    const struct registers registers = {caller->pc, caller->sp, caller->fp, caller->bx};
    world = of;
    return remembered_stack(&thread, &registers, site, mappings_generation(process_slot)) ==
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
