#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Signals and full disks: a file is whole, or the old one.
. "$(dirname "$0")/lib.sh"
need_bpf
start burn_fp 600

for signal in INT TERM; do
	record -a -F 99 -o "$tmp/$signal.pb.gz"
	until_cpu "$pid" 0.3
	finish "$signal"
	ledger_exact "$tmp/$signal.pb.gz"
done

# The second Ctrl-C quits: whenever it comes, there is a whole file or none.
mkdir "$tmp/twice"
record -a -F 999 -o "$tmp/twice/out.pb.gz"
until_cpu "$pid" 0.3
kill -INT "$wick"
kill -INT "$wick" 2>/dev/null || true
wait "$wick" || true
[ ! -e "$tmp/twice/out.pb.gz" ] || ledger_exact "$tmp/twice/out.pb.gz"
near "files left by a quit" "$(find "$tmp/twice" -type f ! -name out.pb.gz | wc -l)" 0 0

# refused STATUS FILE: said before any sampling, by one line and a hint; the command has not run.
refused()
{
	local status=0

	rm -f "$tmp/ran"
	"$WICK" record -o "$2" -- touch "$tmp/ran" 2>"$tmp/wick.err" || status=$?
	near "status for $2" "$status" "$1" 0
	[ ! -e "$tmp/ran" ] || fail "the command was run, though $2 cannot be written"
	near "lines said" "$(grep -vc '^hint: ' "$tmp/wick.err")" 1 0
}
refused 2 "$tmp/out.xyz"
refused 2 "$tmp/out"
refused 1 "$tmp/nowhere/out.pb.gz"

# A full disk and a read-only one, in a mount namespace of their own.
full='mount -t tmpfs -o size=64k full "$1" && echo "old;one 1" >"$1/out.folded" &&
	{ dd if=/dev/zero of="$1/filler" bs=4k 2>/dev/null || true; } &&
	status=0 && { "$2" record -a -F 999 -d 1 -o "$1/out.folded" || status=$?; } &&
	echo "status $status" && ls "$1" && cat "$1/out.folded"'
mkdir "$tmp/full"
unshare -m bash -c "$full" full "$tmp/full" "$WICK" >"$tmp/full.out" 2>"$tmp/wick.err" ||
	fail "cannot set up a full tmpfs"
near "what a full disk leaves" "$(tr '\n' ' ' <"$tmp/full.out" | grep -cx \
	'status 1 filler out.folded old;one 1 ')" 1 0
unshare -m bash -c 'mount -t tmpfs -o ro none "$1" && ! "$2" record -o "$1/a.pb.gz" -- touch "$3"' \
	ro "$tmp/full" "$WICK" "$tmp/ran" 2>"$tmp/wick.err" || fail "wrote to a read-only disk"
[ ! -e "$tmp/ran" ] || fail "the command was run, though the disk is read-only"
