#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Each missing right is named, with what it costs.
. "$(dirname "$0")/lib.sh"
need_bpf
command -v setpriv >/dev/null || skip "needs setpriv"

install -m 755 "$WICK" "$tmp/wick"
mkdir "$tmp/out"
chmod 755 "$tmp"
chown 1:1 "$tmp/out"
start burn_fp 600

# without CAPABILITY STATUS: as a service runs, with a uid of its own and ambient capabilities: the six
# that wick asks for, less one.
without()
{
	local set=-all cap status=0

	for cap in bpf perfmon sys_ptrace syslog checkpoint_restore dac_read_search; do
		[ "$cap" = "$1" ] || set+=",+$cap"
	done
	rm -f "$tmp/out/a.pb.gz"
	setpriv --reuid=1 --regid=1 --clear-groups --inh-caps="$set" --ambient-caps="$set" \
		--bounding-set="$set" \
		"$tmp/wick" record -a -F 999 -d 1 -o "$tmp/out/a.pb.gz" 2>"$tmp/wick.err" || status=$?
	near "status without $1" "$status" "$2" 0
	[ "$1" = none ] || grep -qi "cap_$1" "$tmp/wick.err" || fail "CAP_${1^^} is not named"
	[ "$2" = 0 ] || [ ! -e "$tmp/out/a.pb.gz" ] || fail "a file without $1"
	[ "$2" != 0 ] || ledger_exact "$tmp/out/a.pb.gz"
}

without none 0
folded "$tmp/out/a.pb.gz" "$tmp/out.folded"
at_least "named with the six rights" "$(folded_count "$tmp/out.folded" ';main;cycle;seventy')" 100
without bpf 1
without perfmon 1
for cap in sys_ptrace syslog checkpoint_restore dac_read_search; do
	without "$cap" 0
done

status=0
setpriv --reuid=1 --regid=1 --clear-groups \
	"$tmp/wick" record -a -d 1 -o "$tmp/out/none.pb.gz" 2>"$tmp/wick.err" || status=$?
near "status without any" "$status" 1 0
grep -q '^hint: ' "$tmp/wick.err" || fail "no hint"
