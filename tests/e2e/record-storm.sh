#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Forks and execs without end, rings and stack maps of the smallest size: the ledger stays exact.
. "$(dirname "$0")/lib.sh"
need_bpf
for i in 1 2; do
	"$FIXTURES/execer_fp" 1000000 0 & children+=($!)
done
start burn_fp 600
mixed_load

for sizes in "4096 16" "65536 2048"; do
	set -- $sizes
	record -a -F 999 --ring-bytes "$1" --stack-entries "$2" -d 6 -o "$tmp/storm.pb.gz"
	finish none
	echo "rings of $1 bytes, $2 stacks:"
	ledger_exact "$tmp/storm.pb.gz"
	at_least "samples" "$(jq .samples "$tmp/report.json")" 1
done
