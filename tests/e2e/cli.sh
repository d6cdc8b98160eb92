#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The command line's manners: help that fits a screen, one line and a hint for what is wrong, exit codes.
. "$(dirname "$0")/lib.sh"
[ -x "$WICK" ] || fail "no program at $WICK: build it first"
cd "$tmp"

# refuses STATUS ERROR-REGEX ARG..: one error line on stderr, hints behind it, nothing on stdout.
refuses()
{
	local status=0 want=$1 regex=$2

	shift 2
	"$WICK" "$@" >"$tmp/out" 2>"$tmp/wick.err" </dev/null || status=$?
	[ "$status" = "$want" ] || fail "'wick $*' exited with $status, not $want"
	[ ! -s "$tmp/out" ] || fail "'wick $*' wrote to stdout"
	grep -Eq "^wick: .*$regex" "$tmp/wick.err" || fail "'wick $*' does not say '$regex'"
	[ "$(grep -vc '^hint: ' "$tmp/wick.err")" = 1 ] || fail "'wick $*' says more than one line"
	[ "$want" != 2 ] || grep -q '^hint: ' "$tmp/wick.err" || fail "'wick $*' gives no hint"
	! LC_ALL=C grep -q $'[\001-\011\013-\037\177]' "$tmp/wick.err" || fail "raw control bytes"
}

# helps ARG..: help on stdout, of at most 24 lines of 80 columns.
helps()
{
	"$WICK" "$@" --help >"$tmp/help" 2>"$tmp/wick.err" || fail "'wick $* --help' fails"
	[ ! -s "$tmp/wick.err" ] || fail "'wick $* --help' wrote to stderr"
	grep -q "^usage: wick${1:+ }$*" "$tmp/help" || fail "'wick $* --help' names itself otherwise"
	[ "$(wc -l <"$tmp/help")" -le 24 ] || fail "'wick $* --help' is longer than a screen"
	awk 'length > 80 { print; bad = 1 } END { exit bad }' "$tmp/help" ||
		fail "'wick $* --help' is wider than a screen"
}

# The names in a help text's list of commands.
verbs()
{
	"$WICK" "$@" --help | awk '/^  [a-z]/ { print $1 }'
}

"$WICK" --version | grep -Eq '^wick [0-9]+\.[0-9]+\.[0-9]+$' || fail "no version"
helps
for command in $(verbs); do
	helps "$command"
	refuses 2 "unknown option '--no-such'" "$command" --no-such
	refuses 2 "unknown option '-%'" "$command" -%
done
for verb in $(verbs dump); do
	helps dump "$verb"
	refuses 2 "unknown option '--no-such'" dump "$verb" --no-such
done
at_least "commands" "$(verbs | wc -l)" 4
at_least "verbs of dump" "$(verbs dump | wc -l)" 2

refuses 2 "needs a command"
refuses 2 "unknown command 'wick recrod'" recrod
grep -q "did you mean 'wick record'" "$tmp/wick.err" || fail "no suggestion for 'recrod'"
refuses 2 'x1b\[31m' $'\033[31mred'
refuses 2 "needs to know what" dump
refuses 2 "unknown command 'wick dump sytem'" dump sytem
refuses 2 "option '--duration' needs a value" record --duration
refuses 2 "option '--all' takes no value" record --all=1
refuses 2 "takes a time" record -d 0
refuses 2 "takes a number from 1 to 10000" record -F 0
refuses 2 "takes a number from 1 to 10000" record -F 1e3
refuses 2 "cycles" record --event instructions
refuses 2 "exclude" record --kernel --user
refuses 2 "does not go with" record -p 1 -- true
refuses 2 'out\.xyz' record -d 1 -o out.xyz
refuses 1 'no-such-dir' record -d 1 -o no-such-dir/out.pb.gz
refuses 2 "" report
refuses 2 "" convert
[ -z "$(find . -name '*.xyz*' -o -name '*.pb*')" ] || fail "a refused command left a file"

# A profile that is there, as a person may write one, and what becomes of it when it is broken.
printf 'app;main;work 70\napp;main;idle 30\n' >good.folded
"$WICK" convert good.folded -o good.pb.gz || fail "cannot convert"
"$WICK" convert good.folded -o good.pb || fail "cannot convert"
"$WICK" report good.pb.gz --json | jq -e '.samples == 100' >/dev/null || fail "not 100 samples"
"$WICK" report --json -- good.pb.gz | jq -e '.samples == 100' >/dev/null || fail "not 100 samples"

head -c 40 good.pb.gz >cut.pb.gz
head -c -9 good.pb >cut.pb
head -c 4096 /dev/urandom >noise.pb.gz
printf '\037\213' >head.pb.gz
printf 'no count here\n' >noise.folded
: >empty.pb.gz
mkdir directory.pb.gz
for file in missing cut noise head empty directory; do
	refuses 1 "$file\.pb\.gz" report "$file.pb.gz"
	refuses 1 "$file\.pb\.gz" convert "$file.pb.gz" -o out.folded
	refuses 1 "$file\.pb\.gz" dump profile "$file.pb.gz"
done
refuses 1 'cut\.pb' report cut.pb
refuses 1 'noise\.folded' report noise.folded
[ ! -e out.folded ] || fail "a failed conversion left a file"
refuses 2 'out\.xyz' convert good.pb.gz -o out.xyz

# What a pager that was quit, or a closed stderr, does to it.
"$WICK" --help | head -n 1 >"$tmp/first"
grep -q '^usage: wick' "$tmp/first" || fail "no usage line"
status=0
"$WICK" report missing.pb.gz >&- 2>&- <&- || status=$?
near "status with closed descriptors" "$status" 1 0
