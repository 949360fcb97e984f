/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel itself knows of an address of the thread's memory: for the few questions that the
 * collector's picture of the mappings, which is some milliseconds old, cannot answer.
 */
#ifndef SEEP_MEMORY_AREAS_BPF_H
#define SEEP_MEMORY_AREAS_BPF_H

#include "errors.bpf.h"
#include "maps.bpf.h"

#define VM_EXEC 4 /* include/linux/mm.h */

struct memory_area {
	u64 end, flags;
	u64 file_start, inode; /* as in struct seep_mapping */
};

static long take_area(struct task_struct *task, struct vm_area_struct *found,
		      struct memory_area *area)
{
	struct file *file = found->vm_file;

	area->end = found->vm_end;
	area->flags = found->vm_flags;
	area->file_start = found->vm_start - found->vm_pgoff * 4096;
	area->inode = file ? file->f_inode->i_ino : 0;
	return 0;
}

/* The area that the address is in, all zeros if there is none. Where another thread changes the
 * mappings just now, nothing can be known but `otherwise`. */
static __always_inline void find_area(u64 address, struct memory_area *area,
				      struct memory_area otherwise)
{
	if (bpf_find_vma(bpf_get_current_task_btf(), address, take_area, area, 0) == ERROR_BUSY)
		*area = otherwise;
}

#endif
