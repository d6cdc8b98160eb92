#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Files whose debug info means harm: each has its verdict in time, its symbol stays known, and the process
# that asked grows by nothing.
. "$(dirname "$0")/lib.sh"
for tool in python3 zstd; do
	command -v "$tool" >/dev/null || skip "needs $tool"
done
[ -x "$WICK" ] || fail "no program at $WICK: build it first"
"$tree/tests/symbols/hostile" "$tmp/hostile"
mkfifo "$tmp/hostile/fifo"

# peak PID: its greatest resident size in KB, for as long as it lives.
peak()
{
	local most=0 now

	while now=$(awk '/^VmHWM/ { print $2 }' "/proc/$1/status" 2>/dev/null) && [ -n "$now" ]; do
		most=$now
		sleep 0.02
	done
	echo "$most"
}

count=0
for file in "$tmp"/hostile/*; do
	name=${file##*/}
	WICK_SYMBOL_CACHE=none "$WICK" dump addr "$file" 1800 >"$tmp/out" 2>"$tmp/wick.err" &
	pid=$!
	most=0
	case $name in *-bomb* | many-* | nested-*) most=$(peak "$pid") ;; esac
	status=0
	wait "$pid" || status=$?
	[ "$status" -le 1 ] || fail "$name: exit status $status"
	[ "$most" -lt 16384 ] || fail "$name: the parent grew to $most KB"
	case $name in
	demangler-* | symbol-name-long) grep -q . "$tmp/out" || fail "$name: nothing is said" ;;
	go-calls) # sound: the second call is in the first one
		[ "$(awk '{ printf "%s ", $(/^0x/ ? 2 : 1) }' "$tmp/out")" = 'inner inner victim+0x800 ' ] ||
			fail "$name: $(cat "$tmp/out")" ;;
	torn-* | fifo) near "$name: refused" "$status" 1 0 >/dev/null ;;
	*) grep -q 'victim' "$tmp/out" || fail "$name: its symbol is lost: $(cat "$tmp/out" "$tmp/wick.err")" ;;
	esac
	count=$((count + 1))
done
at_least "hostile files read" "$count" 80
"$WICK" dump elf "$tmp/hostile/zlib-bomb" | grep -q '^debug *\(damaged\|too big\|its reader\)' ||
	fail "the bomb is not told of"
for file in mini-xz-bomb mini-xz-bomb-of-elf mini-dictionary; do
	"$WICK" dump elf "$tmp/hostile/$file" | grep -q 'gnu_debugdata: too big$' || fail "$file is not told of as too big"
done
for file in mini-torn mini-check mini-no-elf mini-lzma-alone; do
	"$WICK" dump elf "$tmp/hostile/$file" | grep -q 'gnu_debugdata: damaged$' || fail "$file is not told of as damaged"
done

# A file that is cut while it is read: whatever is read of it, the parent lives.
cp "$tmp/hostile/many-inlined" "$tmp/cut"
(while :; do truncate -s 5000 "$tmp/cut"; cp "$tmp/hostile/many-inlined" "$tmp/cut"; done) 2>/dev/null &
children+=($!)
for ((i = 0; i < 10; i++)); do
	status=0
	WICK_SYMBOL_CACHE=none "$WICK" dump addr "$tmp/cut" 1800 >/dev/null 2>&1 || status=$?
	[ "$status" -le 1 ] || fail "cut while it is read: exit status $status"
done
kill -KILL "${children[-1]}"
wait "${children[-1]}" 2>/dev/null || :
