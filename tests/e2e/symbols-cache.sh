#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The second recording takes names from the cache: no child reads the program again, the names are the same;
# a program that was built anew is read anew.
. "$(dirname "$0")/lib.sh"
need_bpf
command -v strace >/dev/null || skip "needs strace"

cp "$FIXTURES/inlined_fp" "$tmp/program"
# take NAME: records the program into NAME.pb.gz; children that were asked for an index in $indexed.
take()
{
	"$tmp/program" 600 >"$tmp/ready" &
	pid=$!
	children+=("$pid")
	wait_until grep -q '^ready' "$tmp/ready"
	strace -f -qq -e trace=execve,sendmsg -o "$tmp/trace" \
		"$WICK" record --user -p "$pid" -F 499 -d 3 -o "$tmp/$1.pb.gz" 2>"$tmp/wick.err" ||
		fail "wick record exited with $?"
	kill -KILL "$pid"
	: >"$tmp/ready"
	folded "$tmp/$1.pb.gz" "$tmp/$1.folded"
	indexed=$(grep -Ec '(parser-child", |iov_base=)"(index|symbols)' "$tmp/trace") || :
	at_least "$1: samples in the inlined call" \
		"$(folded_count "$tmp/$1.folded" ';main;outer;middle;innermost;spin$')" 50
}

take cold
at_least "children that read files, cold" "$indexed" 1
take warm
near "children that read files, warm" "$indexed" 0 0
cp "$tmp/program" "$tmp/other"
mv "$tmp/other" "$tmp/program"
take anew
at_least "children that read files, for a new file" "$indexed" 1
[ "$(stat -c %a "$WICK_SYMBOL_CACHE")" = 700 ] || fail "the cache's directory is open to others"
