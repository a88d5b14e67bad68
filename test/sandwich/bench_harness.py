#!/usr/bin/python3
"""The benchmark of mail works: a few messages on each way fill every table, all are delivered, and the charts are pictures. No figure
is judged."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

from daemon import ROOT
from suite import Failure, Skip, Suite, check, equal

suite = Suite()
MESSAGES = 20
LOADS = ("lat1/4K", "s10/4K", "reuse20/4K", "s10/64K", "s10/4K/smtp-source")
TARGETS = ("direct", "relaying", "scanning")


def bench(*arguments):
    build = os.environ.get("SANDWICH_BUILD")
    if not build or not os.path.exists(os.path.join(build, "test/bench/bench_send")):
        raise Skip("SANDWICH_BUILD has no bench_send")
    done = subprocess.run([sys.executable, os.path.join(ROOT, "test/bench/mail/run"), "--build", build, *arguments], check=False,
                          capture_output=True, text=True, timeout=60)
    if "cannot be had" in done.stderr:
        raise Skip(done.stderr.strip()[-200:])
    return done


def tables(text):
    """Title -> rows, each a list of cells; without the head and the line below it."""
    found = {}
    for section in re.split(r"(?m)^### ", text)[1:]:
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("|")]
        found[section.splitlines()[0]] = rows[2:]
    return found


@suite.test
def tables_and_charts():
    with tempfile.TemporaryDirectory() as directory:
        done = bench("--targets", ",".join(TARGETS), "--loads", ",".join(LOADS), "--messages", str(MESSAGES), "--repeat", "1",
                     "--database", "test", "--results", directory)
        equal(done.returncode, 0, done.stderr[-800:])
        results = pathlib.Path(directory)
        measured = json.loads((results / "mail.json").read_text())
        equal({(row["load"], row["target"]) for row in measured["rows"]}, {(load, target) for load in LOADS for target in TARGETS})
        for row in measured["rows"]:
            equal((row["messages"], row["refused"], row["lost"]), (MESSAGES, 0, 0), f"{row['load']} {row['target']}")
        equal({scan["texts"]: scan["messages"] for scan in measured["alone"]}, {"4K": MESSAGES, "64K": MESSAGES})
        found = tables((results / "mail.md").read_text())
        equal(len(found["Messages a second"]), len(LOADS))
        for title in ("Messages a second", "Messages a second, direct = 1", "CPU seconds for 1,000 messages", "Latency", "Memory"):
            for row in found[title]:
                check(all(cell not in ("-", "") for cell in row[:3]), f"{title}: {row}")
        equal([row[0] for row in found["Scanning, beside libclamav alone"]], ["4 KiB", "64 KiB"])
        pictures = sorted(results.glob("*.svg"))
        check(pictures, "no charts")
        for picture in pictures:
            xml.etree.ElementTree.parse(picture)


@suite.test
def what_does_not_run_is_told():
    done = bench("--targets", "direct", "--loads", "lat1/none")
    check(done.returncode == 2 and "lat1/none" in done.stderr, done.stderr)
    done = bench("--targets", "scanning", "--database", "/nowhere", "--loads", "lat1/4K")
    check(done.returncode == 1 and "/nowhere: no directory with signatures" in done.stderr, done.stderr)


if __name__ == "__main__":
    suite.main()
