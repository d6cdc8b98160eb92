#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Processes that live for 5-20 ms are named like any others, also after they have gone.
. "$(dirname "$0")/lib.sh"
need_bpf

for variant in fp static; do
	record -a -F 999 -o "$tmp/short.pb.gz"
	"$FIXTURES/forker_$variant" 150 >/dev/null || [ $? = 3 ]
	"$FIXTURES/execer_fp" 150
	finish
	ledger_exact "$tmp/short.pb.gz"
	folded "$tmp/short.pb.gz" "$tmp/short.folded"
	grep -E "^(forker_$variant|execer_fp);" "$tmp/short.folded" >"$tmp/ours.folded"
	total=$(folded_total "$tmp/ours.folded")
	named=$(folded_count "$tmp/ours.folded" ';main;.*(forked_work|execed_work)|;main;life')
	at_least "$variant: samples" "$total" 1500
	# The rest is the kernel's and the loader's work of fork, exec and exit.
	at_least "$variant: named to main, %" "$(percent "$named" "$total")" 75
	near "$variant: samples in our programs without a name" \
		"$(folded_count "$tmp/ours.folded" ";(forker_$variant|execer_fp)[+]0x")" 0 \
		"$(awk "BEGIN { print $total / 100 }")"
done
