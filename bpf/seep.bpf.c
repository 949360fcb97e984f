// SPDX-License-Identifier: GPL-2.0-only
/* The kernel side, one translation unit, in the order of the data. */
#include "kernel_types.bpf.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "arch_x86_64.bpf.h"
#include "wire.h"

#include "maps.bpf.h"
#include "loss.bpf.h"
#include "sampling.bpf.h"
#include "unwind.bpf.h"
#include "blocks.bpf.h"
#include "ledger.bpf.h"
#include "heap_probes.bpf.h"
#include "maintenance.bpf.h"

char _license[] SEC("license") = "GPL";
