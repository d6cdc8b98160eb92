#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""raw.py RAW DUMP: the samples of `go tool pprof -raw` against those of `wick dump profile --json`: values, labels,
and the stacks with every function, file and line, inlined ones too. Says how many it compared."""
import collections
import json
import re
import sys

LINE = re.compile(r"^(?:\s*(\d+): (0x[0-9a-f]+) (?:M=(\d+) )?|\s+)(.*):(\d+):(\d+) s=\d+(?:\(.*\))?$")


def of_go(path):
    part, stacks, locations, last = None, [], {}, None
    for text in open(path):
        text = text.rstrip("\n")
        if text in ("Samples:", "Locations", "Mappings"):
            part = text
        elif part == "Samples:" and re.match(r"^\s+\d+\s+\d+: ", text):
            values, ids = text.split(":")
            stacks.append(([int(v) for v in values.split()], [int(i) for i in ids.split()], []))
        elif part == "Samples:" and stacks:
            stacks[-1][2].extend(re.findall(r"(\w+):\[(.*?)\](?= \w+:\[|$)", text.strip()))
        elif part == "Locations":
            match = LINE.match(text)
            if not match:
                sys.exit(f"not understood: {text}")
            if match[1]:
                last = locations.setdefault(int(match[1]), [])
            last.append(f"{match[4]}:{match[5]}")
    for values, ids, labels in stacks:
        frames = [line for i in ids for line in locations[i]]
        yield tuple(values), tuple(frames), tuple(sorted(labels))


def of_wick(path):
    for sample in json.load(open(path))["samples"]:
        frames = [f'{f["name"]} {f.get("file") or ""}:{f.get("line") or 0}' for f in reversed(sample["frames"])]
        labels = [(l["key"], str(l["string"] if "string" in l else l["number"])) for l in sample["labels"]]
        yield tuple(sample["values"]), tuple(frames), tuple(sorted(labels))


theirs, ours = collections.Counter(of_go(sys.argv[1])), collections.Counter(of_wick(sys.argv[2]))
for what, only in ("pprof", theirs - ours), ("wick", ours - theirs):
    for sample in list(only)[:3]:
        print(f"only {what} has {sample}")
print(sum((theirs & ours).values()), "samples are the same")
sys.exit(theirs != ours or not ours)
