#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# wick dump unwind: the rule of a known place in words, signal trampolines of glibc and musl, files
# without a search table, damaged and foreign files.
. "$(dirname "$0")/lib.sh"
for tool in jq gcc objcopy nm; do
	command -v "$tool" >/dev/null || skip "needs $tool"
done

cat >"$tmp/program.c" <<'C'
#include <signal.h>
#include <unistd.h>
static void on_signal(int number) { write(1, "s", number > 0); }
__attribute__((noinline)) int framed(int n)
{
	volatile char room[n];

	room[n - 1] = 1;
	on_signal(n);
	return room[n - 1];
}
int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};

	(void)argv;
	sigaction(SIGUSR1, &action, 0);
	raise(SIGUSR1);
	return framed(argc);
}
C
address() # FILE SYMBOL
{
	nm "$1" | awk -v name="$2" '$3 == name && !seen++ { print $1 }'
}
# says FILE ADDRESS WORDS
says()
{
	local got

	got=$("$WICK" dump unwind "$1" "$2") || fail "dump unwind $1 $2"
	[[ $got = *" $3" ]] || fail "${1##*/} at $2: '$got', not '$3'"
	echo "${1##*/} at $2: $3"
}

gcc -O1 -o "$tmp/program" "$tmp/program.c"
says "$tmp/program" "$(address "$tmp/program" framed)" "cfa = rsp + 8, ra at cfa - 8"
says "$tmp/program" "0x$(address "$tmp/program" _start)" "end"
"$WICK" dump unwind --rows "$tmp/program" >"$tmp/rows"
grep -q ' cfa = rbp + 16, rbp at cfa - 16, ra at cfa - 8$' "$tmp/rows" ||
	fail "no row of framed() by rbp"
"$WICK" dump unwind --json "$tmp/program" "$(address "$tmp/program" framed)" |
	jq -e '.rule == "cfa = rsp + 8, ra at cfa - 8" and (.start | startswith("0x"))' >/dev/null ||
	fail "one row as JSON"
[ "$("$WICK" dump unwind --json --rows "$tmp/program" | jq length)" = \
	"$("$WICK" dump unwind --rows "$tmp/program" | wc -l)" ] || fail "rows as JSON"
"$WICK" dump unwind --json "$tmp/program" | jq -e '.covered_bytes > 100 and .damaged == 0' >/dev/null ||
	fail "the sum as JSON"

# The trampoline's rule holds at the return address of a handler, looked up at pc - 1.
signal="signal frame: ip at sp + 168, sp at + 160, fp at + 120, bx at + 128"
gcc -O1 -static -o "$tmp/static" "$tmp/program.c"
restore=$(address "$tmp/static" __restore_rt)
says "$tmp/static" "$restore" "$signal"
says "$tmp/static" "$(printf %x $((0x$restore - 1)))" "$signal"
if command -v musl-gcc >/dev/null; then
	musl-gcc -O1 -static -o "$tmp/musl" "$tmp/program.c"
	restore=$(address "$tmp/musl" __restore_rt)
	says "$tmp/musl" "$restore" "$signal"
	says "$tmp/musl" "$(printf %x $((0x$restore - 1)))" "$signal"
	says "$tmp/musl" "$(address "$tmp/musl" framed)" "cfa = rsp + 8, ra at cfa - 8"
fi

# .debug_frame of a separate file, as it is and compressed.
gcc -O1 -g -fno-asynchronous-unwind-tables -o "$tmp/full" "$tmp/program.c"
objcopy --only-keep-debug --compress-debug-sections=zlib "$tmp/full" "$tmp/debug"
objcopy --strip-debug "$tmp/full" "$tmp/stripped"
framed=$(address "$tmp/full" framed)
says "$tmp/full" "$framed" "cfa = rsp + 8, ra at cfa - 8"
says "$tmp/stripped" "$framed" "none"
[[ $("$WICK" dump unwind --debug-file "$tmp/debug" "$tmp/stripped" "$framed") = *"cfa = rsp + 8, ra at cfa - 8" ]] ||
	fail "the debug file's .debug_frame is not used"

# refuses STATUS PATTERN ARG..
refuses()
{
	local status=0

	"$WICK" dump unwind "${@:3}" >"$tmp/out" 2>"$tmp/err" || status=$?
	[ "$status" = "$1" ] && [ ! -s "$tmp/out" ] && grep -q "$2" "$tmp/err" ||
		fail "dump unwind ${*:3}: status $status, $(cat "$tmp/err")"
}
refuses 2 'needs a FILE'
refuses 2 'is no address' "$tmp/program" main
refuses 1 'in no executable segment' "$tmp/program" 0
refuses 1 'not an ELF' "$tmp/program.c"
refuses 1 'cannot open' "$tmp/no-such"
mkfifo "$tmp/fifo"
refuses 1 'not an ELF' "$tmp/fifo"
head -c 100 "$tmp/program" >"$tmp/cut"
refuses 1 'cannot read' "$tmp/cut"

# Bytes of .eh_frame overwritten: the file is read, the damage is counted.
cp "$tmp/static" "$tmp/damaged"
offset=$(readelf -SW "$tmp/damaged" | sed 's/^ *\[ *[0-9]*\] *//' | awk '$1 == ".eh_frame" { print "0x" $4 }')
head -c 2000 /dev/zero | tr '\0' '\377' |
	dd of="$tmp/damaged" bs=1 seek=$((offset + 3000)) conv=notrunc 2>/dev/null
"$WICK" dump unwind --json "$tmp/damaged" | jq -e '.damaged > 0 and .functions > 10' >/dev/null ||
	fail "a damaged .eh_frame: $("$WICK" dump unwind "$tmp/damaged")"
