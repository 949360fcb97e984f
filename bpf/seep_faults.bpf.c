// SPDX-License-Identifier: GPL-2.0-only
/*
 * What watches the targets' page faults: an object of its own, as seep_mappings.bpf.c is, and for
 * the same reasons.
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
#include "fault_probes.bpf.h"

char _license[] SEC("license") = "GPL";
