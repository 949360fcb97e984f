/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What depends on the processor: where the registers of the probed thread are, and how a call lies on
 * its stack. struct pt_regs is the kernel's entry frame, whose layout on x86-64 has not changed since
 * 2.6.30 (arch/x86/include/asm/ptrace.h).
 */
#ifndef SEEP_ARCH_X86_64_BPF_H
#define SEEP_ARCH_X86_64_BPF_H

struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx;
	unsigned long r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax, ip, cs, flags, sp, ss;
};

/* Argument 1 to 6 of the System V calling convention; 0 for any other number. */
static __always_inline u64 call_argument(const struct pt_regs *regs, u32 number)
{
	switch (number) {
	case 1:
		return regs->di;
	case 2:
		return regs->si;
	case 3:
		return regs->dx;
	case 4:
		return regs->cx;
	case 5:
		return regs->r8;
	case 6:
		return regs->r9;
	default:
		return 0;
	}
}

static __always_inline u64 call_result(const struct pt_regs *regs)
{
	return regs->ax;
}

/* A call pushes its return address: this much lies between sp at the entry and sp after the return. */
#define RETURN_ADDRESS_SIZE 8

#endif
