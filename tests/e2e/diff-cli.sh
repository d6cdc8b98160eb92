#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# wick diff on the command line: inputs, outputs, denominators, the gate's exit status, what is refused.
. "$(dirname "$0")/lib.sh"
[ -x "$WICK" ] || fail "no program at $WICK: build it first"
cd "$tmp"

steady=$(for i in $(seq 12); do echo "app;main;steady_$i $((3000 + i))"; done)
printf '%s\napp;main;s 4000\n' "$steady" >a.folded
printf '%s\napp;main;s 6000\n' "$steady" >b.folded
"$WICK" convert a.folded -o a.pb.zst
"$WICK" convert b.folded -o b.pb.gz

# refuses STATUS REGEX ARG..
refuses()
{
	local want=$1 regex=$2 status=0

	"$WICK" diff "${@:3}" >out 2>wick.err || status=$?
	[ "$status" = "$want" ] || fail "'wick diff ${*:3}' exited with $status, not $want"
	grep -Eq "^wick: .*$regex" wick.err || fail "'wick diff ${*:3}' does not say '$regex'"
}

refuses 2 'no profiles to compare'
refuses 2 'two profiles' a.folded
refuses 2 'two profiles' a.folded b.folded a.folded
refuses 2 'no profiles to compare' --before a.folded
refuses 2 'two profiles' --before a.folded --after b.folded -- a.folded
refuses 2 'unknown extension' a.folded b.folded -o x.png
refuses 2 'takes share or cores' --per hour a.folded b.folded
refuses 2 'a number from 0 to 1' --alpha 2 a.folded b.folded
refuses 2 'between 0 and 1' --alpha 0 a.folded b.folded
refuses 2 'work is known of one side' --work-before 5 -- a.folded b.folded
refuses 2 'not as many' --work-before 5 6 --work-after 1 --before a.folded --after b.folded
refuses 2 'a number above 0' --work-before 0 --work-after 1 --before a.folded --after b.folded
refuses 2 'a number above 0' --work-before 1e --work-after 1 --before a.folded --after b.folded
refuses 2 'regular expression' --allow '(' a.folded b.folded
refuses 1 'does not say for how long' --per cores a.folded b.folded
refuses 1 'No such file' a.folded missing.folded
refuses 1 'No such file or directory' a.folded b.folded -o missing/x.json
echo 'a;b 0' >empty.folded
refuses 1 'no samples' empty.folded b.folded
refuses 3 "gate: 's' is slower" a.folded b.folded --fail-above 10
refuses 3 "gate: 's' is slower" --fail-above 10 --before a.pb.zst --after b.pb.gz

# passes ARG..
passes()
{
	"$WICK" diff "$@" >out 2>wick.err || fail "'wick diff $*' exited with $?"
}

passes a.folded b.folded
grep -Eq '^slower +[0-9.]+ % +[0-9.]+ % .* s( |$)' out || fail "the slow function is not told"
[ "$(wc -l <out)" -le 40 ] || fail "more than a screen: $(wc -l <out) lines"
[ "$(awk '{ if (length > m) m = length } END { print m }' out)" -le 140 ] || fail "lines are too long"
passes b.folded a.folded --fail-above 0
passes a.folded a.folded --fail-above 0 --min-share 0
passes a.folded b.folded --fail-above 60
passes a.folded b.folded --fail-above 10 --allow '^s$'
passes a.folded b.folded --all
[ "$(grep -c 'steady_' out)" = 12 ] || fail "--all does not show all"

# Formats of input do not matter, and the same input gives the same output.
passes a.folded b.folded --json
cp out first.json
passes a.pb.zst b.pb.gz -o second.json
cmp -s first.json second.json || fail "formats of input make a difference"
"$WICK" diff a.folded b.folded -o - | cmp -s - <("$WICK" diff a.folded b.folded) || fail "-o -"

# Every output is what it says, and holds the slow function.
for form in json md txt folded svg html; do
	passes a.folded b.folded -o "out.$form"
	[ ! -s out ] || fail "-o out.$form writes to stdout, too"
	grep -q 'steady_3' "out.$form" || [ $form = md ] || [ $form = html ] || [ $form = txt ] ||
		fail "no functions in out.$form"
done
jq -e '.schema == 1 and (.functions[0] | .name == "s" and .verdict == "slower")' out.json >/dev/null ||
	fail "the JSON does not begin with what is slower"
grep -q '^| slower | s | ' out.md || fail "the Markdown has no line of what is slower"
grep -qx 'app;main;s 4000 6000' out.folded || fail "the folded text has no two columns"
[ "$(awk '{ a += $(NF - 1); b += $NF } END { print a, b }' out.folded)" = \
	"$(folded_total a.folded) $(folded_total b.folded)" ] || fail "the folded text's sums"
"$WICK" diff a.folded b.folded --fail-above 10 --json >gated.json 2>wick.err || [ $? = 3 ]
jq -e '.gate | .offenders == ["s"] and .fail_above == 0.1 and .whole == false' gated.json >/dev/null ||
	fail "the gate in JSON"

# Each field of the JSON is documented, and each that is documented is there.
jq -r 'paths | map(strings) | .[-1] // empty' gated.json | sort -u >fields
doc=$tree/packaging/wick-diff-json.md
grep -o '`[a-z_]*`' "$doc" | tr -d '`' | sort -u >mentioned
sed -n 's/^| \(`[^|]*\) |.*/\1/p' "$doc" | grep -o '`[a-z_]*`' | tr -d '`' | sort -u >documented
[ -z "$(comm -23 fields mentioned)" ] || fail "not documented: $(comm -23 fields mentioned | xargs)"
[ -z "$(comm -13 fields documented)" ] || fail "not there: $(comm -13 fields documented | xargs)"

# Several files on one side, one on the other.
"$WICK" diff --before a.folded a.pb.zst --after b.folded --json >out
jq -e '.before.profiles == 2 and .after.profiles == 1 and .before.spread == 0' out >/dev/null ||
	fail "several files on one side"

# Per core and per unit of work: the recorded sample of the corpus lasts 10 s.
cp "$tree/tests/fuzz/corpus/pprof/sample.pb.gz" c.pb.gz
"$WICK" report c.pb.gz --json >report
"$WICK" diff c.pb.gz c.pb.gz --per cores --json --min-samples 0 >out
jq -e --slurpfile r report '(.whole.rate.before - $r[0].cpu_ns / 1e9 / $r[0].duration_s) | fabs < 1e-6' out \
	>/dev/null || fail "cores are not CPU seconds a second"
"$WICK" diff --before c.pb.gz --after c.pb.gz --work-before 100 --work-after 50 --json --min-samples 0 >out
jq -e --slurpfile r report '(.whole.rate.after - $r[0].cpu_ns / 1e9 / 50) | fabs < 1e-9' out \
	>/dev/null || fail "work is not CPU seconds each"
jq -e '.whole.growth == 1' out >/dev/null || fail "half the work is not twice the cost"
echo "inputs, outputs and refusals are right"
