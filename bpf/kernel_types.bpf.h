/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel types that are read, and of each only the fields that are read. CO-RE finds their
 * offsets in the running kernel's BTF, so the order and the gaps here mean nothing.
 */
#ifndef SEEP_KERNEL_TYPES_BPF_H
#define SEEP_KERNEL_TYPES_BPF_H

#include <linux/types.h>
#include <linux/bpf.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;
typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* kernel/events/uprobes.c: a return probe that is pending on a thread's stack, innermost first. */
struct return_instance {
	unsigned long stack;	      /* where on the stack the return address lay */
	unsigned long orig_ret_vaddr; /* the return address, replaced by the trampoline */
	struct return_instance *next;
};

struct uprobe_task {
	struct return_instance *return_instances;
};

struct task_struct {
	struct uprobe_task *utask;
	struct task_struct *group_leader;
};

struct inode {
	unsigned long i_ino;
};

struct file {
	struct inode *f_inode;
};

/* An area of a process's memory. */
struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
	unsigned long vm_flags;
	unsigned long vm_pgoff; /* pages into the file */
	struct file *vm_file;
};

#pragma clang attribute pop

#endif
