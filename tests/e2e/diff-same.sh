#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same program, 20 times a side, passes the gate at its defaults.
. "$(dirname "$0")/lib.sh"
need_bpf

RUNS=20
for run in $(seq $RUNS); do
	for side in before after; do
		"$WICK" record -F 999 -o "$tmp/$side-$run.pb.gz" -- "$FIXTURES/deploy_before" 45 \
			2>"$tmp/wick.err" || fail "cannot record"
	done
done
status=0
"$WICK" diff --before "$tmp"/before-*.pb.gz --after "$tmp"/after-*.pb.gz --fail-above 5 || status=$?
[ "$status" = 0 ] || fail "the same program does not pass: exit status $status"
