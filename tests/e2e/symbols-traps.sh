#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What makes names plausible and wrong, each with its case. Those that are not forms of DWARF:
#
#	p_vaddr is not p_offset (lld)            here: lld; unit/symindex offsets_become_vaddrs..
#	several executable segments              here: segments
#	text copied to huge pages                e2e/record-replaced, lives huge copy|move|other, node
#	first vaddr is not 0 (prelink)           here: shifted; unit/symindex the_text_span..
#	return address is in the next function   here: returns
#	symbols without size or type             here: labels; unit/symindex aliases_sizes_and_overlaps..
#	aliases, versions                        here: all of libc's exported ones; unit/symindex aliases_sizes..,
#	                                         versions_are_no_part_of_names.., random_addresses_of_system_files..
#	sections of .dynsym's symbols moved      here: moved
#	IFUNC                                    here: ifunc; unit/symindex ..resolvers_name_their_own_code
#	PLT: lazy, now, .plt.sec                 unit/symindex plt_stubs_have_the_names_that_objdump_gives_them
#	.cold, .part, .isra, .constprop          here: cold; unit/diff_names compilers_clones_are_their_function
#	names of DWARF and of symbols            e2e/symbols-differential, e2e/symbols-inlined
#	no .debug_aranges, split, dwz, packed    e2e/symbols-traps-dwarf, e2e/symbols-split
#	link-time optimisation                   e2e/symbols-traps-dwarf
#	mini debuginfo                           e2e/symbols-sources
#	Go, stripped                             e2e/symbols-go
#	no build id                              here: noid; e2e/record-replaced
#	a stripped file is known first           here: stripped, then with its debug file
#	a debug file of another build            e2e/symbols-debug-files
#	deleted and replaced files               e2e/record-replaced
#	containers                               e2e/symbols-debug-files, e2e/record-replaced
#	vdso                                     e2e/symbols-bpf
#	kallsyms without addresses               unit/kallsyms addresses_that_are_all_zero_are_missing_rights
#	kernel modules and BPF programs          e2e/symbols-bpf, unit/ksymbols
#	debuginfod unless it is asked for        e2e/symbols-debuginfod
#	perf maps of others, torn, endless       unit/perf_map; e2e/symbols-jit, e2e/record-hostile-files
#	damaged and deadly files                 e2e/symbols-hostile, e2e/record-hostile-files, unit/symindex mutants_of_debug_info..
. "$(dirname "$0")/lib.sh"
need_bpf
for tool in gcc clang ld.lld strip objcopy python3; do
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
#elif defined(COLD)
KEEP __attribute__((cold)) void rare(void) { __asm__ volatile(""); }
KEEP void right(int n) { if (n) { rare(); spin(); } spin(); }
#else
KEEP PLACE void NAME(void) { spin(); }
#endif
int main(void)
{
	volatile int turn = 0;

	(void)turn;
	alarm(600);
	puts("ready");
	fflush(stdout);
	for (;;)
#if defined(RETURNS) || defined(LABELS) || defined(IFUNC)
		right();
#elif defined(COLD)
		right(turn++ & 1);
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
gcc -O2 -fno-inline-functions-called-once -DCOLD trap.c -o cold
gcc -O2 -s -rdynamic trap.c -o moved
objcopy --remove-section .note.gnu.build-id moved
gcc -O2 -Wl,--build-id=none -DNAME=noid_first trap.c -o noid_a
gcc -O2 -Wl,--build-id=none -DNAME=noid_other trap.c -o noid_b
gcc -O2 -g trap.c -o stripped
objcopy --only-keep-debug stripped kept.debug
strip stripped
objcopy --add-gnu-debuglink=kept.debug stripped
mv kept.debug away
at_least "executable segments" "$(readelf -lW segments | grep -c 'LOAD.*R E')" 2
near "sections that symbols have all the same" "$(readelf -W --dyn-syms moved |
	awk -v text="$(readelf -SW moved | sed -n 's/^ *\[ *\([0-9]*\)\] \.text .*/\1/p')" '$8 == "right" && $7 == text' |
	wc -l)" 0 0

programs=(segments lld shifted returns labels ifunc cold moved noid_a noid_b stripped)
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
is cold 'main;right(\.cold)?'
is moved 'main;right'
is noid_a 'main;noid_first'
is noid_b 'main;noid_other'
is stripped 'stripped[+]0x[0-9a-f]+'
near "names of the next function" "$(folded_count all.folded 'wrong')" 0 0
# A function's cold part keeps its name, and is the function where functions are compared.
at_least "in a cold part" "$(folded_count all.folded '^cold;.*;right\.cold$')" 10
grep '^cold;' all.folded >cold.folded
near "in the function, all told" "$("$WICK" diff cold.folded cold.folded --all --json |
	jq '.functions[] | select(.name == "right").self.samples.before')" \
	"$(folded_count cold.folded ';right(\.cold)?$')" 0

# Every address of libc with several exported names, by the rule: a function, one with a size, not an old version,
# not weak, few underscores before it, short, first of all; and the same each time.
libc=$(ldd "$FIXTURES/burn_fp" | awk '$1 ~ /^libc\.so/ { print $3 }')
cat >golden.py <<'P'
import json, re, subprocess, sys
wick, libc = sys.argv[1:]
def lines(*command, **more):
    return subprocess.run(command, text=True, capture_output=True, check=True, **more).stdout
types, binds = {'FUNC': 0, 'IFUNC': 0, 'NOTYPE': 1}, {'GLOBAL': 0, 'WEAK': 1, 'LOCAL': 2}
with open(libc, 'rb') as file: # without what leads to its debug file, which has more of them
    data = re.sub(rb'[0-9a-f]+\.debug\0', lambda m: b'-' * (len(m[0]) - 1) + b'\0', file.read())
for found in re.findall(r'Build ID: (\w+)', lines('readelf', '-n', libc)):
    data = data.replace(bytes.fromhex(found), bytes(len(found) // 2))
with open('libc', 'wb') as file:
    file.write(data)
names = {}
for line in lines('readelf', '-W', '--dyn-syms', 'libc').split('\n'):
    field = line.split()
    if len(field) < 8 or field[3] not in types or field[6] in ('UND', 'ABS', 'Ndx'):
        continue
    name, is_old = field[7].split('@')[0], '@' in field[7] and '@@' not in field[7]
    order = (types[field[3]], int(field[2], 0) == 0, is_old, binds[field[4]],
             len(name) - len(name.lstrip('_')), len(name), name)
    of_addr = names.setdefault(int(field[1], 16), {})
    of_addr[name] = min(order, of_addr.get(name, order)) # it may have two versions
names = {addr: n for addr, n in names.items() if len(n) > 1}
for run in range(2):
    told = json.loads(lines(wick, 'dump', 'addr', '--json', 'libc', input=''.join('%x\n' % a for a in names)))
    for addr, answer in zip(names, told):
        got, order = answer['frames'][-1]['symbol'], sorted(names[addr], key=names[addr].get)
        if got != order[0]:
            sys.exit('0x%x is %s, not the first of %s' % (addr, got, order))
print(len(names))
P
python3 golden.py "$WICK" "$libc" >golden || fail "another alias"
at_least "addresses of libc with aliases" "$(cat golden)" 200

# The cache knows it without names; the debug file comes later.
mv away kept.debug
take all
is stripped 'main;right;spin'
