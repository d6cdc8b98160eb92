#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The traps of debug info, one case each: link-time optimisation, dwz without its common file, zstd sections,
# what the linker threw away, no .debug_aranges, split files that are gone. Each case first shows that the
# file is such a trap.
. "$(dirname "$0")/lib.sh"
for tool in gcc clang dwz objcopy readelf nm; do
	command -v "$tool" >/dev/null || skip "needs $tool"
done
export WICK_SYMBOL_CACHE=none
cd "$tmp"

cat >a.c <<'C'
static volatile int sink;
int from_b(int n);
static inline __attribute__((always_inline)) int inner(int n) { return sink += n; }
static inline __attribute__((always_inline)) int middle(int n) { return inner(n) * 3 + inner(n + 1); }
__attribute__((noinline)) int outer(int n) { return middle(n) + from_b(n); }
__attribute__((noinline)) int unused(int n) { return middle(n) * 7 + middle(n + 5); }
int main(int argc, char **argv) { (void)argv; return outer(argc); }
C
cat >b.c <<'C'
static volatile int sink_b;
static inline __attribute__((always_inline)) int helper(int n) { return sink_b += n * 5; }
__attribute__((noinline)) int from_b(int n) { return helper(n) ^ helper(n + 3); }
C

start_of()
{
	nm "$1" | awk -v name="$2" '$3 == name { print $1 }'
}
# chain PROGRAM FUNCTION: "names innermost first, file:line of the last" at its first inlined byte
chain()
{
	local start

	start=$(start_of "$1" "$2")
	[ -n "$start" ] || fail "$1: no $2"
	for ((i = 0; i < 24; i++)); do
		printf '%x\n' $((0x$start + i))
	done | "$WICK" dump addr --json "$1" | jq -r 'sort_by(-(.frames | length))[0].frames |
		"\(map(.symbol) | join(";")) \(.[-1].file | split("/") | last):\(.[-1].line)"'
}
# is WHAT GOT PATTERN
is()
{
	[[ $2 =~ ^$3$ ]] || fail "$1: '$2' is not '$3'"
	echo "$1: $2"
}
sections()
{
	readelf -SW "$1"
}

gcc -O2 -g a.c b.c -o plain
is "plain" "$(chain plain outer)" 'inner;middle;outer a\.c:5'

gcc -O2 -g -flto a.c b.c -o lto
readelf --debug-dump=info lto 2>/dev/null | grep '<artificial>' >/dev/null || fail "lto: no unit of link-time optimisation"
is "link-time optimisation, across units" "$(chain lto outer)" '(helper;from_b|inner;middle);outer(\.[a-z]+\.[0-9]+)* a\.c:5'

for name in one two; do
	gcc -O2 -g -gdwarf-4 a.c b.c -o $name
done
dwz -m common one two || fail "dwz fails"
sections one | grep gnu_debugaltlink >/dev/null || fail "dwz made no common file"
is "dwz, with its common file" "$(chain one outer)" 'inner;middle;outer a\.c:5'
mv common gone
is "dwz, without it: levels, lines and symbols stay" "$(chain one outer)" '[^;]*;[^;]*;outer .*:5'

for kind in zstd zlib zlib-gnu; do
	cp plain packed
	objcopy --compress-debug-sections=$kind packed 2>/dev/null || { echo "objcopy knows no $kind"; continue; }
	! cmp -s plain packed || fail "$kind: nothing was compressed"
	is "$kind sections" "$(chain packed outer)" 'inner;middle;outer a\.c:5'
done

for linker in bfd gold lld; do
	gcc -O2 -g -ffunction-sections -Wl,--gc-sections -fuse-ld=$linker a.c b.c -o dead 2>/dev/null ||
		{ echo "no linker $linker"; continue; }
	[ -z "$(start_of dead unused)" ] || fail "$linker kept what is unused"
	readelf --debug-dump=info dead 2>/dev/null | grep 'DW_AT_name.*: unused' >/dev/null || fail "$linker: its debug info is gone"
	is "what the linker ($linker) threw away" "$(chain dead outer)" 'inner;middle;outer a\.c:5'
	seq 0 64 4096 | xargs printf '%x\n' | "$WICK" dump addr --json dead |
		jq -e 'all(.[]; (.frames | length) == 1 or .frames[-1].symbol == "outer" or .frames[-1].symbol == "from_b" or .frames[-1].symbol == "main")' >/dev/null ||
		fail "$linker: dead code is found at low addresses"
done

clang -O2 -g a.c b.c -o bare
! sections bare | grep debug_aranges >/dev/null || fail "clang wrote .debug_aranges"
is "no .debug_aranges" "$(chain bare outer)" 'inner;middle;outer a\.c:5'

gcc -O2 -g -gsplit-dwarf a.c b.c -o split
is "split files" "$(chain split outer)" 'inner;middle;outer a\.c:5'
rm ./*.dwo
is "split files that are gone: lines and symbols stay" "$(chain split outer)" 'outer a\.c:[345]'
"$WICK" dump elf split | grep 'split debug info missing' >/dev/null || fail "it is not told"
