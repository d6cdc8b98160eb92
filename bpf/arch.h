/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registers a walk starts from. The context of a perf_event program begins with the interrupted
 * registers; they are read as words by index, since the u16 cs of newer kernels' pt_regs is refused
 * by the verifier ("invalid bpf_context access off=136 size=2").
 */
#ifndef WICK_BPF_ARCH_H
#define WICK_BPF_ARCH_H

#if defined(__TARGET_ARCH_x86)

/* struct pt_regs, arch/x86/include/asm/ptrace.h */
enum { REG_IP = 16, REG_MODE = 17, REG_SP = 19, REG_COUNT = 21 };
/* cs: the low two bits are the privilege level. */
#define REG_IS_USER(mode) (((mode)&3) == 3)

/* DWARF number -> index in pt_regs (System V psABI for x86-64, figure 3.36). */
/* clang-format off */
#define REG_DWARF(X)                                                                               \
	X(0, 10) X(1, 12) X(2, 11) X(3, 5) X(4, 13) X(5, 14) X(6, 4) X(7, 19)                      \
	X(8, 9) X(9, 8) X(10, 7) X(11, 6) X(12, 3) X(13, 2) X(14, 1) X(15, 0)
/* clang-format on */
enum { UNWIND_REGS = 16, DWARF_BX = 3, DWARF_FP = 6 };
#define UNWIND_STRIP(ra) (ra)

/* Do the 8 bytes before a return address end with a call? e8 disp32, or ff /2 with its operand. */
static __always_inline int arch_is_call(__u64 before)
{
#define IS_FF_2(size) (((before >> (64 - 8 * (size))) & 0x38ff) == 0x10ff)
	return (before >> 24 & 0xff) == 0xe8 || IS_FF_2(2) || IS_FF_2(3) || IS_FF_2(4) ||
	       IS_FF_2(6) || IS_FF_2(7);
#undef IS_FF_2
}

/* In a function with a frame pointer that is about to execute this code: how far above sp its
 * return address is, if it has not set up its frame yet or has taken it down; else -1. */
static __always_inline int arch_frameless(__u64 code)
{
	if ((code & 0xff) == 0x55 || (code & 0xff) == 0xc3 || /* push %rbp, ret */
	    (code & 0xffffffff) == 0xfa1e0ff3)		      /* endbr64 */
		return 0;
	return (code & 0xffffff) == 0xe58948 ? 8 : -1; /* mov %rsp,%rbp */
}

/* The bytes that code behind a call takes off the stack before it returns, which it does at once
 * (add $imm8,%rsp; ret); else -1. */
static __always_inline int arch_frame_size(__u64 code)
{
	return (code & 0xff87ffffff) == 0xc300c48348 ? (int)(code >> 24 & 0x78) : -1;
}

/* So many words above sp may hold the return address of code without rows. */
enum { ARCH_LEAF_WORDS = 2, ARCH_CALLER_WORDS = 8 };

#elif defined(__TARGET_ARCH_arm64)

/* struct user_pt_regs, arch/arm64/include/uapi/asm/ptrace.h */
enum { REG_SP = 31, REG_IP = 32, REG_MODE = 33, REG_COUNT = 34 };
/* pstate: exception level 0. */
#define REG_IS_USER(mode) (((mode)&0xf) == 0)

/* DWARF numbers are those of the registers (DWARF for the Arm 64-bit Architecture, section 4.1). */
/* clang-format off */
#define REG_DWARF(X)                                                                               \
	X(0, 0) X(1, 1) X(2, 2) X(3, 3) X(4, 4) X(5, 5) X(6, 6) X(7, 7) X(8, 8) X(9, 9) X(10, 10)  \
	X(11, 11) X(12, 12) X(13, 13) X(14, 14) X(15, 15) X(16, 16) X(17, 17) X(18, 18) X(19, 19)  \
	X(20, 20) X(21, 21) X(22, 22) X(23, 23) X(24, 24) X(25, 25) X(26, 26) X(27, 27) X(28, 28)  \
	X(29, 29) X(30, 30)
/* clang-format on */
enum { UNWIND_REGS = 31, DWARF_BX = 19, DWARF_FP = 29 };
/* Pointer authentication codes are above the 48 bits of an address (64-bit kernels of 52-bit
 * virtual addresses give those only to who asks by a hint to mmap()). */
#define UNWIND_STRIP(ra)  ((ra) & (((__u64)1 << 48) - 1))

/* bl, blr */
static __always_inline int arch_is_call(__u64 before)
{
	__u32 code = before >> 32;

	return (code & 0xfc000000) == 0x94000000 || (code & 0xfffffc1f) == 0xd63f0000;
}

/* Return addresses are not pushed by the call here: there is nothing to guess. */
static __always_inline int arch_frameless(__u64 code __attribute__((unused)))
{
	return -1;
}
static __always_inline int arch_frame_size(__u64 code __attribute__((unused)))
{
	return -1;
}
enum { ARCH_LEAF_WORDS = 0, ARCH_CALLER_WORDS = 0 };

#else
#error "wick does not know this architecture"
#endif

#endif
