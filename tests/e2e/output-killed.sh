#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A wick that is killed while it writes leaves the old file or the new one, and nothing else for long.
. "$(dirname "$0")/lib.sh"
[ -x "$WICK" ] || fail "no program at $WICK: build it first"
command -v strace >/dev/null || skip "needs strace"
strace -o /dev/null true 2>/dev/null || skip "nothing may be traced here"

mkdir "$tmp/out"
printf 'main;old 1\n' >"$tmp/old.folded"
for ((i = 0; i < 2000; i++)); do echo "main;f$i;g$((i * 7919 % 2000)) $((i + 1))"; done >"$tmp/new.folded"

# Killed at each of the calls that make, fill and place the file.
killed=0
for call in openat write fsync linkat renameat; do
	for ((when = 1; when <= 40; when++)); do
		cp "$tmp/old.folded" "$tmp/out/a.folded"
		status=0
		strace -f -o /dev/null -e "inject=$call:signal=KILL:when=$when" \
			"$WICK" convert "$tmp/new.folded" -o "$tmp/out/a.folded" 2>/dev/null || status=$?
		[ "$status" != 0 ] || break # no such call any more
		cmp -s "$tmp/out/a.folded" "$tmp/old.folded" ||
			[ "$(folded_total "$tmp/out/a.folded")" = 2001000 ] || fail "half a file after $call $when"
	done
	killed=$((killed + when - 1))
done
at_least "times killed" "$killed" 10

# The next one sweeps up, but not what another wick is writing, nor what is no file of wick's.
"$WICK" convert "$tmp/new.folded" -o "$tmp/out/a.folded"
near "files left" "$(find "$tmp/out" -type f | wc -l)" 1 0
touch "$tmp/out/.wick-0123456789abcdef.tmp" "$tmp/out/.wick-0123456789abcde.tmp" "$tmp/out/.wick-x.tmp"
ln -s /dev/null "$tmp/out/.wick-00000000000000aa.tmp"
exec 9>"$tmp/out/.wick-fedcba9876543210.tmp"
flock -n 9
"$WICK" convert "$tmp/new.folded" -o "$tmp/out/b.folded"
near "what is left" "$(find "$tmp/out" -mindepth 1 -printf '%f\n' | sort | tr '\n' ' ' | grep -cx \
	'.wick-00000000000000aa.tmp .wick-0123456789abcde.tmp .wick-fedcba9876543210.tmp .wick-x.tmp a.folded b.folded ')" 1 0
exec 9>&-
