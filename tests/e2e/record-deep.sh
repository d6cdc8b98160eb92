#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A stack beyond the depth limit is cut, is counted as cut by name, and keeps its leaf.
. "$(dirname "$0")/lib.sh"
need_bpf

start deep_fp 600
record -p "$pid" -F 999 -o "$tmp/deep.pb.gz"
until_cpu "$pid" 2
finish
ledger_exact "$tmp/deep.pb.gz"
samples=$(jq .samples "$tmp/report.json")
at_least "samples" "$samples" 1800
cut=$(jq '[.ledger.cut[]] | add // 0' "$tmp/report.json")
at_least "cut stacks, %" "$(percent "$cut" "$samples")" 98
folded "$tmp/deep.pb.gz" "$tmp/deep.folded"
leaf=$(folded_count "$tmp/deep.folded" ';recurse;bottom')
at_least "stacks with their leaf, %" "$(percent "$leaf" "$samples")" 98
