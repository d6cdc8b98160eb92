#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The children that meet foreign bytes hold no capabilities: the parser and the server.
. "$(dirname "$0")/lib.sh"
need_bpf
command -v strace >/dev/null || skip "needs strace"

# powers PID: "CapEff CapPrm uid"
powers()
{
	awk '/^Cap(Eff|Prm):/ { print $2 } /^Uid:/ { uid = $2 } END { print uid }' \
		"/proc/$1/status" | paste -sd ' '
}
powerless='^0000000000000000 0000000000000000 [1-9]'

# Parser children live for milliseconds: hold each one at its exit (system call 231, or 94) to look.
start burn_fp 600
strace -f -qq -o /dev/null -e trace=exit_group -e inject=exit_group:delay_enter=300000 \
	"$WICK" record -p "$pid" -d 2 -o "$tmp/out.pb.gz" 2>"$tmp/wick.err" &
strace=$!
children+=("$strace")
seen=0
while kill -0 "$strace" 2>/dev/null; do
	for cmdline in $(grep -lszx -- --parser-child /proc/[0-9]*/cmdline); do
		parser=${cmdline%/cmdline}
		grep -Eqs '^(231|94) ' "$parser/syscall" || continue
		have=$(powers "${parser#/proc/}" 2>/dev/null) || continue
		[ -e "$parser" ] || continue
		[[ $have =~ $powerless ]] || fail "a parser child holds $have"
		((++seen))
	done
	sleep 0.02
done
wait "$strace" || fail "wick record exited with $?"
at_least "looks at parser children" "$seen" 1

foreground "$WICK" serve --listen 127.0.0.1:0 "$tmp/out.pb.gz" >"$tmp/url" 2>&1 &
wick=$!
children+=("$wick")
wait_until grep -q 'http://127.0.0.1:' "$tmp/url"
seen=0
for child in $(cat "/proc/$wick"/task/*/children); do
	have=$(powers "$child")
	[[ $have =~ $powerless ]] || fail "the server child holds $have"
	((++seen))
done
at_least "server children" "$seen" 1
kill -INT "$wick"
wait "$wick" || fail "wick serve exited with $?"
