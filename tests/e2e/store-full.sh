#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# No room: the disk full at write and at fsync, no inodes left, read only. Sampling goes on, what finds no
# room in memory either is counted, and the store is written again within 10 s of the fault's end.
. "$(dirname "$0")/lib.sh"
need_bpf

mkdir "$tmp/fs"
mount -t tmpfs -o size=3M,nr_inodes=64 none "$tmp/fs" 2>/dev/null || skip "cannot mount a tmpfs"
at_exit+=("umount -l $tmp/fs")
store=$tmp/fs/store

slices()
{
	find "$store" -maxdepth 1 -name '*-slice-*.pb.gz' | wc -l
}

more_than() # COUNT
{
	[ "$(slices)" -gt "$1" ]
}

# recovers WHAT: new slices come within 10 s.
recovers()
{
	local have began=$SECONDS

	have=$(slices)
	wait_until more_than "$have"
	wait_until grep -q 'is written again' "$tmp/wick.err"
	[ $((SECONDS - began)) -le 10 ] || fail "$1: written again only after $((SECONDS - began)) s"
	echo "$1: written again after $((SECONDS - began)) s"
	: >"$tmp/wick.err"
}

agent()
{
	foreground "$WICK" agent --store "$store" --listen 127.0.0.1:0 -F 199 --epoch 0.5 --slice 1 \
		--backlog-bytes 40K >"$tmp/wick.out" 2>"$tmp/wick.err" &
	agent=$!
	children+=("$agent")
}

stop()
{
	kill -INT "$agent"
	wait "$agent" || fail "the agent ended with status $?"
}

refused() # WHAT
{
	wait_until grep -q "cannot write to the store" "$tmp/wick.err"
	kill -0 "$agent" || fail "$1: the agent has ended"
}

# A full disk before the first slice: nothing of ours could make room.
head -c 4M /dev/zero >"$tmp/fs/filler" 2>/dev/null || true
start burn_fp 600
agent
refused "full"
wait_until grep -q 'are lost so far, and counted' "$tmp/wick.err"
rm "$tmp/fs/filler"
recovers "full"

# Linux makes no file system read only under a file that is open for writing: it is so from the start.
stop
mount -o remount,ro "$tmp/fs"
agent
refused "read only"
mount -o remount,rw "$tmp/fs"
recovers "read only"

i=0
while : >"$tmp/fs/inode-$i"; do i=$((i + 1)); done 2>/dev/null
# Retention makes room for itself here: what is rolled up or oldest goes.
have=$(find "$store" -maxdepth 1 -name '*.pb.gz' -newer "$tmp/fs/inode-0" | wc -l)
newer()
{
	[ "$(find "$store" -maxdepth 1 -name '*.pb.gz' -newer "$tmp/fs/inode-0" | wc -l)" -gt "$have" ] ||
		grep -q "cannot write to the store" "$tmp/wick.err"
}
wait_until newer
kill -0 "$agent" || fail "no inodes: the agent has ended"
rm "$tmp/fs/inode-"*
began=$SECONDS
latest=$(find "$store" -maxdepth 1 -name '*-slice-*.pb.gz' -printf '%f\n' | sort | tail -1)
has_later()
{
	[[ $(find "$store" -maxdepth 1 -name '*-slice-*.pb.gz' -printf '%f\n' | sort | tail -1) > $latest ]]
}
wait_until has_later
[ $((SECONDS - began)) -le 10 ] || fail "no inodes: written again only after $((SECONDS - began)) s"
echo "no inodes: written again after $((SECONDS - began)) s"

stop
"$WICK" store check "$store" || fail "the store does not check"
"$WICK" export --store "$store" -o "$tmp/all.pb.gz" || fail "export"
ledger_exact "$tmp/all.pb.gz"
lost=$(jq '.ledger.dropped.store // 0' "$tmp/report.json")
[ "$lost" -gt 0 ] || fail "no sample is counted as lost"
echo "$lost samples were lost and counted"
