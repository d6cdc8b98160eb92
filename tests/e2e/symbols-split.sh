#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Split DWARF: .dwo files and packages are found wherever they belong, believed by their id only, opened as
# nothing but regular ELF files, and missed aloud. With an argument: a program of that many units (default 40).
. "$(dirname "$0")/lib.sh"
for tool in gcc clang llvm-dwp objcopy strip python3; do
	command -v "$tool" >/dev/null || skip "needs $tool"
done
units=${1:-40}
WICK_SYMBOL_CACHE=none
cd "$tmp"

# split_line PROGRAM: what dump elf says of its split files.
split_line()
{
	"$WICK" dump elf "$1" | sed -n 's/^split *//p'
}
# says PROGRAM PATTERN
says()
{
	split_line "$1" | grep -qx "$2" || fail "$1: '$(split_line "$1")' is not '$2'"
}
# inlined PROGRAM YES|NO: does the code in twice(), three levels deep, have its levels?
inlined()
{
	local levels

	levels=$("$WICK" dump addr --json "$1" "$(nm "$1" | awk '$3 == "deep" { print $1 }')" |
		jq '[.[0].frames[] | .symbol] | join(";")')
	case $2 in
	YES) [ "$levels" = '"twice;four_times;deep"' ] ;;
	NO) [ "$levels" = '"deep"' ] ;;
	esac || fail "$1: inlined calls: $2 expected, but $levels"
	"$WICK" dump addr --json "$1" "$(nm "$1" | awk '$3 == "deep" { print $1 }')" |
		jq -e '.[0].frames[-1].line > 0' >/dev/null || fail "$1: no line"
}

mkdir src
cat >src/main.c <<'C'
static volatile int sink;
static inline __attribute__((always_inline)) int twice(int n) { return sink += n; }
static inline __attribute__((always_inline)) int four_times(int n) { return twice(n) * twice(n + 1); }
__attribute__((noinline)) int deep(int n) { return four_times(n); }
int other(int n);
int main(int argc, char **argv)
{
	(void)argv;
	do deep(argc); while (argc > 1);
	return other(argc);
}
C
echo 'int other(int n) { return n * 3; }' >src/other.c

# [cc=COMPILER] build DIRECTORY DWARF FLAG..: DIRECTORY/program of two units, its .dwo files beside it
build()
{
	mkdir -p "$1"
	(cd "$1" && "${cc:-gcc}" -O2 -g "-gdwarf-$2" -gsplit-dwarf "${@:3}" -c ../src/main.c ../src/other.c &&
		gcc main.o other.o -o program && rm main.o other.o) || fail "cannot build $1"
}

for dwarf in 4 5; do
	build $dwarf $dwarf
	says $dwarf/program '2 units'
	inlined $dwarf/program YES

	echo "DWARF $dwarf: a file of another build, one that is damaged, one that is missing"
	cp $dwarf/main.dwo keep
	cp $dwarf/other.dwo $dwarf/main.dwo
	says $dwarf/program '2 units, 1 of another build: split debug info of another build'
	inlined $dwarf/program NO
	head -c 300 keep >$dwarf/main.dwo
	says $dwarf/program '2 units, 1 of another build: split debug info of another build'
	rm $dwarf/main.dwo
	says $dwarf/program "2 units, 1 missing, such as main.dwo of $tmp/$dwarf: split debug info missing"
	inlined $dwarf/program NO

	echo "DWARF $dwarf: what is no regular ELF file is not opened"
	mkfifo $dwarf/main.dwo
	says $dwarf/program '2 units, 1 missing.*'
	ln -sf /dev/zero $dwarf/main.dwo
	says $dwarf/program '2 units, 1 missing.*'
	echo secret >secret
	ln -sf ../secret $dwarf/main.dwo
	says $dwarf/program '2 units, 1 missing.*'
	rm $dwarf/main.dwo
	mv keep $dwarf/main.dwo

	echo "DWARF $dwarf: compressed"
	for kind in zlib zstd; do
		cp -r $dwarf $dwarf-$kind
		for file in $dwarf-$kind/*; do
			objcopy --compress-debug-sections=$kind "$file" 2>/dev/null || echo "objcopy: no $kind"
		done
		mv $dwarf $dwarf.away
		says $dwarf-$kind/program '2 units'
		inlined $dwarf-$kind/program YES
		mv $dwarf.away $dwarf
	done

	echo "DWARF $dwarf: a tree that was moved"
	mv $dwarf moved
	says moved/program '2 units'
	inlined moved/program YES

	echo "DWARF $dwarf: a package" # llvm-dwp 14 does not end with gcc's DWARF 5 of these
	[ $dwarf = 4 ] || { rm -r moved && cc=clang build moved 5; }
	(cd moved && timeout 20 llvm-dwp -o program.dwp main.dwo other.dwo && rm ./*.dwo) || fail "no package"
	says moved/program '2 units, a package'
	inlined moved/program YES
	mv moved/program.dwp package
	says moved/program '2 units, 2 missing.*'
	(cd moved && objcopy --only-keep-debug program program.debug && strip -g program &&
		objcopy --add-gnu-debuglink=program.debug program) 2>/dev/null
	says moved/program '2 units, 2 missing.*'
	for name in program.dwp program.debug.dwp; do
		cp package moved/$name
		says moved/program '2 units, a package'
		inlined moved/program YES
		rm moved/$name
	done
	rm -r moved
done

if command -v dwp >/dev/null; then
	echo "binutils' dwp (DWARF 4: it does not know more)"
	build gnu 4
	(cd gnu && dwp -e program -o program.dwp && rm ./*.dwo)
	says gnu/program '2 units, a package'
	inlined gnu/program YES
fi

echo "files that are not there yet are looked for again, the cache notwithstanding"
build late 5
mv late/main.dwo away
WICK_SYMBOL_CACHE=$tmp/cache
need_bpf
start_late() # a profile of it, in late.pb.gz
{
	./late/program spin &
	pid=$!
	children+=("$pid")
	record -p "$pid" -F 499 -o "$tmp/late.pb.gz"
	until_cpu "$pid" 0.5
	finish
	kill "$pid"
	folded "$tmp/late.pb.gz" "$tmp/late.folded"
}
start_late
"$WICK" report "$tmp/late.pb.gz" | grep "^comment .*not all inlined calls: .*/late/program: split debug info missing" >/dev/null ||
	fail "the profile does not say that split debug info is missing: $("$WICK" report "$tmp/late.pb.gz" | grep ^comment)"
near "samples with inlined calls" "$(folded_count "$tmp/late.folded" ';deep;four_times')" 0 0
mv away late/main.dwo
start_late
at_least "samples with inlined calls" "$(folded_count "$tmp/late.folded" ';deep;four_times;twice$')" 50

echo "a container's files are those of its root"
mkdir -p root/build
(cd root/build && gcc -O2 -g -gsplit-dwarf "-fdebug-prefix-map=$tmp/root=" -c ../../src/main.c ../../src/other.c &&
	gcc -static main.o other.o -o ../program) || fail "cannot build the container's program"
says root/program '2 units, 2 missing.*'
chroot root /program spin &
pid=$!
children+=("$pid")
record -p "$pid" -F 499 -o "$tmp/container.pb.gz"
until_cpu "$pid" 0.5
finish
folded "$tmp/container.pb.gz" "$tmp/container.folded"
at_least "samples with the container's inlined calls" \
	"$(folded_count "$tmp/container.folded" ';deep;four_times;twice$')" 50

echo "many units"
export WICK_SYMBOL_CACHE=none # what it has outlives its files
mkdir many
for ((i = 0; i < units; i++)); do
	echo "static inline __attribute__((always_inline)) int in_$i(int n) { return n * $i + (n >> 3); }
		int out_$i(int n) { return in_$i(n); }"
done | split -l 2 -a 6 -d --additional-suffix=.c - many/u
(cd many && ls u*.c | xargs -P 2 -n 50 gcc -O2 -g -gsplit-dwarf -c && gcc -shared -o many.so u*.o && rm u*.o) ||
	fail "cannot build many units"
says many/many.so "$units units"
time "$WICK" dump elf many/many.so
"$WICK" dump elf --json many/many.so | jq -e ".split_units == $units and .split_missing == 0 and .nodes > 2 * $units" \
	>/dev/null || fail "many units: $("$WICK" dump elf many/many.so)"
rm many/u*7.dwo
"$WICK" dump elf --json many/many.so | jq -e ".split_missing > 0 and .nodes > $units" >/dev/null ||
	fail "many units, some missing: $("$WICK" dump elf many/many.so)"
