#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# debuginfod: asked only when it was asked for; what it has is fetched by a child without rights, believed by
# its build id, kept, and told of; what it has not is remembered; servers that lie, stall, flood, send
# elsewhere or are not there cost a line, no more. Debian's own server is one of them.
. "$(dirname "$0")/lib.sh"
for tool in debuginfod strace jq python3 gcc objcopy curl dwz openssl; do
	command -v "$tool" >/dev/null || skip "needs $tool"
done
[ -x "$WICK" ] || fail "no program at $WICK: build it first"
cd "$tmp"
unset DEBUGINFOD_URLS DEBUGINFOD_MAXSIZE DEBUGINFOD_MAXTIME

cat >program.c <<'EOC'
#include <stdio.h>
#include <stdlib.h>
static volatile unsigned long sink;
static inline __attribute__((always_inline)) int innermost(int n)
{
	sink += (unsigned long)n;
	return n * 3 + 1;
}
static __attribute__((noinline)) unsigned long spin(unsigned long n)
{
	unsigned long sum = 0;
	while (n--)
		sum += (unsigned long)innermost((int)n);
	return sum;
}
int main(int argc, char **argv)
{
	puts("ready");
	fflush(stdout);
	for (int i = argc > 1 ? atoi(argv[1]) : 0; i-- > 0;)
		sink += spin(1000000);
	return 0;
}
EOC
mkdir served files
for name in program other; do
	gcc -g -O1 -DNAME=$name -Wl,--build-id=sha1 -o served/$name program.c -DX$name
done
gcc -g -O2 -o served/other program.c
objcopy --only-keep-debug served/program served/program.debug
objcopy --only-keep-debug served/other served/other.debug
strip -s -o program served/program
gcc -O2 -s -o unknown program.c
vaddr=$(nm served/program | awk '$3 == "spin" { print $1 }')
# Two builds with a file of dwz's that is the server's alone, one of them with its own debug info.
sed 's/return 0;/return OTHER;/' program.c >alike.c
for number in 1 2; do
	gcc -g -O1 -DOTHER=$number -Wl,--build-id=sha1 -o served/alike$number alike.c
done
(cd served && dwz -m common.dwz alike1 alike2) || fail "dwz fails"
strip -s -o alike1 served/alike1
cp served/alike2 alike2

free_port()
{
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
# asked FILE URLS: dump elf's word on debuginfod; $detail has the rest.
asked()
{
	"$WICK" dump elf --json "--debuginfod=$2" "$1" >elf.json 2>wick.err || fail "cannot dump $1: $(cat wick.err)"
	detail=$(jq -r '.sources[] | select(.source == "debuginfod") | .detail' elf.json)
	why=$(jq -r '.sources[] | select(.source == "debuginfod") | .why' elf.json)
}
# gives WHAT WHY [DETAIL]
gives()
{
	[[ "$why" == "$2" && "$detail" == *"${3:-}"* ]] || fail "$1: '$why' ('$detail'), not '$2' ('${3:-}')"
	echo "$1: $why${3:+: $detail}"
}

# --- Debian's server ---
port=$(free_port)
debuginfod -p "$port" -d :memory: -F "$tmp/served" >server.out 2>&1 &
children+=($!)
url=http://127.0.0.1:$port
id=$(readelf -n served/program | awk '/Build ID/ { print $3 }')
kill -0 $! || fail "the server ended: $(cat server.out)"
wait_until curl -sf -o /dev/null "$url/buildid/$id/debuginfo"

DEBUGINFOD_URLS=$url "$WICK" dump addr program "$vaddr" | grep -q '^0x[0-9a-f]* program+0x' ||
	fail "without the option something was found"
asked program "$url"
gives "Debian's server" used
"$WICK" dump addr program "$vaddr" | grep -q 'spin+0x0 .*/program.c:' || fail "no line: $("$WICK" dump addr program "$vaddr")"
# The fetched debug file stands for every copy of the program, now without any server.
kept=$WICK_SYMBOL_CACHE/debuginfod/$id.debug
[ "$(stat -c '%a %s' "$kept")" = "600 $(stat -c %s served/program)" ] ||
	[ "$(stat -c '%a %s' "$kept")" = "600 $(stat -c %s served/program.debug)" ] || fail "$kept is not there, or not whole"
cp program copy
DEBUGINFOD_URLS=http://127.0.0.1:1 "$WICK" dump addr --debuginfod copy "$vaddr" | grep -q 'spin+0x0 .*/program.c:' ||
	fail "the kept file is not used"
asked unknown "$url"
gives "a file that it has not" 'not found'
asked unknown "$url"
gives "the same again" 'not found when it was asked for before'
touch -d '25 hours ago' "$WICK_SYMBOL_CACHE"/debuginfod/*.none
asked unknown "$url"
gives "and a day later" 'not found'
gcc -s -Wl,--build-id=none -o noid program.c
asked noid "$url"
gives "a file without build id" 'not asked: the file has no build id'
# dwz's common file comes from there too, after the debug file and after the program itself.
wait_until curl -sf -o /dev/null "$url/buildid/$(readelf -n served/common.dwz | awk '/Build ID/ { print $3 }')/debuginfo"
named()
{
	printf '%x\n' $(seq $((0x$vaddr)) $((0x$vaddr + 31))) | "$WICK" dump addr "$@" >named.out
	grep -c 'innermost.* .*/alike\.c:[67]' named.out || true
}
near "a name of dwz's file, without the server" "$(named alike2)" 0 0
for build in alike1 alike2; do
	at_least "$build: a name of dwz's file that only the server has" "$(named "--debuginfod=$url" $build)" 1
done

# --- a recording ---
if [ "$(id -u)" = 0 ]; then
	rm -r "$WICK_SYMBOL_CACHE"
	"$tmp/program" 100000 >ready &
	pid=$!
	children+=("$pid")
	wait_until grep -q '^ready' ready
	record -p "$pid" --user -F 499 "--debuginfod=$url" -o "$tmp/fetched.pb.gz"
	until_cpu "$pid" 0.5
	finish
	folded "$tmp/fetched.pb.gz" "$tmp/fetched.folded"
	at_least "percent of samples with names and inlined calls from the server" \
		"$(percent "$(folded_count "$tmp/fetched.folded" ';main;spin(;innermost)?$')" \
			"$(folded_total "$tmp/fetched.folded")")" 95
	at_least "samples in the inlined call" "$(folded_count "$tmp/fetched.folded" ';innermost$')" 1
	kill -KILL "$pid"
fi

# --- no flag: no child, no socket ---
DEBUGINFOD_URLS=$url strace -f -qq -o trace -e trace=socket,connect,execve "$WICK" dump addr unknown 1139 >/dev/null
near "sockets and fetching children without the option" "$(grep -c 'socket(\|connect(\|"fetch"' trace || true)" 0 0
if [ "$(id -u)" = 0 ]; then
	DEBUGINFOD_URLS=$url strace -f -qq -o trace -e trace=socket,connect,execve \
		"$WICK" record -d 1 --user -o traced.pb.gz -- "$tmp/unknown" 100 >/dev/null 2>wick.err || fail "record failed"
	near "the same for record" "$(grep -c 'AF_INET\|"fetch"' trace || true)" 0 0
fi
# With it: one child, and only that one has sockets; it has opened nothing to write to.
WICK_SYMBOL_CACHE=none strace -f -qq -y -o trace -e trace=socket,openat,execve,seccomp,landlock_restrict_self,setresuid \
	"$WICK" dump elf "--debuginfod=$url" program >/dev/null 2>wick.err || fail "dump elf: $(cat wick.err)"
root=$(id -u) awk '/execve\(.*"fetch"/ { fetch[$1] = 1; n++ } /setresuid\(65534/ { nobody[$1] = 1 }
	/landlock_restrict_self/ { fenced[$1] = 1 } /seccomp\(SECCOMP_SET_MODE_FILTER.*= 0/ { locked[$1] = 1 }
	/socket\(/ { sockets++; if (!($1 in fetch) || !locked[$1] || (ENVIRON["root"] == 0 && !nobody[$1])) { print; bad++ } }
	/openat\(.*O_(WRONLY|RDWR|CREAT)/ && $1 in fetch && !/\/dev\/null/ { print; bad++ }
	END { print n + 0 " children that fetch, " sockets + 0 " sockets"; exit bad || !n || !sockets }' trace ||
	fail "sockets are not the fetching child's alone"

# --- servers that are not what they should be ---
cp served/program.debug files/right
cp served/other.debug files/wrong
head -c 100000 /dev/urandom >files/garbage
: >files/empty
"$tree/tests/e2e/debuginfod_server.py" files port log &
children+=($!)
wait_until test -s port
bad=http://127.0.0.1:$(cat port)
export WICK_SYMBOL_CACHE=none DEBUGINFOD_MAXTIME=4 DEBUGINFOD_MAXSIZE=10000000
asked program "$bad/right"
gives "right" used
for lie in wrong garbage empty; do
	asked program "$bad/$lie"
	case $lie in wrong) gives "$lie" 'found, but its build id differs' ;; *) gives "$lie" 'found, but no ELF file' ;; esac
	near "$lie: functions believed" "$(jq '.nodes' elf.json)" 0 0
done
asked program "$bad/none $bad/right"
gives "the second of two servers" used
asked program "$bad/error"
gives "error" failed "HTTP status 500"
for flood in huge endless; do
	asked program "$bad/$flood"
	gives "$flood" failed "too large: more than 9 MB"
done
for stall in drip silent; do
	SECONDS=0
	asked program "$bad/$stall"
	gives "$stall" failed "too slow: nothing whole in 4 s"
	[ $SECONDS -lt 60 ] || fail "$stall held up the program for $SECONDS s"
done
asked program "$bad/within"
gives "redirected within the server" used
asked program "$bad/circle"
gives "redirected in circles" failed "redirected in circles"
before=$(wc -l <log)
asked program "$bad/away"
gives "redirected to another server" failed "sends to another server, which is not asked"
near "requests of it" "$(($(wc -l <log) - before))" 1 0
asked program "$bad/file"
gives "redirected to a file" failed "sends to another server"
asked program "http://127.0.0.1:$(free_port)"
gives "server down" failed "does not answer"
asked program "http://no-such-host.invalid"
gives "no such server" failed "does not answer"
# What goes over the line is the build id, in a path.
near "requests of another form" "$(grep -cvE "^/[a-z]+/buildid/$id/debuginfo$" log || true)" 0 0

# --- https ---
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out own.pem -days 2 \
	-subj /CN=wick -addext subjectAltName=IP:127.0.0.1 2>openssl.err || fail "openssl: $(cat openssl.err)"
chmod 600 own.pem # of no matter to the child, which may not open it anyway
"$tree/tests/e2e/debuginfod_server.py" files tls-port tls-log own.pem key.pem &
children+=($!)
wait_until test -s tls-port
secure=https://127.0.0.1:$(cat tls-port)
asked program "$secure/right"
gives "a certificate that nobody trusts" failed "$secure/right is not trusted: "
SSL_CERT_FILE=own.pem asked program "$secure/right"
gives "one that SSL_CERT_FILE has" used
SSL_CERT_FILE=own.pem asked program "https://localhost:$(cat tls-port)/right"
gives "of another host" failed "is not trusted: "
SSL_CERT_FILE=files/garbage asked program "$secure/right"
gives "SSL_CERT_FILE without any" failed "$secure/right is not trusted: "
SSL_CERT_FILE=no-such-file asked program "$secure/right"
gives "no SSL_CERT_FILE" failed "$secure/right is not trusted: SSL_CERT_FILE cannot be read"
near "requests that a server got that is not trusted" "$(wc -l <tls-log)" 1 0

# --- the agent: goes on while its child waits for a server, without rights, and has the names afterwards ---
# in_agent REGEX: percent of the program's samples that the agent shows now.
in_agent()
{
	curl -s --max-time 60 "$base/api/profile/0?token=$token" >live.pb.gz
	folded live.pb.gz live.folded
	percent "$(folded_count live.folded "$1")" "$(folded_total live.folded)"
}
fetching_child()
{
	local child

	for child in $(pgrep -P "$agent"); do
		! grep -q libcurl "/proc/$child/maps" 2>/dev/null || fetches=$child
	done
	[ -n "$fetches" ]
}
is_named()
{
	until_cpu "$pid" 0.2
	in_agent ';main;spin(;innermost)?$' >share
	awk '{ exit !($1 >= 95) }' share
}
# agent_asks URLS: starts the agent, until its child waits for a server.
agent_asks()
{
	: >wick.err # of the agent before
	WICK_SYMBOL_CACHE=$tmp/agent-cache DEBUGINFOD_MAXTIME=200 foreground "$WICK" agent --listen 127.0.0.1:0 \
		--comm program --user -F 499 --epoch 0.5 --window 1 "--debuginfod=$1" 2>wick.err &
	agent=$!
	children+=("$agent")
	wait_until grep -q 'open http' wick.err
	base=$(grep -o 'http://[0-9.:]*' wick.err | tail -n 1)
	token=$(sed -n 's/.*#token=//p' wick.err)
	fetches=
	wait_until fetching_child
}
if [ "$(id -u)" = 0 ]; then
	"$tmp/program" 100000 >ready &
	pid=$!
	children+=("$pid")
	wait_until grep -q '^ready' ready
	agent_asks "$bad/silent"
	SECONDS=0
	kill -INT "$agent"
	wait "$agent" || fail "the agent ended with status $?"
	[ $SECONDS -lt 90 ] || fail "a silent server held up the agent's end for $SECONDS s"
	agent_asks "$bad/hold $url"
	# It takes its rights away when it has loaded its library.
	wait_until grep -q '^Seccomp:[[:space:]]2$' "/proc/$fetches/status"
	grep -E '^(Uid|CapEff|CapPrm|NoNewPrivs)' "/proc/$fetches/status" | tr -s '\t\n' ' ' >rights
	[ "$(cat rights)" = "Uid: 65534 65534 65534 65534 CapPrm: 0000000000000000 CapEff: 0000000000000000 NoNewPrivs: 1 " ] ||
		fail "the fetching child has rights: $(cat rights)"
	! grep -q libcurl "/proc/$agent/maps" || fail "the agent itself talks to servers"
	until_cpu "$pid" 1
	at_least "percent of samples without names while the server keeps silent" "$(in_agent '^program;.*program\+0x')" 95
	kill -0 "$fetches" || fail "the child did not wait for its server"
	kill -KILL "$fetches"
	wait_until is_named
	echo "percent of samples named when it goes to the next server: $(cat share)"
	kill -KILL "$pid"
	kill -INT "$agent"
	wait "$agent" || fail "the agent ended with status $?"
	grep -q 'debuginfod: .*/hold: the child that fetches died' wick.err || fail "the dead child is not told of"
	grep -qE 'debuginfod: [1-9][0-9]* files with debug info came' wick.err || fail "what came is not told of"
fi

# A lie is remembered, and costs one request.
export WICK_SYMBOL_CACHE=$tmp/lies
asked program "$bad/wrong"
before=$(wc -l <log)
asked program "$bad/wrong"
gives "a lie, again" 'not found when it was asked for before'
near "requests for it" "$(($(wc -l <log) - before))" 0 0
asked program "$bad/right"
gives "from a server that was not asked" used
near "half files" "$(find "$WICK_SYMBOL_CACHE" -name '*.tmp' | wc -l)" 0 0

# --- the command line ---
for url in ftp://host /path http:// 'http://user@host' 'https://host/?q' 'http://host/#f' 'http://host:123456' \
	'http://host;id' $'http://host/\n\x01' 'file:///etc/passwd' "http://$(printf 'h%.0s' {1..2000})"; do
	status=0
	"$WICK" dump elf "--debuginfod=$url" program >/dev/null 2>wick.err || status=$?
	near "status for '${url:0:30}'" "$status" 2 0
	near "its lines" "$(wc -l <wick.err)" 2 0
done
status=0
"$WICK" dump elf --debuginfod program 2>wick.err || status=$?
near "status without any server" "$status" 2 0
"$WICK" dump elf --help | grep -q 'build ids of private code leave' || fail "the help does not tell what leaves"
