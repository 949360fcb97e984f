/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel's helpers answer (include/uapi/asm-generic/errno-base.h). */
#ifndef SEEP_ERRORS_BPF_H
#define SEEP_ERRORS_BPF_H

#define ERROR_NO_MEMORY (-12)
#define ERROR_BUSY (-16)
#define ERROR_EXISTS (-17)

#endif
