#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Code that comes and goes: libraries loaded one after the other at the same addresses; and calls bound
# when they are first made, through the PLT and the dynamic linker's resolver.
. "$(dirname "$0")/lib.sh"
need_bpf

start mapper_nofp 600 "$FIXTURES"/libplugin{1,2,3}.so
mapper=$pid
start lazy_nofp 600 "$FIXTURES/liblazy.so"
record --user -p "$mapper,$pid" -F 999 -o "$tmp/libraries.pb.gz"
until_each_cpu 4 "$mapper" "$pid"
finish
ledger_exact "$tmp/libraries.pb.gz"
folded "$tmp/libraries.pb.gz" "$tmp/libraries.folded"

# Loading itself is a few samples in the dynamic linker, rooted as well.
linker='(libc|ld-)[^;]*|_?_?dl[^;]*|mem[a-z]*|str[a-z]*|_?_?(mmap|munmap|mprotect|open|close|read|pread|fstat|malloc|free|calloc|realloc|tls|libc|rtld)[^;]*'
whole "$tmp/libraries.folded" mapper_nofp \
	"START main round_trip plugin_work plugin_inner_[123]" \
	"START main round_trip ($linker)#+"
for i in 1 2 3; do
	at_least "plugin_inner_$i" "$(folded_count "$tmp/libraries.folded" \
		";main;round_trip;plugin_work;plugin_inner_$i")" 500
done

whole "$tmp/libraries.folded" lazy_nofp \
	"START main round_trip lazy_all (lazy_..|.*@plt|liblazy\.so\+0x[0-9a-f]+)#?" \
	"START main round_trip lazy_all (ld-[^;]*|_dl[^;]*)#+" \
	"START main round_trip ($linker)#+"
at_least "in the resolver" "$(folded_count "$tmp/libraries.folded" ';lazy_all;(ld-|_dl)')" 100
at_least "in the PLT or a stub's end" "$(folded_count "$tmp/libraries.folded" \
	';lazy_all;(lazy_..|.*@plt|liblazy)')" 100
