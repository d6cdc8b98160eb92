#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The store under faults: faults.py kill|power|calls [--times N] [--every N] [--seed N] [--dir DIR]

kill   kill -9 at a random moment while store_storm writes and rolls up, N times over one store
power  a power cut (ext4 on a loop file, the SHUTDOWN ioctl that drops its log) N times; --fsck: with fsck after each tenth
calls  every system call of the store failing at its n-th call, for each error it may give, by
       inject.c, and every write a short one; --every N takes each N-th n only

After each one the next start verifies every file, row and sum. Ends with 0 when all held, 1 when not,
77 when this machine cannot do it (says why). BUILD: the build directory.
"""
import argparse, ctypes, errno, fcntl, os, random, shutil, signal, struct, subprocess, sys, tempfile, time

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STORM = os.path.join(os.environ.get("BUILD", os.path.join(TREE, "build")), "store_storm")
BUDGET = 5 << 18 # few files, so that each start verifies them fast
EXT4_SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2


def skip(why):
	print(f"SKIPPED: {why}", file=sys.stderr)
	sys.exit(77)


def fail(why):
	print(f"FAILED: {why}", file=sys.stderr)
	sys.exit(1)


class Storm:
	"""A running writer, and what it has said."""

	def __init__(self, path, closed, count=0):
		self.closed, self.start_ms, self.files, self.rest = closed, None, 0, b""
		self.process = subprocess.Popen([STORM, path, str(count), str(closed), str(BUDGET)],
			stdout=subprocess.PIPE, stderr=subprocess.PIPE)

	def take(self, text):
		lines = (self.rest + text).split(b"\n")
		self.rest = lines.pop()
		for line in lines:
			words = line.split()
			if words[0] == b"closed":
				self.closed = int(words[1])
			elif words[0] == b"start":
				self.start_ms, self.files = float(words[1]), int(words[2])

	def await_start(self):
		while self.start_ms is None:
			text = os.read(self.process.stdout.fileno(), 1 << 16)
			if not text:
				fail(f"no start: {self.end()}")
			self.take(text)

	def take_waiting(self):
		fd = self.process.stdout.fileno()
		os.set_blocking(fd, False)
		try:
			self.take(os.read(fd, 1 << 20))
		except BlockingIOError:
			pass
		os.set_blocking(fd, True)

	def end(self):
		out, err = self.process.communicate()
		self.take(out)
		return err.decode(errors="replace")

	def kill(self):
		self.process.send_signal(signal.SIGKILL)
		err = self.end()
		if self.start_ms is None or b"WRONG" in err.encode() or self.process.returncode != -signal.SIGKILL:
			fail(f"status {self.process.returncode}: {err}")


def report(what, times, starts, closed, began):
	starts = sorted(starts)
	print(f"{what}: {times} in {time.time() - began:.0f} s, {closed} slices closed, 0 lost, 0 unreadable, "
		f"0 wrong sums; start: median {starts[len(starts) // 2]:.1f} ms, worst {starts[-1]:.1f} ms", flush=True)


def run_kill(args, directory):
	store, closed, starts, began = os.path.join(directory, "store"), 0, [], time.time()
	for _ in range(args.times):
		storm = Storm(store, closed)
		storm.await_start()
		time.sleep(random.uniform(0, 0.03))
		storm.kill()
		closed = storm.closed
		starts.append(storm.start_ms)
		if len(starts) % 500 == 0 and len(starts) < args.times:
			report("kill -9 so far", len(starts), starts, closed, began)
	report("kill -9", args.times, starts, closed, began)


def sh(*command):
	subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def own_mounts():
	"""A namespace of our own: a copy of the mount in somebody else's would keep the dead file system alive."""
	if ctypes.CDLL(None).unshare(0x00020000): # CLONE_NEWNS
		skip("cannot have a mount namespace")
	sh("mount", "--make-rprivate", "/")


def mount_image(image, mount):
	result = subprocess.run(["mount", "-o", "loop", image, mount], capture_output=True, text=True)
	if result.returncode:
		skip(f"cannot mount a loop file: {result.stderr.strip()}")


def cut_power(mount):
	fd = os.open(mount, os.O_RDONLY)
	try:
		fcntl.ioctl(fd, EXT4_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
	finally:
		os.close(fd)


def run_power(args, directory):
	if os.geteuid():
		skip("needs root")
	image, mount = os.path.join(directory, "image"), os.path.join(directory, "mount")
	store, closed, starts, began = os.path.join(mount, "store"), 0, [], time.time()
	own_mounts()
	os.mkdir(mount)
	sh("truncate", "-s", "64M", image)
	sh("mkfs.ext4", "-q", "-F", image)
	try:
		for _ in range(args.times):
			mount_image(image, mount)
			storm = Storm(store, closed)
			storm.await_start()
			time.sleep(random.uniform(0, 0.05))
			storm.take_waiting()
			cut_power(mount)
			storm.process.send_signal(signal.SIGKILL)
			# What it says after the cut is not true any more: only what came before counts.
			closed, said = storm.closed, storm.end()
			if storm.start_ms is None or "WRONG" in said and "it does not recover" not in said:
				fail(said)
			starts.append(storm.start_ms)
			sh("umount", mount)
			if args.fsck and len(starts) % 10 == 0 and subprocess.run(["fsck.ext4", "-fp", image], stdout=subprocess.DEVNULL).returncode > 1:
				fail("fsck found more than it could mend")
			if len(starts) % 100 == 0 and len(starts) < args.times:
				report("power cut so far", len(starts), starts, closed, began)
	finally:
		subprocess.run(["umount", "-q", mount], stderr=subprocess.DEVNULL)
	report("power cut", args.times, starts, closed, began)


# What the store calls, by what each may fail with.
CALLS = {
	"openat": ["ENOSPC", "EIO", "EINTR", "EMFILE", "EROFS"],
	"write": ["ENOSPC", "EIO", "EINTR"],
	"pwrite64": ["ENOSPC", "EIO", "EINTR"],
	"fsync": ["EIO", "ENOSPC", "EINTR"],
	"fdatasync": ["EIO", "ENOSPC", "EINTR"],
	"renameat": ["ENOSPC", "EIO", "EINTR"],
	"unlinkat": ["EIO", "EINTR", "EROFS"],
	"unlink": ["EIO", "EROFS"],
	"close": ["EIO", "EINTR"],
	"read": ["EIO", "EINTR"],
	"pread64": ["EIO", "EINTR"],
	"newfstatat": ["EIO"],
	"fstatfs": ["EIO", "EINTR"],
	"ftruncate": ["EIO", "ENOSPC"],
	"fcntl": ["EIO"],
	"getdents64": ["EIO"],
	"mkdir": ["ENOSPC", "EIO"],
	"mkdirat": ["ENOSPC", "EIO"],
	"mmap": ["ENOMEM"],
	"flock": ["EINTR", "ENOLCK"],
	"fchown": ["EPERM"],
	"short": [None], # writes that write half
}
# A store that has been through something: half a file, a damaged one and a damaged index are set aside,
# and what is new needs room. These calls are made for that; the others are met in a fresh store.
WORN_CALLS = ["unlinkat", "mkdirat", "renameat", "unlink", "getdents64"]


class Fresh:
	"""No store yet; enough slices for two roll-ups."""
	name, slices, closed, budget, calls = "fresh", 23, 0, [], list(CALLS)

	def place(self, store):
		shutil.rmtree(store, ignore_errors=True)


class Worn:
	name, slices, closed, budget, calls = "worn", 5, 300, [str(BUDGET)], WORN_CALLS

	def __init__(self, directory):
		self.template = os.path.join(directory, "worn")
		if run_storm(None, self.template, str(self.closed), "0", *self.budget).returncode:
			fail("no store to start from")
		for name in (".wick-slice-7.tmp", "00000000T000000Z-slice-0000000001.pb.gz"):
			with open(os.path.join(self.template, name), "wb") as file:
				file.write(b"half a file")
		with open(os.path.join(self.template, "index.sqlite"), "r+b") as file:
			file.write(bytes(100))

	def place(self, store):
		shutil.rmtree(store, ignore_errors=True)
		shutil.copytree(self.template, store)


def run_storm(fault, *arguments):
	return subprocess.run([STORM, *arguments], capture_output=True, text=True,
		env=dict(os.environ, WICK_FAULT=fault) if fault else None)


def run_writer(scenario, fault, store):
	return run_storm(fault, store, str(scenario.slices), str(scenario.closed), *scenario.budget)


def count_calls(scenario, store):
	scenario.place(store)
	run = run_writer(scenario, "count", store)
	if run.returncode == 77:
		skip("no faults of system calls on this machine")
	if run.returncode:
		fail(f"without a fault: {run.returncode}: {run.stderr}")
	counts = dict.fromkeys(CALLS, 0)
	for line in run.stderr.splitlines():
		if line.startswith("calls "):
			counts[line.split()[1]] = int(line.split()[2])
	counts["short"] = counts["write"] + counts["pwrite64"]
	return counts


def try_call(scenario, store, call, error, n):
	"""One run with one fault. It may not open (status 1); it may never be wrong, nor crash."""
	what = f"{scenario.name}: {call} {error} n={n}"
	scenario.place(store)
	run = run_writer(scenario, f"{call} {getattr(errno, error) if error else 0} {n}", store)
	closed = [line.split()[1] for line in run.stdout.splitlines() if line.startswith("closed")]
	if run.returncode not in (0, 1):
		fail(f"{what}: status {run.returncode}: {run.stderr}")
	if run.returncode == 0 and len(closed) < scenario.slices - 1: # the fault may have met the word, not the deed
		fail(f"{what}: {len(closed)} slices closed of {scenario.slices}")
	# "count" makes no fault; the index that the fault left damaged may be set aside.
	again = run_storm("count", store, "1", closed[-1] if closed else str(scenario.closed), *scenario.budget)
	if again.returncode:
		fail(f"{what}: the next start: {again.returncode}: {again.stderr}\nfirst: {run.stderr}")
	return run.returncode == 0


def run_calls(args, directory):
	store = os.path.join(directory, "store")
	began, runs, refused, met, slowest = time.time(), 0, 0, {}, (0, "")
	for scenario in (Fresh(), Worn(directory)):
		counts = count_calls(scenario, store)
		for call in scenario.calls:
			met[call] = met.get(call, 0) + counts[call]
			for error in CALLS[call]:
				for n in range(1 + args.seed % args.every, counts[call] + 1, args.every):
					start = time.time()
					runs += 1
					refused += not try_call(scenario, store, call, error, n)
					slowest = max(slowest, (time.time() - start, f"{call} {error} n={n}"))
			if args.every == 1:
				print(f"{scenario.name}: {call}: all {counts[call]}", flush=True)
	unmet = [call for call in met if not met[call]]
	del met["short"]
	print(f"calls: {runs} runs in {time.time() - began:.0f} s, one fault each, over {sum(met.values())} calls of "
		f"{sum(map(bool, met.values()))} kinds: 0 crashes, 0 wrong sums, {refused} did not start and said why; the slowest "
		f"took {slowest[0]:.1f} s ({slowest[1]})")
	if unmet:
		fail(f"never called, so never tried: {' '.join(unmet)}")


def main():
	parser = argparse.ArgumentParser()
	parser.add_argument("what", choices=["kill", "power", "calls"])
	parser.add_argument("--times", type=int, default=100)
	parser.add_argument("--every", type=int, default=1)
	parser.add_argument("--seed", type=int, default=0)
	parser.add_argument("--fsck", action="store_true")
	parser.add_argument("--dir")
	args = parser.parse_args()
	random.seed(args.seed or None)
	if args.what == "calls" and not args.dir and os.access("/dev/shm", os.W_OK):
		args.dir = "/dev/shm" # whose fsync costs nothing
	with tempfile.TemporaryDirectory(dir=args.dir) as directory:
		{"kill": run_kill, "power": run_power, "calls": run_calls}[args.what](args, directory)


main()
