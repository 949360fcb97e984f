// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a process's threads have in their registers: an iterator over them, read like a file
 * (Documentation/bpf/bpf_iterators.rst). Nobody is stopped: of a thread that is in the kernel these
 * are the registers that it will have again, of one that runs those of its last way in.
 */
#include "kernel_types.bpf.h"

#include <bpf/bpf_helpers.h>

#include "arch_x86_64.bpf.h"
#include "wire.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

SEC("iter/task")
int seep_registers(struct bpf_iter__task *context)
{
	struct seq_file *to = context->meta->seq;
	struct task_struct *task = context->task;
	u64 values[SEEP_REGISTERS];
	const u64 *from;

	if (!task) /* behind the last one */
		return 0;
	from = (const u64 *)bpf_task_pt_regs(task);
#pragma unroll
	for (int i = 0; i < SEEP_REGISTERS; i++)
		values[i] = from[i];
	bpf_seq_write(to, values, sizeof(values));
	return 0;
}

char _license[] SEC("license") = "GPL";
