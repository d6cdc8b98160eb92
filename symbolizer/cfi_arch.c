/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbolizer/cfi_arch.h"

#include "base/cleanup.h"
#include "symbolizer/cfi.h"

#include <elf.h>
#include <stddef.h>
#include <string.h>

/* mov $15, %rax; syscall: rt_sigreturn. glibc, musl and Go write it so. */
static const uint8_t x86_trampoline[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};

/* push %rbp; mov %rsp, %rbp */
static const uint8_t x86_go_entry[] = {0x55, 0x48, 0x89, 0xe5};

/* mov disp8(%reg), %rsp */
static bool x86_loads_sp(const uint8_t *code, size_t size)
{
	for (size_t i = 0; i + 4 <= size; i++)
		if ((code[i] & 0xfe) == 0x48 && code[i + 1] == 0x8b && (code[i + 2] & 0xf8) == 0x60)
			return true;
	return false;
}

/* xor %ebp, %ebp (x86-64 psABI, 3.4.1), perhaps behind endbr64 */
static bool x86_is_entry(const uint8_t *code, size_t size)
{
	static const uint8_t endbr[] = {0xf3, 0x0f, 0x1e, 0xfa}, clear[] = {0x31, 0xed};

	if (size < sizeof(endbr) + 1 + sizeof(clear))
		return false;
	if (!memcmp(code, endbr, sizeof(endbr)))
		code += sizeof(endbr);
	code += *code == 0x48;
	return !memcmp(code, clear, sizeof(clear));
}

/* mov x8, #139; svc #0 */
static const uint8_t arm64_trampoline[] = {0x68, 0x11, 0x80, 0xd2, 0x01, 0, 0, 0xd4};

static const char *const x86_names[] = {
	"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
	"r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15",
};

static const char *const arm64_names[] = {
	"x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",	 "x7",	"x8",  "x9",  "x10",
	"x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",
	"x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30",
};

static const struct cfi_arch archs[] = {
	{
		/* x86-64 psABI, figure 3.36; struct ucontext: gregs from 40 on */
		.machine = EM_X86_64,
		.sp = 7,
		.fp = 6,
		.bx = 3,
		.ra = 16,
		.ip = 16,
		.general_count = ARRAY_SIZE(x86_names),
		.ra_is_pushed = true,
		.trampoline = x86_trampoline,
		.trampoline_size = sizeof(x86_trampoline),
		.go_entry = x86_go_entry,
		.go_entry_size = sizeof(x86_go_entry),
		.loads_sp = x86_loads_sp,
		.is_entry = x86_is_entry,
		.signal_ip = 168,
		.signal_sp = 160,
		.signal_fp = 120,
		.signal_bx = 128,
		.names = {"rsp", "rbp", "rbx"},
		.general_names = x86_names,
	},
	{
		/* DWARF for the Arm 64-bit Architecture; struct rt_sigframe: siginfo 128 bytes,
		 * then ucontext with its registers from 184 on */
		.machine = EM_AARCH64,
		.sp = 31,
		.fp = 29,
		.bx = CFI_NO_REGISTER,
		.ra = 30,
		.ip = CFI_NO_REGISTER,
		.general_count = ARRAY_SIZE(arm64_names),
		.has_ra_state = true,
		.trampoline = arm64_trampoline,
		.trampoline_size = sizeof(arm64_trampoline),
		.signal_ip = 568,
		.signal_sp = 560,
		.signal_fp = 544,
		.signal_bx = CFI_BX_LOST,
		.names = {"sp", "x29", "-"},
		.general_names = arm64_names,
	},
};

const struct cfi_arch *cfi_arch(uint16_t machine)
{
	for (size_t i = 0; i < ARRAY_SIZE(archs); i++)
		if (archs[i].machine == machine)
			return &archs[i];
	return NULL;
}
