#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent with a store under storms of forks, execs and ever new programs:
tests/soak/agent.py [--warm 20] [--minutes 30] [--slice 10] [--modules N]

As root. Looks every 10 s at the agent's RSS, descriptors, threads and bytes of BPF maps, and asks it every
minute what its caches hold (a table of all that is at the end). The first 20 minutes warm up, until what is
bounded is full; over 30 more RSS may rise by no more than 1 MB an hour (its fit's slope, less twice the slope's
standard error), descriptors but those of files that wait to be read and map bytes end as they were, no cache is
above its limit. Then every slice and sum is checked. Exit 0, or 1 and why. --modules: the agent's limit of files
that it remembers. BUILD: the build directory."""
import argparse, os, re, signal, subprocess, sys, tempfile, time

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", os.path.join(TREE, "build"))
WICK, FIXTURES = os.path.join(BUILD, "wick"), os.path.join(BUILD, "tests/fixtures")


def rss_kb(pid):
	with open(f"/proc/{pid}/status") as status:
		return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


def map_bytes(pid):
	total = 0
	for fd in os.listdir(f"/proc/{pid}/fdinfo"):
		try:
			with open(f"/proc/{pid}/fdinfo/{fd}") as info:
				found = re.search(r"map_type:.*\nmemlock:\s+(\d+)", info.read(), re.DOTALL)
		except OSError:
			continue
		total += int(found.group(1)) if found else 0
	return total


def look(pid):
	return (time.monotonic(), rss_kb(pid), len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task")),
		map_bytes(pid))


def held(pid, log):
	"""What it says at SIGUSR1: {name: (entries, limit, MB)}."""
	size = os.path.getsize(log)
	os.kill(pid, signal.SIGUSR1)
	for _ in range(100):
		time.sleep(0.1)
		with open(log) as text:
			text.seek(size)
			found = re.findall(r"memory: (\w+) (\d+)(?: of (\d+))?, ([\d.]+) MB", text.read())
		if found and found[-1][0] == "bpf_maps":
			break
	return {name: (int(entries), int(limit or 0), float(mb)) for name, entries, limit, mb in found}


TOLD = ("heap", "heap_unused", "resident_own", "resident_files", "descriptors", "bpf_maps", "processes", "modules",
	"symbols", "unwind_modules", "unwind_rules", "readable_names")


def tell(minute, items):
	row = [f"{e} / {mb}" if e else f"{mb} MB" for e, _, mb in (items.get(name, (0, 0, 0)) for name in TOLD)]
	print(f"{minute:6.1f} " + " ".join(f"{cell:>14}" for cell in row), flush=True)


# But those of files that wait; such a file may have its container's root with it.
def settled_descriptors(items):
	return items["descriptors"][0] - items["modules_waiting"][0] - items["unwind_waiting"][0]


# Beyond it are those in use, and what has come since the last look at them.
def above(items, name, share):
	entries, limit, _ = items.get(name, (0, 0, 0))
	return f"{name}: {entries} of {limit}" if limit and entries > share * limit else None


def slope(points):
	"""Of y over x, and the standard error of it."""
	n = len(points)
	mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
	spread = sum((x - mean_x) ** 2 for x, _ in points)
	rise = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
	rest = sum((y - mean_y - rise * (x - mean_x)) ** 2 for x, y in points)
	return rise, (rest / (n - 2) / spread) ** 0.5


def storms(directory):
	"""Forks, execs, mappings and new programs, as fast as they go, at a priority that leaves the machine to others."""
	loop = 'while :; do "$@" >/dev/null 2>&1; done'
	churn = 'n=$4; while :; do "$1" "$2" 200 "$3" $n >/dev/null 2>&1; n=$((n + 200)); done'
	new = [(os.path.join(FIXTURES, "churn_nofp"), directory, ms, first) for ms, first in (("1", "0"), ("12", "5000000"))]
	forker = [os.path.join(FIXTURES, "forker_fp"), "200"]
	return [subprocess.Popen(["nice", "-n", "10", "bash", "-c", loop, "storm", *command], start_new_session=True)
		for command in (forker, ["/bin/true"], ["/bin/ls", "/"])] + [
		subprocess.Popen(["nice", "-n", "10", "bash", "-c", churn, "storm", *args], start_new_session=True) for args in new]


def main():
	parser = argparse.ArgumentParser()
	parser.add_argument("--warm", type=float, default=20)
	parser.add_argument("--minutes", type=float, default=30)
	parser.add_argument("--slice", type=int, default=10)
	parser.add_argument("--modules", type=int, default=8192)
	args = parser.parse_args()
	with tempfile.TemporaryDirectory() as directory:
		store, log, programs = (os.path.join(directory, name) for name in ("store", "log", "programs"))
		os.mkdir(programs)
		with open(log, "w") as out:
			agent = subprocess.Popen([WICK, "agent", "--store", store, "--slice", str(args.slice), "--listen", "127.0.0.1:0",
				"--modules", str(args.modules)], stderr=out, start_new_session=True)
		running, points, minutes, start = storms(programs), [], [], time.monotonic()
		print("minute " + " ".join(f"{name:>14}" for name in TOLD))
		try:
			end = time.monotonic() + (args.warm + args.minutes) * 60
			while time.monotonic() < end:
				time.sleep(10)
				points.append(look(agent.pid))
				if len(points) % 6 == 0:
					minutes.append(((time.monotonic() - start) / 60, held(agent.pid, log)))
					tell(*minutes[-1])
		finally:
			for storm in running:
				os.killpg(storm.pid, signal.SIGKILL)
			agent.send_signal(signal.SIGINT)
		status = agent.wait()
		check = subprocess.run([WICK, "store", "check", store], capture_output=True, text=True)
	warm = [point for point in points if point[0] >= start + args.warm * 60]
	rise, error = slope([(t / 3600, kb) for t, kb, *_ in warm])
	print(f"{args.warm:.0f} + {args.minutes:.0f} minutes, {args.slice} s slices: RSS {points[0][1] / 1e3:.1f} MB at first, "
		f"{warm[0][1] / 1e3:.1f} MB warm, {warm[-1][1] / 1e3:.1f} MB at the end, at most {max(p[1] for p in points) / 1e3:.1f} MB; "
		f"{rise / 1e3:+.2f} +- {2 * error / 1e3:.2f} MB an hour")
	print(f"descriptors {warm[0][2]} to {warm[-1][2]} (at most {max(p[2] for p in warm)}), threads {warm[0][3]} to {warm[-1][3]}, "
		f"map bytes {warm[0][4]} to {warm[-1][4]}")
	print(check.stdout.rstrip())
	last = minutes[-1][1] if minutes else {}
	bad = [wrong for name, share in (("modules", 1.3), ("unwind_modules", 1.3), ("unwind_rules", 1), ("modules_waiting", 1), ("unwind_waiting", 1))
		if (wrong := above(last, name, share))]
	if rise - 2 * error > 1000:
		bad.append("RSS rises")
	settled = [settled_descriptors(items) for minute, items in minutes if minute >= args.warm]
	print(f"descriptors of no waiting file, each minute: {settled}")
	if settled and max(settled[len(settled) // 2:]) > max(settled[:len(settled) // 2 + 1]) + 8:
		bad.append("descriptors are not flat")
	if warm[-1][4] > 1.1 * warm[0][4]:
		bad.append("map bytes are not flat")
	if status or check.returncode:
		bad.append(f"agent {status}, check {check.returncode}: {check.stderr}")
	if bad:
		sys.exit("FAILED: " + "; ".join(bad))


main()
