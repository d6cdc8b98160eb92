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
enum { REG_FP = 4, REG_IP = 16, REG_MODE = 17, REG_SP = 19, REG_COUNT = 21 };
/* cs: the low two bits are the privilege level. */
#define REG_IS_USER(mode) (((mode)&3) == 3)

#elif defined(__TARGET_ARCH_arm64)

/* struct user_pt_regs, arch/arm64/include/uapi/asm/ptrace.h */
enum { REG_FP = 29, REG_SP = 31, REG_IP = 32, REG_MODE = 33, REG_COUNT = 34 };
/* pstate: exception level 0. */
#define REG_IS_USER(mode) (((mode)&0xf) == 0)

#else
#error "wick does not know this architecture"
#endif

#endif
