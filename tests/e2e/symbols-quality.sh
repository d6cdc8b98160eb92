#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Each frame tells where its name is from, the report sums it up with reasons, and a mapping is said to have
# only what all its locations have: as Go's pprof sees it, too.
. "$(dirname "$0")/lib.sh"
need_bpf
for tool in gcc strip go nm; do
	command -v "$tool" >/dev/null || skip "needs $tool"
done
cd "$tmp"

cat >spin.h <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#define KEEP __attribute__((noipa, used))
static inline __attribute__((always_inline)) void spin(void)
{
	unsigned long x = 1;
	for (int i = 0; i < 5000000; i++) {
		x *= 6364136223846793005ul;
		__asm__ volatile("" : "+r"(x));
	}
}
KEEP void outside(void);
C
cat >main.c <<'C'
#include "spin.h"
KEEP static void inside(void) { spin(); __asm__ volatile(""); }
int main(void)
{
	alarm(600);
	puts("ready");
	fflush(stdout);
	for (;;) {
		inside();
		outside();
	}
}
C
cat >outside.c <<'C'
#include "spin.h"
KEEP void outside(void) { spin(); __asm__ volatile(""); }
C
# build NAME FLAG..: a program of its own build id.
build()
{
	echo "const char name_of_program[] = \"$1\";" >"$1.c"
	gcc -O2 "${@:2}" main.c outside.c "$1.c" -o "$1" || fail "cannot build $1"
}
build lines -g
build symbols
build exported -rdynamic -s
build bare -s
gcc -O2 -g -c outside.c -o outside.o
gcc -O2 main.c outside.o -o half
gcc -O2 -g -shared -fPIC outside.c -o libwhole.so
gcc -O2 main.c -L. -lwhole -Wl,-rpath,"$tmp" -o shared

programs=(lines symbols exported bare half shared)
pids=()
for program in "${programs[@]}"; do
	"./$program" >"$program.out" & pids+=($!)
	children+=($!)
	wait_until grep -q '^ready' "$program.out"
done
"$FIXTURES/syscalls_fp" 600 >kernel.out & pids+=($!)
children+=($!)
record -p "$(IFS=, && echo "${pids[*]}")" -F 499 -o all.pb.gz
until_each_cpu 0.6 "${pids[@]}"
finish
ledger_exact all.pb.gz
"$WICK" dump profile all.pb.gz --json >all.json

# from COMM FUNCTION: the qualities of the leaf frames in it, and of those called by main.
from()
{
	jq -r --arg comm "$1" --arg name "$2" '[.samples[] | select(any(.labels[]; .key == "comm" and .string == $comm))
		| .frames[] | select(.name | test($name)) | .quality] | unique | join(" ")' all.json
}
# is COMM FUNCTION WANTED
is()
{
	[ "$(from "$1" "$2")" = "$3" ] || fail "$1: $2 is from '$(from "$1" "$2")', not '$3'"
	echo "$1: $2 is from $3"
}
is lines '^(inside|outside|main|spin)$' line
is symbols '^(inside|outside|main)$' symtab
is exported '^(outside|main)$' dynsym
is exported '^exported[+]0x' module+offset
is bare '^bare[+]0x' module+offset
is half '^(inside|main)$' symtab
is half '^(outside|spin)$' line
is syscalls_fp '^(do_syscall_64|entry_SYSCALL_64_after_hwframe)$' kernel

# The report: how many, and what lacks what.
"$WICK" report all.pb.gz | tee report.txt | sed -n '/^names/,/^$/p'
jq -e '.names | .from as $from | ([$from[]] | add) > 0 and
	$from.line > 0 and $from.symtab > 0 and $from.dynsym > 0 and $from["module+offset"] > 0 and $from.kernel > 0 and
	.with_lines == $from.line and
	.named == ([$from[]] | add) - $from["module+offset"] - ($from.none // 0)' \
	<("$WICK" report all.pb.gz --json) >/dev/null || fail "the report's sums do not fit"
# lacks MODULE WHY
lacks()
{
	report all.pb.gz "[.names.missing[] | select(.module | endswith(\"/$1\")) | .why] == [\"$2\"]" >/dev/null ||
		fail "$1: not '$2': $(report all.pb.gz .names.missing)"
}
lacks symbols 'no debug info'
lacks exported 'no debug info, only exported symbols'
lacks bare 'no symbols'
lacks half 'no lines for some code'
grep -q '^ *missing: .*(no ' report.txt || fail "the report does not tell what is missing"

# has MODULE FLAGS: what pprof says of its mapping.
has()
{
	local flags

	flags=$(awk -v end="/$1" '/^Mappings/ { on = 1 } on && substr($3, length($3) - length(end) + 1) == end { print $NF }' raw.txt)
	case $flags in *\[*) ;; *) flags= ;; esac
	[ "$flags" = "$2" ] || fail "$1: pprof sees '$flags', not '$2': $(sed -n '/^Mappings/,$p' raw.txt)"
	echo "$1: has ${2:-nothing} throughout"
}
go tool pprof -raw -symbolize=none all.pb.gz >raw.txt 2>pprof.err || fail "pprof: $(cat pprof.err)"
has libwhole.so '[FN][FL][LN][IN]'
has lines '[FN]' # _start has no lines
has symbols '[FN]'
has exported ''
has bare ''
has half '[FN]'

# What another tool has written anew still tells lines, offsets and the kernel.
go tool pprof -proto -symbolize=none -output=round.pb.gz all.pb.gz >/dev/null 2>&1
for which in '["line"]' '["module+offset"]'; do
	near "round trip: samples of $which" "$(report round.pb.gz ".names.from$which")" \
		"$(report all.pb.gz ".names.from$which")" 0
done

# Inlined calls, one location a level: pprof sees as many lines, and where names are from is kept.
"$WICK" convert --inline=expand all.pb.gz -o expanded.pb.gz
go tool pprof -raw -symbolize=none expanded.pb.gz >expanded.txt 2>pprof.err || fail "pprof: $(cat pprof.err)"
awk '/^Locations/ { on = 1; next } /^Mappings/ { on = 0 }
	on && $1 !~ /^[0-9]+:$/ { print "a location has a second line: " $0; bad = 1 } END { exit bad }' expanded.txt ||
	fail "--inline=expand leaves inlined calls in one location"
grep -q '^ *[0-9]*: 0x.* spin ' expanded.txt || fail "the inlined call has no location of its own"
[ "$(report all.pb.gz '.names.from | tostring')" = "$(report expanded.pb.gz '.names.from | tostring')" ] ||
	fail "expanded, names are from elsewhere"
"$WICK" convert --inline=expand --annotate all.pb.gz -o marked.folded
at_least "inlined calls marked, one location a level" \
	"$(folded_count marked.folded '^lines;.*;(inside|outside);spin_\[i\]$')" 50
at_least "kernel frames marked" "$(folded_count marked.folded ';do_syscall_64_\[k\]')" 10
