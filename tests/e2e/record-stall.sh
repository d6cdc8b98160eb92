#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The reader stands still for 5 s at 999 Hz: what is lost is counted by name, what is kept is right.
. "$(dirname "$0")/lib.sh"
need_bpf
mixed_load
start burn_fp 600

for ring in "" 4096; do
	record -a -F 999 ${ring:+--ring-bytes "$ring"} -o "$tmp/stall.pb.gz"
	until_cpu "$pid" 0.2
	kill -STOP "$wick"
	sleep 5
	kill -CONT "$wick"
	until_cpu "$pid" 0.2
	finish
	echo "ring of ${ring:-the usual} bytes:"
	ledger_exact "$tmp/stall.pb.gz"
done
jq -e '[.ledger.dropped[]] | add > 0' "$tmp/report.json" >/dev/null ||
	fail "5 s of samples went through a ring of one page"
