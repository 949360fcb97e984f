/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What depends on the processor: where the registers of the probed thread are, and how a call lies
 * on its stack. struct pt_regs is the kernel's entry frame, whose layout on x86-64 has not changed
 * since 2.6.30 (arch/x86/include/asm/ptrace.h).
 */
#ifndef SEEP_ARCH_X86_64_BPF_H
#define SEEP_ARCH_X86_64_BPF_H

struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx;
	unsigned long r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax, ip, cs, flags, sp, ss;
};

/* The verifier wants a constant offset in each read of the context; the empty asm keeps the
 * compiler from joining the reads of a switch into one at a computed address. */
#define READ_REGISTER(regs, name)                                                                  \
	({                                                                                         \
		u64 read_value = (regs)->name;                                                     \
		asm volatile("" : "+r"(read_value));                                               \
		read_value;                                                                        \
	})

/* Argument 1 to 6 of the System V calling convention; 0 for any other number. */
static __always_inline u64 call_argument(const struct pt_regs *regs, u32 number)
{
	switch (number) {
	case 1:
		return READ_REGISTER(regs, di);
	case 2:
		return READ_REGISTER(regs, si);
	case 3:
		return READ_REGISTER(regs, dx);
	case 4:
		return READ_REGISTER(regs, cx);
	case 5:
		return READ_REGISTER(regs, r8);
	case 6:
		return READ_REGISTER(regs, r9);
	default:
		return 0;
	}
}

static __always_inline u64 call_result(const struct pt_regs *regs)
{
	return regs->ax;
}

/* All that was written before is seen by whoever sees this: the processor keeps stores in order
 * (Intel SDM volume 3, 9.2.2), so only the compiler has to be told. */
static __always_inline void store_release(u64 *to, u64 value)
{
	asm volatile("" ::: "memory");
	*(volatile u64 *)to = value;
}

/* A call pushes its return address: this much lies between sp at the entry and sp after the return.
 */
#define RETURN_ADDRESS_SIZE 8

/* Do the eight bytes end in a call? e8 and four bytes, or ff /2 in any of its lengths (Intel SDM
 * volume 2, CALL and table 2-2), before which there may be a prefix. */
#define LONGEST_CALL 8
static __always_inline bool ends_in_call(const u8 code[LONGEST_CALL])
{
	return code[3] == 0xe8 || (code[1] == 0xff && (code[2] & 0x38) == 0x10) ||
	       (code[2] == 0xff && (code[3] & 0x38) == 0x10) ||
	       (code[4] == 0xff && (code[5] & 0x38) == 0x10) ||
	       (code[5] == 0xff && (code[6] & 0x38) == 0x10) ||
	       (code[6] == 0xff && (code[7] & 0x38) == 0x10);
}

#endif
