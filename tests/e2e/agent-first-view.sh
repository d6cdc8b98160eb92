#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The first look at the live picture does not wait for debug info: while the reader of a program's debug
# info is held (stopped), the program's functions are there by name; once it has gone on, with their lines.
. "$(dirname "$0")/lib.sh"
need_bpf

start verbose_debug 600
foreground "$WICK" agent --listen 127.0.0.1:0 -F 499 --window 600 --comm verbose_debug \
	>"$tmp/wick.out" 2>"$tmp/wick.err" &
agent=$!
children+=("$agent")

# The child that reads this program's debug info, stopped as soon as it is there: its pid on stdout.
hold_reader()
{
	python3 - "$agent" "$FIXTURES/verbose_debug" <<-'EOF'
		import os, signal, sys, time
		agent, program = sys.argv[1:]
		asked = [b"index-first", agent.encode()] # by the fork server, or exec'd
		end = time.monotonic() + 200
		while time.monotonic() < end:
		    for pid in open(f"/proc/{agent}/task/{agent}/children").read().split(): # it lives for 40 ms
		        try:
		            if open(f"/proc/{pid}/cmdline", "rb").read().replace(b"\0", b" ").split()[2:] != asked:
		                continue
		            os.kill(int(pid), signal.SIGSTOP)
		            if os.readlink(f"/proc/{pid}/fd/3") == program:
		                sys.exit(print(pid))
		            os.kill(int(pid), signal.SIGCONT)
		        except OSError:
		            pass
		sys.exit("nobody reads the debug info")
	EOF
}

view()
{
	curl -s --max-time 100 "$base/api/profile/0?token=$token" >"$tmp/live.pb.gz"
	"$WICK" report --json "$tmp/live.pb.gz" >"$tmp/live.json" || fail "no profile"
}

shows()
{
	view
	jq -e "$1" "$tmp/live.json" >/dev/null
}

reader=$(hold_reader) || fail "the reader of debug info was not met"
wait_until grep -q 'open http' "$tmp/wick.err"
base=$(grep -o 'http://[0-9.:]*' "$tmp/wick.err")
token=$(sed -n 's/.*#token=//p' "$tmp/wick.err")
ours='.functions[] | select(.name | startswith("said_at_length"))'
wait_until shows "$ours"
jq -e "[$ours | select((.file // \"\") | endswith(\"verbose.cpp\"))] == []" "$tmp/live.json" >/dev/null ||
	fail "lines came from nowhere"
[ "$(awk '$1 == "State:" { print $2 }' "/proc/$reader/status")" = T ] || fail "the reader was not held"
echo "named while its debug info was being read"
kill -CONT "$reader"
wait_until shows "$ours | select((.file // \"\") | endswith(\"verbose.cpp\"))"
echo "with lines after that"
kill -INT "$agent"
wait "$agent" || fail "the agent ended with status $?"
