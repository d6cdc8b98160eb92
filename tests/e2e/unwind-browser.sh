#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A browser: hundreds of MB of text that keeps frame pointers and has almost no .eh_frame, a JIT, dozens
# of threads in several processes.
. "$(dirname "$0")/lib.sh"
need_bpf
command -v chromium >/dev/null || skip "needs chromium"

cat >"$tmp/busy.html" <<'EOF'
<body><script>
function draw(n) { for (let i = 0; i < n; i++) { const e = document.createElement('p')
	e.textContent = compute(i); document.body.append(e) } document.body.offsetHeight
	while (document.body.childElementCount > 500) document.body.firstElementChild.remove() }
function compute(i) { let s = 0; for (let k = 0; k < 3000; k++) s += Math.sin(i * k); return s }
setInterval(() => draw(50), 5)
</script></body>
EOF
# Once to make its files known, as they are on a machine that is profiled all the time.
cat >"$tmp/browse" <<'EOF'
browse() { timeout -k 5 "$2" chromium --headless --no-sandbox --disable-gpu --no-first-run \
	--user-data-dir="$1/data" --remote-debugging-port=0 "$3" >/dev/null 2>&1; }
browse "$1" 3 about:blank
sleep 1
browse "$1" 12 "file://$1/busy.html"
EOF
status=0
"$WICK" record --user -F 499 -o "$tmp/browser.pb.gz" -- bash "$tmp/browse" "$tmp" 2>"$tmp/wick.err" ||
	status=$?
[ -s "$tmp/browser.pb.gz" ] || fail "wick record exited with $status"
mostly_rooted "$tmp/browser.pb.gz" 99
at_least "samples" "$(jq .samples "$tmp/report.json")" 1000
