#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Room for less than what runs: the rows that were not used for longest go, and come back when they are
# used again; what finds no room is walked by frame pointer and counted; the ledger stays exact.
. "$(dirname "$0")/lib.sh"
need_bpf

# whole_part FILE: % of the samples in rows_work that reach the root.
whole_part()
{
	folded "$1" "$tmp/part.folded"
	percent "$(folded_count "$tmp/part.folded" ';_start;.*;main;rows_work')" \
		"$(folded_count "$tmp/part.folded" ';rows_work')"
}

# 160,000 rows each; there is room for 262,144. Each runs long enough for the other to be forgotten.
cat >"$tmp/in-turn" <<'END'
for program in rows_a rows_b rows_a; do
	"$1/$program" 600 >/dev/null &
	sleep 6
	kill $!
	wait
done
true
END
"$WICK" record --user -F 199 --unwind-memory 1M --debug -o "$tmp/turn.pb.gz" \
	-- bash "$tmp/in-turn" "$FIXTURES" >"$tmp/wick.out" 2>"$tmp/wick.err" || fail "wick record failed"
ledger_exact "$tmp/turn.pb.gz"
evictions=$(sed -n 's/.*unwind: evictions \([0-9]*\),.*/\1/p' "$tmp/wick.err")
at_least "evictions" "${evictions:-0}" 2
at_least "no_tables" "$(report "$tmp/turn.pb.gz" '.ledger.cut.no_tables // 0')" 1
"$WICK" convert "$tmp/turn.pb.gz" -o "$tmp/turn.folded"
for program in rows_a rows_b; do
	grep "^$program;" "$tmp/turn.folded" >"$tmp/part.folded" || fail "no samples of $program"
	at_least "$program: whole, %" "$(percent \
		"$(folded_count "$tmp/part.folded" ';_start;.*;main;rows_work')" \
		"$(folded_count "$tmp/part.folded" ';rows_work')")" 20
done

# All at once: what is in use stays, nothing is lost or counted twice.
mixed_load
start rows_a 600
start rows_b 600
record -a -F 499 --unwind-memory 1M -d 6 -o "$tmp/full.pb.gz"
finish none
ledger_exact "$tmp/full.pb.gz"
at_least "no_tables" "$(report "$tmp/full.pb.gz" '.ledger.cut.no_tables // 0')" 1
grep -o 'no room for rows[^"]*' <("$WICK" report "$tmp/full.pb.gz" --json) ||
	fail "it does not say that there was no room"
