// SPDX-License-Identifier: GPL-2.0-only
/*
 * What watches the targets' mappings: an object of its own, because these programs run where
 * nothing may sleep, so the unwinder is compiled once more for them, and because nobody pays for
 * them who does not ask. Its maps are those of seep.bpf.c, but for the ones made here; the
 * collector sees to that.
 */
#include "kernel_types.bpf.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "arch_x86_64.bpf.h"
#include "wire.h"

#define SEEP_MUST_NOT_SLEEP
#include "maps.bpf.h"
#include "loss.bpf.h"
#include "unwind.bpf.h"
#include "mapping_probes.bpf.h"

char _license[] SEC("license") = "GPL";
