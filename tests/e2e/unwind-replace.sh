#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Libraries replaced under their name (by rename) while processes load the old and the new: each is
# walked by the rows of the file that it has mapped. The three differ in every frame.
. "$(dirname "$0")/lib.sh"
need_bpf

cp "$FIXTURES/libplugin1.so" "$tmp/libplugin.so"
start mapper_nofp 600 "$tmp/libplugin.so"
pids=$pid
start mapper_nofp 600 "$tmp/libplugin.so" "$FIXTURES/libplugin2.so"
pids+=,$pid
record --user -p "$pids" -F 999 -o "$tmp/replace.pb.gz"
for i in $(seq 1 40); do
	cp "$FIXTURES/libplugin$((i % 3 + 1)).so" "$tmp/new.so"
	mv "$tmp/new.so" "$tmp/libplugin.so"
	sleep 0.1
done
until_cpu "$pid" 2
finish
ledger_exact "$tmp/replace.pb.gz"
folded "$tmp/replace.pb.gz" "$tmp/replace.folded"
for i in 1 2 3; do
	total=$(folded_count "$tmp/replace.folded" ";plugin_inner_$i(;|\$)")
	rooted=$(folded_count "$tmp/replace.folded" \
		";_start;.*;main;round_trip;plugin_work;plugin_inner_$i(;|\$)")
	at_least "samples in plugin_inner_$i" "$total" 100
	at_least "of them whole, %" "$(percent "$rooted" "$total")" 98
done
