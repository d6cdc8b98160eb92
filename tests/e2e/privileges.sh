#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The children that meet foreign bytes hold no capabilities: the parser and the server.
. "$(dirname "$0")/lib.sh"
need_bpf
command -v strace >/dev/null || skip "needs strace"

# powers PID: "CapEff CapPrm uid NoNewPrivs Seccomp"
powers()
{
	awk '/^Cap(Eff|Prm):|^NoNewPrivs:|^Seccomp:/ { has[$1] = $2 } /^Uid:/ { uid = $2 }
		END { print has["CapEff:"], has["CapPrm:"], uid, has["NoNewPrivs:"], has["Seccomp:"] }' \
		"/proc/$1/status"
}

# watched UID COMMAND..: the command, all of whose parser children have that uid and no rights. They live for
# milliseconds: each is held at its exit (system call 231, or 94) to look.
watched()
{
	local uid=$1 strace wick parser have filter seen=0

	foreground strace -f -qq -o /dev/null -e trace=exit_group -e inject=exit_group:delay_enter=500000 \
		"${@:2}" 2>"$tmp/wick.err" &
	strace=$!
	children+=("$strace")
	while kill -0 "$strace" 2>/dev/null; do
		wick=0
		read -r wick _ 2>/dev/null <"/proc/$strace/task/$strace/children" || :
		for parser in $(cat "/proc/$wick"/task/[0-9]*/children 2>/dev/null); do
			grep -Eqs '^(231|94) ' "/proc/$parser/syscall" || continue
			have=$(powers "$parser" 2>/dev/null) || continue
			[ -e "/proc/$parser/exe" ] || continue
			# The one that forks the others reads no foreign bytes.
			tr '\0' '\n' <"/proc/$parser/cmdline" | grep -q '^forks ' && filter=0 || filter=2
			[ "$have" = "0000000000000000 0000000000000000 $uid 1 $filter" ] || fail "a parser child holds $have"
			((++seen))
		done
		sleep 0.02
	done
	wait "$strace" || fail "wick record exited with $?"
	at_least "looks at parser children of uid $uid, without rights" "$seen" 1
}

# Root's are nobody's; those of a service with a uid of its own, and the rights that it needs, have that uid.
start burn_fp 600
watched 65534 "$WICK" record -p "$pid" -d 1 -o "$tmp/out.pb.gz"
if command -v setpriv >/dev/null; then
	install -m 755 "$WICK" "$tmp/wick"
	chmod 755 "$tmp"
	mkdir "$tmp/service"
	chown 12345:12345 "$tmp/service"
	caps=-all,+bpf,+perfmon,+sys_ptrace,+syslog,+checkpoint_restore,+dac_read_search
	WICK_SYMBOL_CACHE=$tmp/service/cache watched 12345 \
		setpriv --reuid=12345 --regid=12345 --clear-groups --inh-caps=$caps --ambient-caps=$caps \
		--bounding-set=$caps "$tmp/wick" record -p "$pid" -d 1 -o "$tmp/service/out.pb.gz"
	folded "$tmp/service/out.pb.gz" "$tmp/service.folded"
	at_least "named by the service, %" "$(percent "$(folded_count "$tmp/service.folded" ';main;cycle;')" \
		"$(folded_total "$tmp/service.folded")")" 90
fi

powerless='^0000000000000000 0000000000000000 [1-9]'
foreground "$WICK" serve --listen 127.0.0.1:0 "$tmp/out.pb.gz" >"$tmp/url" 2>&1 &
wick=$!
children+=("$wick")
wait_until grep -q 'http://127.0.0.1:' "$tmp/url"
seen=0
for child in $(cat "/proc/$wick"/task/*/children); do
	have=$(powers "$child")
	[[ $have =~ $powerless ]] || fail "the server child holds $have"
	((++seen))
done
at_least "server children" "$seen" 1
kill -INT "$wick"
wait "$wick" || fail "wick serve exited with $?"
