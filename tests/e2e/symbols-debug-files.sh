#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Separate debug files are found by build id and by link, of the container first; dwz's common files too.
# One that belongs to another build is not believed.
. "$(dirname "$0")/lib.sh"
for tool in objcopy strip readelf llvm-symbolizer python3 g++; do
	command -v "$tool" >/dev/null || skip "needs $tool"
done
cd "$tmp"
export WICK_SYMBOL_CACHE=none # what lies there now is asked for, not what lay there once

# split PROGRAM DEBUG: strips it, its debug info goes to DEBUG, with a link.
split()
{
	objcopy --only-keep-debug "$1" "$2" 2>/dev/null
	strip "$1"
	objcopy --add-gnu-debuglink="$2" "$1"
}
# knows PROGRAM PATTERN: does dump elf tell so?
knows()
{
	"$WICK" dump elf "$1" | grep -q "$2" || fail "$1: no $2: $("$WICK" dump elf "$1" | grep '^debug')"
}

cp "$FIXTURES/inlined_fp" whole
knows whole '^debug *own: '
for place in . .debug; do
	mkdir -p by-link/$place
	cp whole by-link/program
	split by-link/program by-link/$place/program.debug
	knows by-link/program "^debug *separate: .*by-link.*/program\.debug$"
	"$tree/tests/symbols/differ" "$WICK" by-link/program --oracle-file whole || fail "differs from whole"
	rm by-link/$place/program.debug
	knows by-link/program '^debug *none$'
done

# Another build, by build id and, where there is none, by its CRC.
cp whole other
cp "$FIXTURES/inlined_static" another
split other other.debug
objcopy --only-keep-debug another other.debug
knows other '^debug *none$'
objcopy --remove-section=.note.gnu.build-id whole noid
cp noid noid-whole
split noid noid.debug
knows noid '^debug *separate'
printf 'x' >>noid.debug
knows noid '^debug *none$'
mkfifo fifo.debug
cp whole fifo
split fifo real.debug
objcopy --remove-section=.gnu_debuglink fifo
mv real.debug fifo.real
objcopy --only-keep-debug whole fifo.tmp
mv fifo.debug keep && mv fifo.tmp fifo.debug && objcopy --add-gnu-debuglink=fifo.debug fifo
knows fifo '^debug *separate'
mv keep fifo.debug
knows fifo '^debug *none$'

# dwz: names and more stand in a file common to several.
if command -v dwz >/dev/null; then
	for unit in a b; do
		"$tree/tests/symbols/generate" c++ $unit >$unit.cpp
	done
	g++ -w -g -O2 -gdwarf-4 a.cpp b.cpp -o first
	g++ -w -g -O2 -gdwarf-4 -DX=1 b.cpp a.cpp -o second
	cp first first.plain
	dwz -m "$tmp/common.dwz" first second || fail "dwz fails"
	readelf -SW first | grep -q gnu_debugaltlink || fail "dwz made no common file"
	knows first '^altlink .*common.dwz$'
	"$tree/tests/symbols/differ" "$WICK" first --oracle-file first.plain --count 3000 ||
		fail "with dwz: differs"
	split first first.debug
	"$tree/tests/symbols/differ" "$WICK" first --oracle-file first.plain --count 1000 ||
		fail "with dwz and a separate debug file: differs"
	mv common.dwz gone.dwz
	"$tree/tests/symbols/differ" "$WICK" first --oracle-file first.plain --count 1000 \
		--judge depth,lines || fail "without the common file lines are gone"
else
	echo "no dwz here: its part is left out"
fi

# A container: its own root has a debug file where the host has none, and one with the host's path.
need_bpf
mkdir -p root/usr/lib/debug/.build-id
cp "$FIXTURES/inlined_static" root/program
id=$(readelf -n root/program | awk '/Build ID/ { print $3 }')
mkdir -p "root/usr/lib/debug/.build-id/${id:0:2}"
objcopy --only-keep-debug root/program "root/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug"
strip root/program
knows root/program '^debug *none$'
chroot root /program 600 >"$tmp/ready" &
pid=$!
children+=("$pid")
wait_until grep -q '^ready' "$tmp/ready"
record -p "$pid" -F 499 -o "$tmp/container.pb.gz"
until_cpu "$pid" 1
finish
folded "$tmp/container.pb.gz" "$tmp/container.folded"
at_least "samples with names of the container's debug file" \
	"$(folded_count "$tmp/container.folded" ';main;outer;middle;innermost;spin$')" 200
