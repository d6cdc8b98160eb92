/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Faults of system calls, from within: a seccomp filter turns each of the calls below into SIGSYS,
 * whose handler counts it and either makes it, from the one instruction that the filter lets
 * through, or gives the error in its place. So every call is met, also those that the C library
 * makes for itself, at a microsecond each; strace, which can do the same, takes a hundred times as
 * long.
 *
 *	WICK_FAULT="count"	  at the end, "calls NAME N" on stderr for each of them
 *	WICK_FAULT="NAME ERRNO N" the N-th call of the name fails
 *	WICK_FAULT="short 0 N"	  the N-th write(), of write and pwrite64 together, writes half
 *
 * Nobody sleeps meanwhile: SQLite waits for locks by sleeping, and whoever would give one back is
 * this process itself. A lock that could not be given back (fcntl) is waited for for 10 s.
 */
#include "tests/store/inject.h"

#include "base/cleanup.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>

#ifdef __x86_64__

static const struct {
	const char *name;
	int number;
} calls[] = {
	{"openat", SYS_openat},
	{"write", SYS_write},
	{"pwrite64", SYS_pwrite64},
	{"fsync", SYS_fsync},
	{"fdatasync", SYS_fdatasync},
	{"renameat", SYS_renameat},
	{"unlinkat", SYS_unlinkat},
	{"unlink", SYS_unlink},
	{"close", SYS_close},
	{"read", SYS_read},
	{"pread64", SYS_pread64},
	{"newfstatat", SYS_newfstatat},
	{"fstatfs", SYS_fstatfs},
	{"ftruncate", SYS_ftruncate},
	{"fcntl", SYS_fcntl},
	{"getdents64", SYS_getdents64},
	{"mkdir", SYS_mkdir},
	{"mkdirat", SYS_mkdirat},
	{"mmap", SYS_mmap},
	{"flock", SYS_flock},
	{"fchown", SYS_fchown},
	{"nanosleep", SYS_clock_nanosleep}, /* the last one: see SLEEP */
};

enum { CALLS = ARRAY_SIZE(calls), SLEEP = CALLS - 1, FILTER_MAX = CALLS + 8 };

/* What the handler knows. */
static unsigned long counts[CALLS], writes, fault_at;
static int fault_number, fault_error; /* -1 and 0: a short write */

/* The only way around the filter: number and arguments as syscall() takes them. */
long inject_syscall(long number, long a, long b, long c, long d, long e, long f);
extern const char inject_let_through[];
__asm__(".text\n"
	".globl inject_syscall\n"
	"inject_syscall:\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %rdi\n"
	"	mov %rdx, %rsi\n"
	"	mov %rcx, %rdx\n"
	"	mov %r8, %r10\n"
	"	mov %r9, %r8\n"
	"	mov 8(%rsp), %r9\n"
	"	syscall\n"
	".globl inject_let_through\n"
	"inject_let_through:\n"
	"	ret\n");

static bool is_write(int number)
{
	return number == SYS_write || number == SYS_pwrite64;
}

static void on_call(int signal, siginfo_t *info, void *raw)
{
	greg_t *regs = ((ucontext_t *)raw)->uc_mcontext.gregs;
	int number = info->si_syscall;
	long size = regs[REG_RDX];
	size_t i = 0;

	(void)signal;
	while (i < CALLS && calls[i].number != number)
		i++;
	counts[i]++;
	if (i == SLEEP) {
		regs[REG_RAX] = 0;
		return;
	}
	if (number == fault_number && counts[i] == fault_at) {
		regs[REG_RAX] = -fault_error;
		return;
	}
	if (is_write(number) && ++writes == fault_at && fault_number < 0 && size > 1)
		size /= 2;
	regs[REG_RAX] = inject_syscall(number, regs[REG_RDI], regs[REG_RSI], size, regs[REG_R10],
				       regs[REG_R8], regs[REG_R9]);
}

static void tell_counts(void)
{
	unsigned long told[CALLS];

	memcpy(told, counts, sizeof(told));
	for (size_t i = 0; i < SLEEP; i++)
		fprintf(stderr, "calls %s %lu\n", calls[i].name, told[i]);
}

static int install(void)
{
	const uint64_t through = (uintptr_t)inject_let_through;
	struct sock_filter filter[FILTER_MAX] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, instruction_pointer)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)through, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, instruction_pointer) + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(through >> 32), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	struct sigaction action = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO | SA_NODEFER};
	size_t n = 6;

	for (size_t i = 0; i < CALLS; i++)
		filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							   (uint32_t)calls[i].number,
							   (uint8_t)(CALLS - i), 0);
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
	if (sigaction(SIGSYS, &action, NULL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
		  &(struct sock_fprog){(unsigned short)n, filter}))
		return -errno;
	return 0;
}

int inject_start(void)
{
	const char *wish = getenv("WICK_FAULT");
	char name[32];

	if (!wish)
		return 0;
	if (!strcmp(wish, "count"))
		return atexit(tell_counts) ? -ENOMEM : install();
	if (sscanf(wish, "%31s %d %lu", name, &fault_error, &fault_at) != 3)
		return -EINVAL;
	fault_number = -1;
	for (size_t i = 0; i < CALLS; i++)
		if (!strcmp(calls[i].name, name))
			fault_number = calls[i].number;
	return fault_number < 0 && strcmp(name, "short") ? -EINVAL : install();
}

#else

int inject_start(void)
{
	return getenv("WICK_FAULT") ? -ENOTSUP : 0;
}

#endif
