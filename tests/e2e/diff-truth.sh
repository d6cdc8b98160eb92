#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two builds of a program whose differences are known, recorded in several runs a side: signs, intervals
# and verdicts are right.
. "$(dirname "$0")/lib.sh"
need_bpf

RUNS=6 CYCLES=100
for side in before after; do # a new build has the old one's name
	mkdir "$tmp/$side"
	cp "$FIXTURES/deploy_$side" "$tmp/$side/deploy"
done
for run in $(seq $RUNS); do
	for side in before after; do # in turns: what else the machine does hits both
		"$WICK" record -F 4999 -o "$tmp/$side-$run.pb.gz" -- "$tmp/$side/deploy" $CYCLES \
			2>"$tmp/wick.err" || fail "cannot record"
	done
done

compare()
{
	"$WICK" diff --before "$tmp"/before-*.pb.gz --after "$tmp"/after-*.pb.gz --alpha 0.01 "$@"
}
work=(--work-before $((RUNS * CYCLES)) --work-after $((RUNS * CYCLES)))
compare --json >"$tmp/share.json" || fail "cannot compare"
compare --json "${work[@]}" >"$tmp/work.json" || fail "cannot compare by work"
compare
# An interval of 95 % fails in one run of 20 by its nature: these are of 99.9 %.
compare --json --alpha 0.001 >"$tmp/share-intervals.json"
compare --json --alpha 0.001 "${work[@]}" >"$tmp/work-intervals.json"

# check FILE NAME JQ-EXPRESSION
check()
{
	jq -er --arg name "$2" ".functions[] | select(.name == \$name) | $3" "$1" ||
		fail "$2: $3 is not so: $(jq -c --arg name "$2" \
			'.functions[] | select(.name == $name)' "$1")"
}

# covers FILE NAME LOW HIGH TRUTH: the truth lies within the interval, which does not hold everything.
covers()
{
	check "$1" "$2" ".self | .difference > 0" >/dev/null
	check "$1" "$2" ".self | .$3 <= $5 and $5 <= .$4 and .$4 - .$3 < 3 * $5" >/dev/null
	echo "$2 covers $5: $(check "$1" "$2" ".self | [.$3, .$4] | tostring")"
}

covers "$tmp/share-intervals.json" slow_thirty low high "$(awk 'BEGIN { print 13 / 114 - 10 / 105 }')"
covers "$tmp/work-intervals.json" slow_thirty growth_low growth_high 0.3
check "$tmp/work-intervals.json" slow_ten '.self | .growth_low <= 0.1 and 0.1 <= .growth_high and .difference > 0' >/dev/null
check "$tmp/share.json" slow_ten '.self | .difference > 0' >/dev/null

for file in share work; do
	for pair in slow_thirty:slower removed:gone added:new old_name:moved new_name:moved \
		part:moved whole:moved steady_{1,2,3,4,5}:'no evidence'; do
		check "$tmp/$file.json" "${pair%:*}" ".verdict == \"${pair#*:}\"" >/dev/null
	done
	check "$tmp/$file.json" new_name '.moved == ["old_name"]' >/dev/null
	check "$tmp/$file.json" part '.moved == ["whole"]' >/dev/null
done
echo "verdicts are right, by share and by work"

# The gate: what is slower, and nothing else; what is allowed passes.
gate()
{
	local status=0

	compare --fail-above 5 "$@" >/dev/null 2>"$tmp/gate" || status=$?
	echo $status
}
[ "$(gate)" = 3 ] || fail "the gate is open"
grep -q "^wick: gate: 'slow_thirty' is slower" "$tmp/gate" || fail "the gate does not name slow_thirty"
grep -q "'added' is new" "$tmp/gate" || fail "the gate does not name what is new"
! grep -Ev "'(slow_ten|slow_thirty|added)'" "$tmp/gate" || fail "the gate names others"
[ "$(gate --allow '^(slow_|added$)')" = 0 ] || fail "what is allowed does not pass"
[ "$(gate --min-share 90)" = 0 ] || fail "--min-share does not count"
echo "the gate names what is slower"
