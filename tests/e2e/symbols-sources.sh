#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sources of names are taken by rank: each that is added back to a stripped program is used if it is better
# than what was there, and left alone if it is not; dump elf says which, and why. Mini debuginfo, made as the
# gdb manual says, names what the whole file names.
. "$(dirname "$0")/lib.sh"
for tool in objcopy strip nm xz jq gcc; do
	command -v "$tool" >/dev/null || skip "needs $tool"
done
[ -x "$WICK" ] || fail "no program at $WICK: build it first"
cd "$tmp"

cat >ranks.c <<'EOC'
int exported(int n) { return n * 3; }
static __attribute__((noinline)) int hidden(int n) { return exported(n) + 1; }
int main(int argc, char **argv) { (void)argv; return hidden(argc); }
EOC
gcc -g -O1 -rdynamic -o whole ranks.c
vaddr=$(nm whole | awk '$3 == "hidden" { print $1 }')

# mini PROGRAM: the recipe of the gdb manual, chapter "MiniDebugInfo"; PROGRAM.xz.
mini()
{
	nm -D "$1" --format=posix --defined-only | awk '{ print $1 }' | sort >dynsyms
	nm "$1" --format=posix --defined-only |
		awk '{ if ($2 == "T" || $2 == "t" || $2 == "D") print $1 }' | sort >funcsyms
	comm -13 dynsyms funcsyms >keep_symbols
	objcopy --only-keep-debug "$1" debug
	objcopy -S --remove-section .gdb_index --remove-section .comment --keep-symbols=keep_symbols debug \
		mini_debuginfo
	xz -c mini_debuginfo >"$1.xz"
}

# judged FILE SOURCE NAME DEBUG: the best source that was used; what names hidden(); what has lines.
judged()
{
	"$WICK" dump elf --json "$1" >elf.json || fail "cannot dump $1"
	local best name debug

	best=$(jq -r '[.sources[] | select(.used)][0].source // "none"' elf.json)
	name=$("$WICK" dump addr --json "$1" "$vaddr" | jq -r '.[0].symbol // "none"')
	debug=$(jq -r .debug elf.json)
	[ "$best $name $debug" = "$2 $3 $4" ] ||
		fail "$1: $best names $name, debug info $debug; wanted $2 $3 $4: $(jq -c .sources elf.json)"
	echo "$1: $best names $name, debug info: $debug"
}
# says FILE SOURCE WORDS: what dump elf gives as the reason.
says()
{
	"$WICK" dump elf --json "$1" | jq -e --arg source "$2" --arg words "$3" \
		'.sources[] | select(.source == $source) | .why | startswith($words)' >/dev/null ||
		fail "$1: $2 is not '$3': $("$WICK" dump elf "$1" | grep '^rank')"
}

mini whole
objcopy --only-keep-debug whole whole.debug
strip -s -o step0 whole
objcopy --remove-section .gnu_debuglink step0
judged step0 dynsym none none
says step0 symtab 'not there'
says step0 build_id 'not found'
says step0 debuglink 'not looked for: the file has no .gnu_debuglink'
says step0 debuginfod 'off'
objcopy --add-section .gnu_debugdata=whole.xz step0 step1
judged step1 gnu_debugdata hidden none
says step1 dynsym 'used' # for what .gnu_debugdata leaves out
strip -g -o symtab whole
objcopy --add-section .gnu_debugdata=whole.xz symtab step2
judged step2 symtab hidden none
says step2 gnu_debugdata 'not used'
says step2 dynsym 'used' # for the PLT
objcopy --add-gnu-debuglink=whole.debug step1 step3
judged step3 debuglink hidden separate
says step3 gnu_debugdata 'not used'
says step3 symtab 'not there'
objcopy --add-gnu-debuglink=whole.debug --add-section .gnu_debugdata=whole.xz whole step4
judged step4 dwarf hidden own
says step4 debuglink 'not looked for: the file has its own'
says step4 symtab 'used'

# What the cache has stays as good as it was; without the cache it goes down again by what is taken away.
mv whole.debug away.debug
judged step3 debuglink hidden separate
cache=$WICK_SYMBOL_CACHE
export WICK_SYMBOL_CACHE=none
judged step3 gnu_debugdata hidden none
says step3 debuglink 'not found'
gcc -g -O2 -rdynamic -o other ranks.c
objcopy --only-keep-debug other whole.debug
judged step3 gnu_debugdata hidden none
says step3 debuglink 'found, but its build id differs'
objcopy --remove-section .note.gnu.build-id step3 noid
says noid debuglink 'found, but its CRC differs'
says noid build_id 'not looked for: the file has no build id'
printf '\177ELF and no more of it' >whole.debug
says step3 debuglink 'found, but no ELF file'
mv away.debug whole.debug
export WICK_SYMBOL_CACHE=$cache

# A debug file that comes later makes the cache's index outdated.
cp step3 late
mv whole.debug away.debug
judged late gnu_debugdata hidden none
mv away.debug whole.debug
judged late debuglink hidden separate

# By build id: the usual directory, empty for this test.
id=$(jq -r .build_id elf.json)
if [ "$(id -u)" = 0 ] && unshare -m mount -t tmpfs none /usr/lib/debug 2>/dev/null; then
	export -f judged says fail
	export WICK tmp vaddr
	unshare -m bash -c 'set -e; mount -t tmpfs none /usr/lib/debug
		mkdir -p "/usr/lib/debug/.build-id/${0:0:2}"
		where=/usr/lib/debug/.build-id/${0:0:2}/${0:2}.debug
		cp whole.debug "$where"
		judged step1 build_id hidden separate
		judged step3 debuglink hidden separate # already indexed with an equally good one
		WICK_SYMBOL_CACHE=none judged step3 build_id hidden separate
		objcopy --only-keep-debug other "$where"
		WICK_SYMBOL_CACHE=none judged step3 debuglink hidden separate
		WICK_SYMBOL_CACHE=none says step3 build_id "found, but its build id differs"' "$id" ||
		fail "by build id"
else
	echo "no mount namespace here: /usr/lib/debug is left out"
fi

# The cache is that of record, and dump elf says what it did.
"$WICK" dump elf step4 | grep -q "^cache *$WICK_SYMBOL_CACHE: read from it$" || fail "the cache was not read"
cp step4 new
"$WICK" dump elf new | grep -q "^cache *$WICK_SYMBOL_CACHE: written to it$" || fail "the cache was not written"
WICK_SYMBOL_CACHE=none "$WICK" dump elf new | grep -q '^cache *none: it is turned off$' || fail "cache: none"
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	mkdir home
	chmod 755 "$tmp"
	chown 65534 home
	user=(env -u WICK_SYMBOL_CACHE -u XDG_CACHE_HOME "HOME=$tmp/home" setpriv --reuid 65534 --clear-groups)
	"${user[@]}" "$WICK" dump addr "$tmp/new" "$vaddr" >/dev/null || fail "a user cannot dump"
	"${user[@]}" "$WICK" dump elf "$tmp/new" | grep -q "^cache *$tmp/home/.cache/wick: read from it$" ||
		fail "a user's cache is not ~/.cache/wick"
fi

# Mini debuginfo of programs with thousands of functions: their names are those of the whole file.
for program in "$WICK" "$FIXTURES/cpp_nofp"; do
	cp "$program" big
	mini big
	nm -S --defined-only big | awk 'NF == 4 && $3 ~ /^[tT]$/ { print $1, $2 }' | while read -r at size; do
		printf '%x\n%x\n' $((0x$at)) $((0x$at + 0x$size - 1))
	done >addresses
	strip -s -R .comment -o small big
	objcopy --remove-section .gnu_debuglink small
	objcopy --add-section .gnu_debugdata=big.xz small
	for file in big small; do
		"$WICK" dump addr --json $file <addresses | jq -r '.[] | .symbol // "none"' >$file.names
	done
	at_least "$(basename "$program"): addresses" "$(wc -l <addresses)" 10
	cmp big.names small.names || fail "names differ: $(diff big.names small.names | head -3)"
	near "sources used of the stripped one" "$("$WICK" dump elf --json small |
		jq -r '[.sources[] | select(.used)][0].source' | grep -cx gnu_debugdata)" 1 0
done

# liblzma is opened by the child that unpacks, and by no other process.
command -v strace >/dev/null || { echo "no strace here: who loads liblzma is left out"; exit 0; }
for file in small big; do
	WICK_SYMBOL_CACHE=none strace -f -qq -o trace.$file -e trace=openat,execve "$WICK" dump addr $file 1139 >/dev/null
done
awk '/execve\(.* xz/ { unpacks[$1] = 1 } /openat\(.*liblzma/ && !($1 in unpacks) { print; bad++ }
	/openat\(.*liblzma/ { n++ } END { exit bad || !n }' trace.small || fail "liblzma is loaded by others, or by none"
near "liblzma in a run that needs none" "$(grep -c liblzma trace.big || true)" 0 0
