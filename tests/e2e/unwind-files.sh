#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs whose file is not where its name says: unlinked, replaced by another, in a mount namespace of
# its own. Their tables come from what is mapped.
. "$(dirname "$0")/lib.sh"
need_bpf

cp "$FIXTURES/chain_nofp" "$tmp/gone"
cp "$FIXTURES/chain_nofp" "$tmp/replaced"
own=$FIXTURES
FIXTURES=$tmp
start gone 600
gone=$pid
start replaced 600
replaced=$pid
FIXTURES=$own
rm "$tmp/gone"
cp "$FIXTURES/deep_nofp" "$tmp/new"
mv "$tmp/new" "$tmp/replaced"

unshare -m --propagation private bash -c '
	mkdir "$1/hidden" && mount -t tmpfs none "$1/hidden" && cp "$2" "$1/hidden/hidden" &&
	exec "$1/hidden/hidden" 600' bash "$tmp" "$FIXTURES/chain_nofp" >"$tmp/hidden.out" &
hidden=$!
children+=("$hidden")
wait_until grep -q '^ready' "$tmp/hidden.out"

record --user -p "$gone,$replaced,$hidden" -F 999 -o "$tmp/files.pb.gz"
until_each_cpu 2 "$gone" "$replaced" "$hidden"
finish
mostly_complete "$tmp/files.pb.gz" 99.5
folded "$tmp/files.pb.gz" "$tmp/files.folded"
chain=$(printf 'step_%d ' {1..12})
for comm in gone replaced hidden; do
	whole "$tmp/files.folded" "$comm" "START main $chain"
done
