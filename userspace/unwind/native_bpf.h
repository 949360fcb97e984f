/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What kernel_types.bpf.h, bpf_helpers.h and bpf_core_read.h are in the kernel, for the kernel side
 * compiled for the machine itself. The helpers that it calls are the includer's.
 */
#ifndef NATIVE_BPF_H
#define NATIVE_BPF_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/wire.h"

#define SEEP_KERNEL_TYPES_BPF_H
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef __u64 u64;
typedef int64_t s64;

struct return_instance {
    unsigned long stack;
    unsigned long orig_ret_vaddr;
    struct return_instance* next;
};
struct uprobe_task {
    struct return_instance* return_instances;
};
struct task_struct {
    struct uprobe_task* utask;
};

struct inode {
    unsigned long i_ino;
};
struct file {
    struct inode* f_inode;
};
struct vm_area_struct {
    unsigned long vm_start, vm_end, vm_flags, vm_pgoff;
    struct file* vm_file;
};

#define SEC(name)
#define __uint(name, value) int(*name)[value]
#define __type(name, type) __typeof__(type)* name
#define __array(name, type) __typeof__(type)* name[]
#define __noinline __attribute__((noinline))
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define CORE_READ_1(from, a) ((from)->a)
#define CORE_READ_2(from, a, b) ((from)->a->b)
#define CORE_READ_OF(from, a, b, which, ...) which
#define BPF_CORE_READ(from, ...) \
    CORE_READ_OF(from, __VA_ARGS__, CORE_READ_2, CORE_READ_1, 0)(from, __VA_ARGS__)
#define BPF_MAP_TYPE_HASH 1
#define BPF_MAP_TYPE_ARRAY 2
#define BPF_MAP_TYPE_PERCPU_ARRAY 6
#define BPF_MAP_TYPE_ARRAY_OF_MAPS 12
#define BPF_MAP_TYPE_RINGBUF 27
#define BPF_MAP_TYPE_TASK_STORAGE 29
#define BPF_RB_FORCE_WAKEUP 2
#define BPF_F_NO_PREALLOC 1
#define BPF_F_MMAPABLE 1024
#define BPF_F_INNER_MAP 4096

#endif
