#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# store-clock.sh [real]: an agent with a store, while the wall clock is set an hour ahead, an hour back and right
# again, and then another boot of the machine: nothing is deleted, slices follow each other by the boot
# clock, and the sums are those of the parts. Suspend is tests/unit/test_store.c's: it cannot be had here.
#
# The agent alone sees the steps (tests/store/step.c). With `real` it is the machine's own clock that is
# set, for two seconds each, and put right by what CLOCK_BOOTTIME says has passed.
how=${1:-}
. "$(dirname "$0")/lib.sh"
need_bpf

store=$tmp/store
step=$BUILD/tests/store/libstore_step.so
[ -e "$step" ] || fail "no $step: build it first"
echo 0 >"$tmp/step"

slices()
{
	find "$store" -maxdepth 1 -name '*-slice-*.pb.gz' -printf '%f\n' | sort
}

has_slices() # COUNT
{
	[ "$(slices | wc -l)" -ge "$1" ]
}

more_slices() # COUNT: waits for so many more
{
	wait_until has_slices $(($(slices | wc -l) + $1))
	slices >>"$tmp/seen"
}

agent() # [COMMAND..]: starts it under the command
{
	: >"$tmp/wick.err" # of the agent before
	foreground "$@" env LD_PRELOAD="$step" STEP_FILE="$tmp/step" "$WICK" agent --store "$store" \
		--listen 127.0.0.1:0 -F 199 --epoch 0.5 --slice 1 >"$tmp/wick.out" 2>"$tmp/wick.err" &
	agent=$!
	children+=("$agent")
	wait_until grep -q 'open http' "$tmp/wick.err"
}

stop()
{
	kill -INT "$agent"
	wait "$agent" || fail "the agent ended with status $?"
	slices >>"$tmp/seen"
}

# set_clock SECONDS: for two seconds, then it is right again.
set_clock()
{
	python3 - "$1" <<'END'
import sys, time
wall, boot = time.clock_gettime(time.CLOCK_REALTIME), time.clock_gettime(time.CLOCK_BOOTTIME)
try:
	time.clock_settime(time.CLOCK_REALTIME, wall + float(sys.argv[1]))
	time.sleep(2)
finally:
	time.clock_settime(time.CLOCK_REALTIME, wall + time.clock_gettime(time.CLOCK_BOOTTIME) - boot)
END
}

start burn_fp 600
agent
more_slices 2
for seconds in 3600 -3600; do
	if [ "$how" = real ]; then
		set_clock "$seconds"
	else
		echo "$seconds" >"$tmp/step"
	fi
	more_slices 3
done
echo 0 >"$tmp/step"
more_slices 2
stop

# Another boot has another id; its clock, which cannot be set back here, goes on.
tr 0-9a-f 1-9a-f0 </proc/sys/kernel/random/boot_id >"$tmp/boot_id"
if unshare --mount true 2>/dev/null; then
	agent unshare --mount --propagation private sh -c \
		'mount --bind "$1" /proc/sys/kernel/random/boot_id && shift && exec "$@"' sh "$tmp/boot_id"
	more_slices 2
	stop
fi

sort -u "$tmp/seen" >"$tmp/all"
slices | cmp - "$tmp/all" || fail "slices were deleted"
"$WICK" store check "$store" || fail "the store does not check"

# Each slice is as long as the boot clock says, and begins where the one before it ended.
for slice in $(slices | sort -t- -k3); do
	"$WICK" dump profile "$store/$slice" 2>/dev/null | sed -n 's/^comment: wick-slice: //p'
done >"$tmp/headers"
python3 - "$tmp/headers" <<'END' || fail "the slices do not follow each other by the boot clock"
import re, sys
before, boots, walls = None, set(), []
for line in open(sys.argv[1]):
	fields = dict(re.findall(r"(\w+)=(\S+)", line))
	start, end, serial = int(fields["start"]), int(fields["end"]), int(fields["slices"].split("-")[0])
	assert 0 <= end - start < 1800e9, line # not an hour longer, however busy the machine is
	if before and fields["boot"] in boots:
		assert start == before[0], line
	assert not before or (serial == before[1] + 1 and int(fields["age"]) >= before[2]), line
	before = end, serial, int(fields["age"])
	boots.add(fields["boot"])
	walls.append(int(fields["wall"]))
steps = [round((b - a) / 3.6e12) for a, b in zip(walls, walls[1:])]
assert len(boots) == 2 and 1 in steps and min(steps) < 0, (boots, steps)
print(f"{len(walls)} slices of {len(boots)} boots; wall clock stepped by {[s for s in steps if s]} hours")
END

"$WICK" export --store "$store" --from 1970-01-01T00:00:00Z --to 2100-01-01T00:00:00Z -o "$tmp/all.pb.gz" ||
	fail "export"
ledger_exact "$tmp/all.pb.gz" >/dev/null
sum=0
for slice in $(slices); do
	sum=$((sum + $(report "$store/$slice" .samples)))
done
[ "$(report "$tmp/all.pb.gz" .samples)" = "$sum" ] || fail "the range is not the sum of its slices"
"$WICK" store timeline "$store" --from 1970-01-01T00:00:00Z --to 2100-01-01T00:00:00Z --json >"$tmp/timeline.json" ||
	fail "timeline"
[ "$(jq '[.[].samples] | add' "$tmp/timeline.json")" = "$sum" ] || fail "the timeline is not the sum of its slices"
jq -r '.[] | select(.service == "burn_fp").from[11:13]' "$tmp/timeline.json" | sort -u | wc -l >"$tmp/hours"
[ "$(<"$tmp/hours")" -ge 3 ] || fail "the timeline does not say when the clocks said it was"
echo "$sum samples in the slices, in the range and in the timeline"
