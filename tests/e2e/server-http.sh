#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The web server refuses what it must, holds no rights, and one client does not block another.
source "$(dirname "$0")/lib.sh"

[ -x "$WICK" ] || fail "no program at $WICK: build it first"
mkdir "$tmp/store" "$tmp/outside"
printf 'app;main;one 3\napp;main;two 4\n' >"$tmp/store/a.folded"
"$WICK" convert "$tmp/store/a.folded" -o "$tmp/store/b.pb.gz" || fail "cannot make a profile"
echo secret >"$tmp/outside/secret.folded"
ln -s "$tmp/outside/secret.folded" "$tmp/store/link.folded"
mkfifo "$tmp/store/fifo.folded"
chmod 700 "$tmp/store" # the child, nobody, reads it through its parent only

# serve ARG..: starts the server; $server, $child, $base, $token, $port.
serve()
{
	: >"$tmp/wick.err" # of the server before
	foreground "$WICK" serve --listen 127.0.0.1:0 "$@" >"$tmp/wick.out" 2>"$tmp/wick.err" &
	server=$!
	children+=("$server")
	wait_until grep -q 'open http' "$tmp/wick.err"
	base=$(grep -o 'http://[0-9.:]*' "$tmp/wick.err")
	token=$(sed -n 's/.*#token=//p' "$tmp/wick.err")
	port=${base##*:}
	child=$(cat "/proc/$server/task/$server/children")
	child=${child// /}
}

# status WANTED CURL-ARG..
status()
{
	local got wanted=$1

	shift
	got=$(curl -s -o "$tmp/body" -w '%{http_code}' --max-time 60 "$@") || true
	[ "$got" = "$wanted" ] || fail "curl $*: $got, not $wanted: $(head -c 300 "$tmp/body")"
	echo "$got curl ${*//$token/TOKEN}"
}

serve "$tmp/store"
[[ $token =~ ^[0-9a-f]{32}$ ]] || fail "the token is not 128 bits in hex: '$token'"
bearer="Authorization: Bearer $token"

echo "== the viewer needs no token, profiles do"
status 200 "$base/"
grep -q 'src=main.js' "$tmp/body" || fail "this is not the page"
for file in main.js model.js wick.css; do
	status 200 "$base/$file"
	cmp "$tmp/body" "$tree/web/$file"
done
status 401 "$base/api/profiles"
status 401 "$base/api/profile/0"
status 401 -H "Authorization: Bearer ${token%?}" "$base/api/profiles"
status 401 -H "Authorization: Bearer ${token//[0-9]/f}" "$base/api/profiles"
status 401 -H "Authorization: Basic $token" "$base/api/profiles"
status 401 "$base/api/profiles?token="
status 401 "$base/api/profiles?token=${token}0"
status 401 -H 'Authorization: Bearer wrong' "$base/api/profiles?token=$token"
status 200 "$base/api/profiles?token=$token"
status 200 -H "$bearer" "$base/api/profiles"
jq -e 'map(.name) | sort == ["a.folded", "b.pb.gz"]' "$tmp/body" >/dev/null ||
	fail "the list is not the two profiles: $(cat "$tmp/body")"

echo "== both come as gzip pprof with the sums of the input"
for id in $(jq -r '.[].id' "$tmp/body"); do
	status 200 -H "$bearer" "$base/api/profile/$id"
	cp "$tmp/body" "$tmp/got.pb.gz"
	"$WICK" convert "$tmp/got.pb.gz" -o "$tmp/got.folded" || fail "profile $id is no profile"
	cmp "$tmp/got.folded" "$tmp/store/a.folded"
done

echo "== Host and Origin"
for host in "127.0.0.1:$port" "localhost:$port" "LOCALHOST:$port" "[::1]:$port"; do
	status 200 -H "Host: $host" "$base/"
done
for host in "evil.example" "evil.example:$port" "localhost.evil.example:$port" "127.0.0.1" \
	"127.0.0.1:$((port ^ 1))" "127.0.0.1:$port.evil.example" "localhost:$port@evil" " "; do
	status 400 -H "Host: $host" "$base/"
done
status 400 -H 'Host:' "$base/"
status 400 --http1.0 -H 'Host:' "$base/"
status 200 -H "$bearer" -H "Origin: $base" "$base/api/profiles"
for origin in ': http://evil.example' ': null' ": https://127.0.0.1:$port" ': http://127.0.0.1' ';'; do
	status 403 -H "$bearer" -H "Origin$origin" "$base/api/profiles"
done
status 403 -H "$bearer" -H 'Sec-Fetch-Site: cross-site' "$base/api/profiles"
status 200 -H "$bearer" -H 'Sec-Fetch-Site: same-origin' "$base/api/profiles"

echo "== methods, paths, sizes"
status 200 -I "$base/"
for method in POST PUT DELETE OPTIONS TRACE PATCH NONSENSE; do
	status 405 -X "$method" -H "$bearer" "$base/api/profiles"
done
status 405 -d x=y -H "$bearer" "$base/api/profiles"
status 400 -X GET -d x=y -H "$bearer" "$base/api/profiles"
for path in /../../etc/passwd /%2e%2e/%2e%2e/etc/passwd //etc/passwd /main.js/ /main.js%00 /MAIN.JS /api/ /api \
	/api/profile/ /api/profile/99 /api/profile/-1 /api/profile/+0 /api/profile/0x0 /api/profile/0/ \
	/api/profile/4294967296 /api/profile/../profiles /api/profile/99999999999999999999 /store/a.folded; do
	status 404 --path-as-is -H "$bearer" "$base$path"
done
head -c 20000 /dev/zero | tr '\0' a >"$tmp/long"
for arguments in "$base/$(cat "$tmp/long")" "$base/?$(cat "$tmp/long")"; do
	got=$(curl -s -o /dev/null -w '%{http_code}' "$arguments") || true
	[ "$got" = 414 ] || [ "$got" = 431 ] || fail "a long address: $got"
done
got=$(curl -s -o /dev/null -w '%{http_code}' -H "X-Long: $(cat "$tmp/long")" "$base/") || true
[ "$got" = 431 ] || [ "$got" = 413 ] || fail "long headers: $got"

echo "== headers"
curl -s -D "$tmp/headers" -o /dev/null -H "$bearer" "$base/api/profile/0"
for header in "Content-Security-Policy: default-src 'none'" "X-Content-Type-Options: nosniff" \
	"Referrer-Policy: no-referrer" "Cross-Origin-Resource-Policy: same-origin" "Cache-Control: no-store" \
	"Content-Type: application/octet-stream"; do
	grep -qiF "$header" "$tmp/headers" || fail "no header $header"
done
! grep -qi 'Access-Control' "$tmp/headers" || fail "other sites may read"
! grep -q unsafe "$tmp/headers" || fail "the policy allows inline code"

echo "== the child has no rights"
grep -E '^(Uid|Cap|NoNewPrivs)' "/proc/$child/status"
for set in CapInh CapPrm CapEff CapAmb; do
	grep -q "^$set:[[:space:]]*0000000000000000$" "/proc/$child/status" || fail "$set is not empty"
done
grep -q '^NoNewPrivs:[[:space:]]*1$' "/proc/$child/status" || fail "new privileges are possible"
if [ "$(id -u)" = 0 ]; then
	grep -q '^CapBnd:[[:space:]]*0000000000000000$' "/proc/$child/status" || fail "CapBnd is not empty"
	grep -qP '^Uid:(\t65534){4}$' "/proc/$child/status" || fail "the child is not nobody"
	grep -qP '^Gid:(\t65534){4}$' "/proc/$child/status" || fail "the child's group is not nogroup"
	grep -qP '^Groups:\s*$' "/proc/$child/status" || fail "the child has groups"
	# Nothing of the parent's but its end of the pair and the port.
	! find "/proc/$child/fd" -lname '*/store*' | grep . || fail "the child holds files of the store"
	! tr '\0' '\n' <"/proc/$child/cmdline" | grep -q "$token" || fail "the token is in the command line"
fi
! tr '\0' '\n' <"/proc/$child/environ" 2>/dev/null | grep . || fail "the child has an environment"

echo "== slow clients block nobody and are ended"
for i in 1 2 3 4 5 6 7 8; do
	exec {slow}<>"/dev/tcp/127.0.0.1/$port"
	printf 'GET / HTTP/1.1\r\nX: ' >&"$slow"
	sockets+=("$slow")
done
status 200 -H "$bearer" "$base/api/profiles"
status 200 "$base/main.js"
# A byte now and then does not hold a connection: it is ended all the same.
drip()
{
	local got i line

	for ((i = 0; i < 240; i++)); do
		got=0
		printf 'x' >&"${sockets[0]}" || return 0
		read -r -t 0.5 -u "${sockets[0]}" line || got=$?
		[ "$got" -eq 0 ] || [ "$got" -gt 128 ] || return 0 # the end, not read's time limit
	done
	return 1
}
trap '' PIPE
drip 2>/dev/null || fail "a dripping client was not ended"
for slow in "${sockets[@]}"; do
	exec {slow}>&-
done
status 200 "$base/"

echo "== a profile that has become something else is refused, not waited for"
rm "$tmp/store/a.folded"
ln -s "$tmp/outside/secret.folded" "$tmp/store/a.folded"
for id in 0 1; do
	curl -s -H "$bearer" "$base/api/profile/$id" | zcat 2>/dev/null | grep -q secret && fail "a link was followed"
done
rm "$tmp/store/a.folded"
mkfifo "$tmp/store/a.folded"
status 200 -H "$bearer" "$base/api/profiles"
jq -e 'map(.name) == ["b.pb.gz"]' "$tmp/body" >/dev/null || fail "the list did not follow the directory"

echo "== Ctrl-C ends it with 0, and the child with it"
kill -INT "$server"
wait "$server" || fail "wick serve ended with $?"
! kill -0 "$child" 2>/dev/null || fail "the child lives on"

echo "== a child that is killed is told of"
serve "$tmp/store"
kill -KILL "$child"
ended=0
wait "$server" || ended=$?
[ "$ended" = 1 ] || fail "the parent ended with $ended, not 1"
grep -q 'ended unexpectedly' "$tmp/wick.err" || fail "the parent did not say so"

echo "== a parent that is killed takes the child with it"
serve "$tmp/store"
kill -KILL "$server"
child_is_gone() { ! kill -0 "$child" 2>/dev/null; }
wait_until child_is_gone

echo "== no token where none is wanted"
serve --no-token "$tmp/store"
! grep -q token "$tmp/wick.err" || fail "a token is printed"
status 200 "$base/api/profiles"

echo "== wrong use is one line and a hint"
refuses()
{
	local wanted=$1 pattern=$2 got=0

	shift 2
	"$WICK" serve "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || got=$?
	[ "$got" = "$wanted" ] || fail "wick serve $*: $got, not $wanted: $(cat "$tmp/err")"
	grep -q -- "$pattern" "$tmp/err" || fail "wick serve $*: no '$pattern' in: $(cat "$tmp/err")"
	[ "$(grep -c '^hint: ' "$tmp/err")" = 1 ] && [ "$(wc -l <"$tmp/err")" = 2 ] && [ ! -s "$tmp/out" ] ||
		fail "wick serve $*: not one line and a hint: $(cat "$tmp/err")"
	head -1 "$tmp/err"
}
refuses 2 'needs profiles'
refuses 1 'No such file' "$tmp/nothing.pb.gz"
refuses 1 'use' --listen "127.0.0.1:$port" "$tmp/store"
for listen in nonsense 127.0.0.1 127.0.0.1:99999 127.0.0.1:7x :80 '[::1:80' 300.1.1.1:80 example.com:80 $'a\e[31m:80'; do
	refuses 2 'not an address and a port' --listen "$listen" "$tmp/store"
	! grep -q $'\e' "$tmp/err" || fail "an escape sequence reached the terminal"
done
refuses 1 'annot assign' --listen 192.0.2.1:7878 "$tmp/store"
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	library=$(readlink -f "$(ldconfig -p | awk '/libmicrohttpd\.so\.12 / { print $NF; exit }')")
	export WICK library
	WICK_PLAIN=$WICK WICK=$tmp/wick-without-library
	printf '#!/bin/bash\nunshare -m bash -c '\''mount --bind /dev/null "$library"; exec "$0" "$@"'\'' %q "$@"\n' \
		"$WICK_PLAIN" >"$WICK"
	chmod +x "$WICK"
	refuses 1 'cannot load' --listen 127.0.0.1:0 "$tmp/store"
fi
echo "all held"
