#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Which stacks of a folded file are whole: every frame from the root to the leaf, in order.

usage: whole.py [--comm NAME] [--least PERCENT] [--samples N] [--entry FILE] FILE PATH..

A stack is whole if all of it is one of the PATHs. A PATH is a list of frames, root first, divided by
spaces: each a regular expression for one frame's whole name, with ?, *, + or {N} behind a # for how
often it stands there (once without). What is behind a lone | may be cut off at any frame: for
programs whose samples lie all along the path. Words:
    START   the frames of the C library, or of none, between _start and main, with _start
    THREAD  the same for a thread's first function
    ENTRY   a frame within 64 bytes of FILE's entry point (--entry), or _start: a root
    LIBRARY a function, or an unnamed place, of a shared library: name or lib*.so*+0x..
Prints how many are whole, and the worst of the others. Exit status 1: fewer than PERCENT."""

import argparse
import collections
import os
import re
import struct
import sys

LIBC = r"libc\.so\.6\+0x[0-9a-f]+|ld-musl[^;]*|libc\.so\+0x[0-9a-f]+|__libc_start_\w+|libc_start_main\w*|_start_c"
WORDS = {
    "START": ["_start", "(%s)#*" % LIBC],
    "THREAD": [r"libc\.so\.6\+0x[0-9a-f]+|(__)?clone3?|(__)?start_thread|start"] * 2,
    "LIBRARY": [r"(lib|ld-)[^;]*\.so[^;]*\+0x[0-9a-f]+"],
    "ANY": [".*#*"],
}


def entry(path):
    """A pattern for the unnamed frames just behind a stripped program's entry point."""
    with open(path, "rb") as file:
        start = struct.unpack_from("<Q", file.read(64), 24)[0]
    offsets = "|".join("%x" % (start + i) for i in range(64))
    return [r"_start|%s\+0x(%s)" % (re.escape(os.path.basename(os.path.realpath(path))), offsets)]


def compiled(path, words):
    """A pattern over frames that each end in a newline."""
    tokens, pattern, depth, optional = [], "", 0, False
    for token in path.split():
        tokens += words.get(token, [token])
    for token in tokens:
        if token == "|":
            optional = True
            continue
        name, _, times = token.partition("#")
        if optional:
            pattern += "(?:"
            depth += 1
        pattern += "(?:(?:%s)\n)%s" % (name, times)
    return re.compile(pattern + ")?" * depth)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--comm", metavar="NAME")
    parser.add_argument("--least", type=float, default=99.5, metavar="PERCENT")
    parser.add_argument("--samples", type=int, default=1, metavar="N")
    parser.add_argument("--entry", metavar="FILE", action="append", default=[])
    parser.add_argument("file")
    parser.add_argument("paths", nargs="+")
    args = parser.parse_args()
    words = dict(WORDS, ENTRY=["|".join(["_start"] + [entry(f)[0] for f in args.entry])])
    patterns = [compiled(path, words) for path in args.paths]
    whole, others = 0, collections.Counter()
    with open(args.file, errors="replace") as file:
        for line in file:
            stack, count = line.rstrip("\n").rsplit(" ", 1)
            comm, *frames = stack.split(";")
            if args.comm and comm != args.comm:
                continue
            text = "".join(frame + "\n" for frame in frames)
            if any(pattern.fullmatch(text) for pattern in patterns):
                whole += int(count)
            else:
                others[";".join(frames)] += int(count)
    total = whole + sum(others.values())
    for stack, count in others.most_common(5):
        frames = stack.split(";")
        if len(frames) > 24:
            frames[12:-12] = ["(%d more)" % (len(frames) - 24)]
        print("%7d  not whole: %s" % (count, ";".join(frames)))
    percent = 100 * whole / total if total else 0
    print("%s: %d of %d stacks whole, %.2f %% (wanted at least %g %%)" %
          (args.comm or "all", whole, total, percent, args.least))
    if total < args.samples:
        sys.exit("too few samples: %d, less than %d" % (total, args.samples))
    sys.exit(percent < args.least)


if __name__ == "__main__":
    main()
