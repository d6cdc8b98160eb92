# SPDX-License-Identifier: GPL-2.0-or-later
"""What the benchmarks share: a load, control groups that measure, and the profilers side by side."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", TREE + "/build")
WICK = BUILD + "/wick"
FIXTURES = BUILD + "/tests/fixtures/"
MIB = 1024 * 1024
STOP_LIMIT = 120 # seconds for a tool to come to its file


def read(path):
    with open(path) as file:
        return file.read()


OWN_NAME = read("/proc/self/status").splitlines()[0]


class Group:
    """A fresh control group, v1 (memory and cpuacct) or v2, that counts what runs in it."""

    def __init__(self):
        name = "/wick-bench-%d-%d" % (os.getpid(), time.monotonic_ns())
        root = "/sys/fs/cgroup"
        if os.path.exists(root + "/cgroup.controllers"):
            self.memory = self.cpu = root + name
            self.peak_file = "memory.peak"
            with open(root + "/cgroup.subtree_control", "w") as file:
                file.write("+memory +cpu")
        else:
            self.memory, self.cpu = root + "/memory" + name, root + "/cpuacct" + name
            self.peak_file = "memory.max_usage_in_bytes"
        self.rss = 0
        for path in {self.memory, self.cpu}:
            os.mkdir(path)

    def enter(self):
        for path in {self.memory, self.cpu}:
            with open(path + "/cgroup.procs", "w") as file:
                file.write(str(os.getpid()))

    def watch(self):
        """Notes the largest process. VmHWM, not ru_maxrss: that one remembers the forking parent."""
        for pid in read(self.cpu + "/cgroup.procs").split():
            try:
                lines = read("/proc/%s/status" % pid).splitlines()
            except OSError:
                continue
            high = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
            if high and lines[0] != OWN_NAME: # a child of ours, not exec'd yet
                self.rss = max(self.rss, int(high[0]) * 1024)

    def cpu_seconds(self):
        if self.cpu == self.memory:
            stat = dict(line.split() for line in read(self.cpu + "/cpu.stat").splitlines())
            return int(stat["usage_usec"]) / 1e6
        return int(read(self.cpu + "/cpuacct.usage")) / 1e9

    def peak(self):
        return int(read(self.memory + "/" + self.peak_file))

    def close(self):
        for path in {self.memory, self.cpu}:
            try:
                os.rmdir(path)
            except OSError as error:
                print("cannot remove %s: %s" % (path, error), file=sys.stderr)


class Load:
    """Both CPUs busy with C, C++, system calls, deep stacks, short-lived processes, Python, node."""

    COMMANDS = [
        ["burn_fp", "86400"], ["burn_nofp", "86400"], ["syscalls_fp", "86400"],
        ["cpp_nofp", "86400"], ["deep_fp", "86400"],
        ["mapper_fp", "86400", FIXTURES + "libplugin.so"],
    ]
    FORKER = "while :; do %sforker_fp 50 >/dev/null; done" % FIXTURES
    PYTHON = "def a(n):\n return b(n) + 1\ndef b(n):\n return sum(i * n for i in range(1000))\n" \
             "while True: a(3)"
    NODE = "function a(n) { let s = 0; for (let i = 0; i < 1e6; i++) s += b(i, n); return s }" \
           "function b(i, n) { return Math.sqrt(i * n) } for (;;) a(3)"

    def __enter__(self):
        commands = [[FIXTURES + c[0]] + c[1:] for c in self.COMMANDS]
        commands.append(["sh", "-c", self.FORKER])
        for program, *code in (["python3", "-c", self.PYTHON], ["node", "-e", self.NODE]):
            if shutil.which(program):
                commands.append([program] + code)
        self.processes = [subprocess.Popen(c, stdout=subprocess.DEVNULL, start_new_session=True)
                          for c in commands]
        time.sleep(1)
        return self

    def __exit__(self, *_):
        for process in self.processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


# Our own folders of other tools' text: root first, one line a stack.
FOLD_PERF = r"""
/^[^ \t]/ { comm = $0; sub(/[ \t]+$/, "", comm); stack = ""; next }
NF { $1 = ""; sub(/^ /, ""); stack = ";" $0 stack; next }
comm != "" { count[comm stack]++; comm = "" }
END { if (comm != "") count[comm stack]++; for (s in count) print s, count[s] }
"""
FOLD_BPFTRACE = r"""
/^@\[/ { stack = ""; next }
/^, |^\]: / || /, [^ ]*\]: [0-9]+$/ {
	line = $0; n = line; sub(/.*\]: /, "", n); comm = line; sub(/\]: [0-9]+$/, "", comm)
	sub(/^, */, "", comm); if (comm ~ /[^ ]/) print comm stack, n; next
}
NF { gsub(/^ +| +$/, ""); sub(/\+[0-9]+$/, ""); stack = ";" $0 stack }
"""


def headers_missing():
    return not (os.path.exists("/lib/modules/%s/build" % os.uname().release)
                or "BCC_KERNEL_SOURCE" in os.environ)


class Tool:
    """name; record: the command until it is stopped; finish: what makes the folded file of it.
    {hz}, {dir} and {out} are filled in; finish runs in the same control group."""

    def __init__(self, name, record, finish=None, raw=None, out="out.folded", missing=None):
        self.name, self.record, self.finish = name, record, finish
        self.raw, self.out, self.missing = raw, out, missing


def tools():
    def absent(program):
        return None if shutil.which(program) else program + " is not installed"

    wick = None if os.access(WICK, os.X_OK) else "not built"
    bcc = absent("profile-bpfcc")
    if not bcc and headers_missing():
        bcc = "no headers for this kernel, see tests/bench/headers-for-bcc"
    record = "exec %s record -a -F {hz} -o {dir}/" % WICK
    return [
        Tool("wick folded", record + "out.folded", missing=wick),
        Tool("wick pb.gz", record + "out.pb.gz", out="out.pb.gz", missing=wick),
        Tool("perf", "exec perf --buildid-dir {dir}/ids record -q -F {hz} -g -a -o {dir}/perf.data",
             "perf --buildid-dir {dir}/ids script -i {dir}/perf.data -F comm,ip,sym 2>/dev/null"
             " | awk -f {dir}/fold > {dir}/out.folded", raw="perf.data", missing=absent("perf")),
        Tool("bcc profile", "exec profile-bpfcc -F {hz} -f > {dir}/out.folded", missing=bcc),
        Tool("bpftrace", "exec bpftrace -e 'profile:hz:{hz} {{ @[kstack, ustack, comm] = count(); }}'"
             " > {dir}/out.bt", "awk -f {dir}/fold {dir}/out.bt > {dir}/out.folded", raw="out.bt",
             missing=absent("bpftrace")),
    ]


def folded_samples(path):
    """The sum of a folded file; wick reads its own pb.gz."""
    if path.endswith(".pb.gz"):
        text = subprocess.run([WICK, "convert", path, "-o", "-"], stdout=subprocess.PIPE,
                              check=True).stdout.decode(errors="replace")
    else:
        with open(path, errors="replace") as file:
            text = file.read()
    return sum(int(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.strip())


class Run:
    """One profiler at work in a control group of its own."""

    def __init__(self, tool, hz):
        self.tool, self.group = tool, Group()
        self.dir = tempfile.mkdtemp(prefix="wick-bench-")
        self.names = {"hz": hz, "dir": self.dir}
        with open(self.dir + "/fold", "w") as file:
            file.write(FOLD_BPFTRACE if tool.name == "bpftrace" else FOLD_PERF)
        self.begin = time.monotonic()
        self.process = self.spawn(tool.record)

    def spawn(self, command):
        log = open(self.dir + "/log", "a")
        with log:
            return subprocess.Popen(["sh", "-c", command.format(**self.names)], stderr=log,
                                    stdin=subprocess.DEVNULL, preexec_fn=self.group.enter)

    def sampling(self):
        for pid in read(self.group.cpu + "/cgroup.procs").split():
            try:
                fds = os.scandir("/proc/%s/fd" % pid)
                if any("perf_event" in os.readlink(fd.path) for fd in fds):
                    return True
            except OSError:
                continue
        return False

    def started(self):
        """Waits until it holds perf events; gives seconds since its start."""
        while not self.sampling():
            if self.process.poll() is not None or time.monotonic() > self.begin + STOP_LIMIT:
                sys.exit("%s does not start:\n%s" % (self.tool.name, self.log()))
            self.group.watch()
            time.sleep(0.02)
        return time.monotonic() - self.begin

    def watch(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            self.group.watch()
            time.sleep(0.1)

    def wait(self, process, until):
        while process.poll() is None:
            if time.monotonic() > until:
                process.kill()
                process.wait()
                return False
            self.group.watch()
            time.sleep(0.02)
        return True

    def stop(self):
        """SIGINT, and everything until the file stands there; gives seconds, None = was cut off."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        if not self.wait(self.process, begin + STOP_LIMIT):
            return None
        if self.tool.finish and not self.wait(self.spawn(self.tool.finish), begin + STOP_LIMIT):
            return None
        return time.monotonic() - begin

    def path(self, name):
        return self.dir + "/" + name

    def log(self):
        return read(self.dir + "/log").strip()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.group.close()
        shutil.rmtree(self.dir, ignore_errors=True)
