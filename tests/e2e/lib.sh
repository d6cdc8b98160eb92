# SPDX-License-Identifier: GPL-2.0-or-later
# What the end-to-end tests share: fixtures, recorders and the ledger. Sourced first; needs bash, jq.
# Environment: BUILD, the build directory (default: build/ of this tree).
# A test exits with 0 = held, 77 = cannot run here (says why), anything else = broken (says what).

set -euo pipefail

tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${BUILD:-$tree/build}
WICK=$BUILD/wick
FIXTURES=$BUILD/tests/fixtures
tmp=$(mktemp -d)
export WICK_SYMBOL_CACHE=$tmp/symbol-cache
children=()
at_exit=()

cleanup()
{
	local status=$? command pid

	trap - EXIT
	for command in "${at_exit[@]}"; do
		eval "$command" || true
	done
	for pid in "${children[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	wait 2>/dev/null || true
	rm -rf "$tmp"
	exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

fail()
{
	echo "FAILED: $*" >&2
	[ ! -s "$tmp/wick.err" ] || sed 's/^/  | /' "$tmp/wick.err" >&2
	exit 1
}

skip()
{
	echo "SKIPPED: $*" >&2
	exit 77
}

# Root with the capabilities that load and attach BPF programs.
need_bpf()
{
	local caps

	[ "$(id -u)" = 0 ] || skip "needs root"
	caps=$((0x$(awk '/^CapEff/ { print $2 }' /proc/self/status)))
	((caps >> 21 & 1)) || ((caps >> 38 & caps >> 39 & 1)) ||
		skip "needs CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN"
	[ -e /sys/kernel/btf/vmlinux ] || skip "needs a kernel with BTF"
	[ -x "$WICK" ] || fail "no program at $WICK: build it first"
}

# Until "$@" succeeds. The limit is only there to end a test that is broken.
wait_until()
{
	local tries=1200

	until "$@"; do
		((tries--)) || fail "waited for 60 s in vain: $*"
		sleep 0.05
	done
}

# start FIXTURE [ARG..]: runs it in the background until the test ends; its pid in $pid.
start()
{
	local out

	out=$(mktemp "$tmp/out.XXXXXX")
	"$FIXTURES/$1" "${@:2}" >"$out" &
	pid=$!
	children+=("$pid")
	wait_until grep -q '^ready' "$out"
}

# CPU seconds that a process has used.
cpu_of()
{
	awk '{ print ($14 + $15) / 100 }' "/proc/$1/stat" || fail "process $1 has ended"
}

# until_cpu PID SECONDS: waits until the process has used so much more CPU time, however long it takes.
until_cpu()
{
	local from

	from=$(cpu_of "$1")
	until awk -v now="$(cpu_of "$1")" -v from="$from" -v want="$2" \
		'BEGIN { exit !(now - from >= want) }'; do
		kill -0 "$1" 2>/dev/null || fail "process $1 has ended"
		sleep 0.1
	done
}

# Shells start background programs with SIGINT ignored: start this one as a terminal would.
foreground()
{
	exec env --default-signal=INT "$@"
}

# Two events a CPU are for process records, from the start; one more when it samples.
attached()
{
	kill -0 "$1" 2>/dev/null || return 0 # let the caller see how it ended
	[ "$(find "/proc/$1/fd" -lname 'anon_inode:*perf_event*' 2>/dev/null | wc -l)" -gt $((2 * $(nproc))) ]
}

# record ARG..: starts `wick record` in the background and waits until it samples; its pid in $wick.
record()
{
	foreground "$WICK" record "$@" >"$tmp/wick.out" 2>"$tmp/wick.err" &
	wick=$!
	children+=("$wick")
	wait_until attached "$wick"
}

# finish [SIGNAL]: ends the recorder (default SIGINT), or waits for its end ("none"): status must be 0.
finish()
{
	local status=0

	[ "${1:-}" = none ] || kill "-${1:-INT}" "$wick" 2>/dev/null || true
	wait "$wick" || status=$?
	[ "$status" = 0 ] || fail "wick record exited with $status"
}

# report FILE JQ-EXPRESSION
report()
{
	"$WICK" report "$1" --json | jq -er "$2"
}

folded()
{
	"$WICK" convert "$1" -o "$2" || fail "cannot convert $1 to $2"
}

# The sum of a folded file's counts.
folded_total()
{
	awk '{ total += $NF } END { print total + 0 }' "$1"
}

# folded_count FILE REGEX: the samples whose stack matches.
folded_count()
{
	regex=$2 awk '{ n = $NF; sub(/ [0-9]+$/, "") } $0 ~ ENVIRON["regex"] { total += n }
		END { print total + 0 }' "$1"
}

# near WHAT GOT WANTED TOLERANCE
near()
{
	awk -v got="$2" -v want="$3" -v by="$4" 'BEGIN { d = got - want; exit !(d <= by && -d <= by) }' ||
		fail "$1: $2, not $3 within $4"
	echo "$1: $2 (wanted $3 within $4)"
}

# at_least WHAT GOT WANTED
at_least()
{
	awk -v got="$2" -v want="$3" 'BEGIN { exit !(got >= want) }' || fail "$1: $2, less than $3"
	echo "$1: $2 (wanted at least $3)"
}

# percent PART WHOLE
percent()
{
	awk -v part="$1" -v whole="$2" 'BEGIN { printf "%.2f\n", whole ? 100 * part / whole : 0 }'
}

# The ledger of FILE adds up, exactly, and the file holds as many samples as were written.
ledger_exact()
{
	"$WICK" report "$1" --json >"$tmp/report.json" || fail "cannot read $1"
	jq -c .ledger "$tmp/report.json"
	jq -e '.ledger | .taken == .written + ([.dropped[]] | add // 0)' "$tmp/report.json" \
		>/dev/null || fail "taken is not written + dropped"
	jq -e '.ledger | .written == .complete + ([.cut[]] | add // 0)' "$tmp/report.json" \
		>/dev/null || fail "written is not complete + cut"
	folded "$1" "$tmp/ledger.folded"
	jq -e --argjson sum "$(folded_total "$tmp/ledger.folded")" \
		'.ledger.written == $sum and .samples == $sum' "$tmp/report.json" >/dev/null ||
		fail "the sum of the values is not written"
}

# Both CPUs busy with a bit of everything, until the test ends.
mixed_load()
{
	start burn_fp 600
	start syscalls_fp 600
	start cpp_nofp 600
	start deep_fp 600
	start mapper_fp 600 "$FIXTURES/libplugin.so"
	(trap 'kill $! 2>/dev/null; exit' TERM
		while :; do "$FIXTURES/forker_fp" 50 >/dev/null & wait $! || :; done) &
	at_exit+=("kill -TERM $!")
}

# labelled FILE KEY VALUE: the samples that carry the label.
labelled()
{
	"$WICK" dump profile "$1" --json >"$tmp/dump.json" || fail "cannot dump $1"
	jq --arg key "$2" --arg value "$3" \
		'[.samples[] | select(.labels[] | .key == $key and ((.string // .number) | tostring) == $value)
			| .values[0]] | add // 0' "$tmp/dump.json"
}

# whole FOLDED COMM PATH..: at least 99.5 % of the stacks of COMM are one of the PATHs (see whole.py),
# of at least 1000 samples.
whole()
{
	"$tree/tests/e2e/whole.py" --comm "$2" --samples "${samples:-1000}" --least "${least:-99.5}" \
		"$1" "${@:3}" || fail "$2: stacks are not whole"
}

# mostly_complete FILE PERCENT: so many of the ledger's stacks ended at their root. Those that did not
# are named. Leaves FILE's report in $tmp/report.json.
mostly_complete()
{
	ledger_exact "$1"
	at_least "complete stacks, %" "$(jq '100 * .ledger.complete / .ledger.written' \
		"$tmp/report.json")" "$2"
}

# mostly_rooted FILE PERCENT: the same, and those that are complete but for a marked gap.
mostly_rooted()
{
	ledger_exact "$1"
	at_least "stacks with their root, %" "$(jq \
		'100 * (.ledger.complete + (.ledger.cut.gap // 0)) / .ledger.written' \
		"$tmp/report.json")" "$2"
}

# until_each_cpu SECONDS PID..: as until_cpu, for all of them at once.
until_each_cpu()
{
	local want=$1 waits=()

	for pid in "${@:2}"; do
		until_cpu "$pid" "$want" &
		waits+=($!)
	done
	for pid in "${waits[@]}"; do
		wait "$pid" || fail "a process has ended"
	done
}
