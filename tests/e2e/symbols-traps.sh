#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What makes names plausible and wrong, each with its case. Those that are not forms of DWARF:
#
#	p_vaddr is not p_offset (lld)            here: lld; unit/symindex offsets_become_vaddrs..
#	several executable segments              here: segments
#	first vaddr is not 0 (prelink)           here: shifted; unit/symindex the_text_span..
#	return address is in the next function   here: returns
#	symbols without size or type             here: labels; unit/symindex aliases_sizes_and_overlaps..
#	aliases                                  unit/symindex aliases_sizes.., random_addresses_of_system_files..
#	versions of symbols                      unit/symindex versions_are_no_part_of_names..
#	IFUNC                                    here: ifunc; unit/symindex ..resolvers_name_their_own_code
#	PLT: lazy, now, .plt.sec                 unit/symindex plt_stubs_have_the_names_that_objdump_gives_them
#	.cold, .part, .isra, .constprop          unit/diff_names compilers_clones_are_their_function
#	names of DWARF and of symbols            e2e/symbols-differential
#	no build id                              here: noid; e2e/record-replaced
#	a stripped file is known first           here: stripped, then with its debug file
#	a debug file of another build            e2e/symbols-debug-files
#	deleted and replaced files               e2e/record-replaced
#	containers                               e2e/symbols-debug-files, e2e/record-replaced
#	kallsyms without addresses               unit/kallsyms addresses_that_are_all_zero_are_missing_rights
#	perf maps of others, torn, endless       unit/perf_map; e2e/symbols-jit, e2e/symbols-hostile
#	damaged and deadly files                 e2e/symbols-hostile, unit/symindex mutants_of_debug_info..
. "$(dirname "$0")/lib.sh"
need_bpf
for tool in gcc clang ld.lld strip objcopy; do
	command -v "$tool" >/dev/null || skip "needs $tool"
done
cd "$tmp"

cat >trap.c <<'C'
#include <stdio.h>
#include <unistd.h>
#define KEEP __attribute__((noinline, used))
#ifndef PLACE
#define PLACE
#endif
#ifndef NAME
#define NAME right
#endif
static inline __attribute__((always_inline)) void spin(void)
{
	unsigned long x = 1;
	for (int i = 0; i < 3000000; i++) {
		x *= 6364136223846793005ul;
		__asm__ volatile("" : "+r"(x));
	}
	__asm__ volatile("");
}
#ifdef RETURNS
KEEP __attribute__((noreturn)) void never(void) { for (;;) spin(); }
KEEP void right(void) { never(); }
__asm__(".globl wrong\n.type wrong, @function\nwrong: nop\nret\n.size wrong, .-wrong");
#elif defined(LABELS)
void right(void);
__asm__(".text\n.globl wrong\n.type wrong, @function\nwrong: ret\n.size wrong, 1\n"
	"right: mov $3000000, %ecx\n1: imul %rcx, %rax\ndec %ecx\njnz 1b\nret\n");
#elif defined(IFUNC)
static KEEP void fast(void) { spin(); }
static void (*resolve(void))(void) { return fast; }
void right(void) __attribute__((ifunc("resolve")));
#else
KEEP PLACE void NAME(void) { spin(); }
#endif
int main(void)
{
	alarm(600);
	puts("ready");
	fflush(stdout);
	for (;;)
#if defined(RETURNS) || defined(LABELS) || defined(IFUNC)
		right();
#else
		NAME();
#endif
}
C
gcc -O2 -no-pie -DPLACE='__attribute__((section(".far,\"ax\",@progbits#")))' trap.c -o segments \
	-Wl,--section-start=.far=0x30000000
clang -O2 -fPIE -pie -fuse-ld=lld trap.c -o lld
gcc -O2 -no-pie -fno-pie -Wl,-Ttext-segment=0x10000000 trap.c -o shifted
gcc -O2 -DRETURNS trap.c -o returns
gcc -O2 -DLABELS trap.c -o labels
gcc -O2 -DIFUNC trap.c -o ifunc
gcc -O2 -Wl,--build-id=none -DNAME=noid_first trap.c -o noid_a
gcc -O2 -Wl,--build-id=none -DNAME=noid_other trap.c -o noid_b
gcc -O2 -g trap.c -o stripped
objcopy --only-keep-debug stripped kept.debug
strip stripped
objcopy --add-gnu-debuglink=kept.debug stripped
mv kept.debug away
at_least "executable segments" "$(readelf -lW segments | grep -c 'LOAD.*R E')" 2

programs=(segments lld shifted returns labels ifunc noid_a noid_b stripped)
pids=()
for program in "${programs[@]}"; do
	"./$program" >"$program.out" & pids+=($!)
	children+=($!)
	wait_until grep -q '^ready' "$program.out"
done
take()
{
	record -p "$(IFS=, && echo "${pids[*]}")" --user -F 499 -o "$1.pb.gz"
	until_each_cpu 0.15 "${pids[@]}"
	finish
	ledger_exact "$1.pb.gz" >/dev/null
	folded "$1.pb.gz" "$1.folded"
}
# is COMM STACK: almost all of its samples end so.
is()
{
	at_least "$1: percent in $2" "$(percent "$(folded_count all.folded "^$1;.*;$2\$")" \
		"$(folded_count all.folded "^$1;")")" 95
}
take all
is segments 'main;right'
is lld 'main;right'
is shifted 'main;right'
is returns 'main;right;never'
is labels 'main;right'
is ifunc 'main;fast'
is noid_a 'main;noid_first'
is noid_b 'main;noid_other'
is stripped 'stripped[+]0x[0-9a-f]+'
near "names of the next function" "$(folded_count all.folded 'wrong')" 0 0

# The cache knows it without names; the debug file comes later.
mv away kept.debug
take all
is stripped 'main;right;spin'
