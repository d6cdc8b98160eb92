#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# wick dump system tells what is, and each right that is missing by its name.
. "$(dirname "$0")/lib.sh"
need_bpf
command -v setpriv >/dev/null || skip "needs setpriv"

install -m 755 "$WICK" "$tmp/wick"
chmod 755 "$tmp"
rights=(bpf perfmon sys_ptrace syslog checkpoint_restore dac_read_search)

# fact NAME: its value in $tmp/system.json.
fact()
{
	jq -er --arg name "$1" '.[$name].value' "$tmp/system.json" || fail "no fact '$1'"
}

# is_missing NAME: the fact is marked as something that will be missing.
is_missing()
{
	jq -e --arg name "$1" '.[$name].good == false' "$tmp/system.json" >/dev/null
}

# facts COMMAND..: wick dump system --json under it.
facts()
{
	"$@" "$tmp/wick" dump system --json >"$tmp/system.json" 2>"$tmp/wick.err" ||
		fail "dump system exited with $?"
	jq -e 'length > 20 and all(.[]; (.value != "") and (.means != "") and (.good | type == "boolean"))' \
		"$tmp/system.json" >/dev/null || fail "not what dump system --json should be"
}

facts env
[ "$(fact kernel)" = "$(uname -r)" ] || fail "kernel: $(fact kernel)"
[ "$(fact architecture)" = "$(uname -m)" ] || fail "architecture: $(fact architecture)"
[ "$(fact uid)" = 0 ] || fail "uid: $(fact uid)"
[ "$(fact BTF)" = yes ] || fail "BTF: $(fact BTF)"
[ "$(fact cpu-clock)" = yes ] || fail "cpu-clock: $(fact cpu-clock)"
[[ $(fact CPUs) == "$(getconf _NPROCESSORS_ONLN) online of "* ]] || fail "CPUs: $(fact CPUs)"
for name in perf_event_paranoid perf_event_max_stack perf_event_max_sample_rate \
	perf_cpu_time_max_percent kptr_restrict; do
	[ "$(fact $name)" = "$(cat "/proc/sys/kernel/$name")" ] || fail "$name: $(fact $name)"
done
for name in lockdown cycles bpf kallsyms memlock cgroups libmicrohttpd; do
	fact $name >/dev/null
done
"$tmp/wick" dump system >"$tmp/system.txt"
near "lines of text" "$(wc -l <"$tmp/system.txt")" "$(jq length "$tmp/system.json")" 0

# Each of the six missing in turn: that one is marked, and no other.
for gone in "${rights[@]}"; do
	set=-all
	for right in "${rights[@]}"; do
		[ "$right" = "$gone" ] || set+=",+$right"
	done
	facts setpriv --inh-caps=-all --bounding-set="$set"
	for right in "${rights[@]}"; do
		name=CAP_${right^^}
		if [ "$right" = "$gone" ]; then
			is_missing "$name" || fail "$name is not marked as missing"
			[ "$(fact "$name")" = no ] || fail "$name: $(fact "$name")"
		else
			! is_missing "$name" || fail "$name is marked as missing without $gone"
		fi
	done
	case $gone in
	perfmon) [[ $(fact cpu-clock) == "no ("* ]] || fail "cpu-clock without $gone" ;;
	syslog) [ "$(fact kallsyms)" = hidden ] || [ "$(sysctl -n kernel.kptr_restrict)" = 0 ] ||
		fail "kallsyms without $gone" ;;
	esac
done

# CAP_SYS_ADMIN holds what was split off from it (5.8, 5.9), and nothing else.
facts setpriv --inh-caps=-all --bounding-set=-all,+sys_admin
for name in CAP_BPF CAP_PERFMON CAP_CHECKPOINT_RESTORE; do
	! is_missing $name || fail "$name is not seen in CAP_SYS_ADMIN"
done
for name in CAP_SYS_PTRACE CAP_SYSLOG CAP_DAC_READ_SEARCH; do
	is_missing $name || fail "$name is seen in CAP_SYS_ADMIN"
done

facts setpriv --reuid=65534 --regid=65534 --clear-groups
[ "$(fact uid)" = 65534 ] || fail "uid: $(fact uid)"
for right in "${rights[@]}"; do
	is_missing "CAP_${right^^}" || fail "CAP_${right^^} is not marked as missing for nobody"
done
is_missing bpf || fail "nobody can make maps"

# No BTF: a file system over it hides it in a mount namespace of its own.
facts unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$0" "$@"'
is_missing BTF || fail "BTF is not marked as missing"

# What the errors of the system calls are called, with their cure.
command -v strace >/dev/null || skip "the rest needs strace"

# explains CALL ERRNO HINT-REGEX: wick record when the first such call fails.
explains()
{
	local status=0

	strace -f -qq -o /dev/null -e trace="$1" -e inject="$1:error=$2${4:+:when=$4}" \
		"$tmp/wick" record -d 1 -o "$tmp/out.pb.gz" >"$tmp/out" 2>"$tmp/wick.err" || status=$?
	near "status at $1 $2" "$status" 1 0
	grep -Eq "^hint: .*$3" "$tmp/wick.err" || fail "$1 $2: no hint '$3'"
	[ "$(grep -c '^wick: ' "$tmp/wick.err")" = 1 ] || fail "$1 $2: more than one line"
	[ ! -e "$tmp/out.pb.gz" ] || fail "a file after $1 $2"
}
explains perf_event_open EACCES 'seccomp'
explains perf_event_open EMFILE 'ulimit -n'
explains bpf EPERM 'seccomp'
explains bpf E2BIG 'Linux 5\.15'
explains bpf ENOMEM 'memory limit'
