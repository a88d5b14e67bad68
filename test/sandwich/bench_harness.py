#!/usr/bin/python3
"""The benchmark of mail works: a few messages on each way fill every table, all are delivered, and the charts are pictures; its sender
sends what it was given, and counts what was refused. No figure is judged."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

from daemon import ROOT
from suite import Skip, Suite, check, equal

from sink import Sink

sys.path.insert(0, os.path.join(ROOT, "test", "bench"))
from mail.figures import Figures  # noqa: E402
from mail.places import Trouble  # noqa: E402
from mail.results import with_brief  # noqa: E402

suite = Suite()
MESSAGES = 20
LOADS = ("lat1/4K", "s10/4K", "reuse20/4K", "s10/64K", "s10/4K/smtp-source")
TARGETS = ("direct", "relaying", "scanning")


def build():
    directory = os.environ.get("SANDWICH_BUILD")
    if not directory or not os.path.exists(os.path.join(directory, "test/bench/bench_send")):
        raise Skip("SANDWICH_BUILD has no bench_send")
    return directory


def bench(*arguments, name="run"):
    done = subprocess.run([sys.executable, os.path.join(ROOT, "test/bench/mail", name), "--build", build(), *arguments], check=False,
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
        equal({scan["load"]: scan["messages"] for scan in measured["alone"]}, {load: MESSAGES for load in LOADS})
        found = tables((results / "mail.md").read_text())
        equal(len(found["Messages a second"]), len(LOADS))
        for title in ("Messages a second", "Messages a second, direct = 1", "CPU seconds for 1,000 messages", "Latency", "Memory"):
            for row in found[title]:
                check(all(cell not in ("-", "") for cell in row[:3]), f"{title}: {row}")
        equal([row[0] for row in found["Scanning, beside libclamav alone"]], ["lat1 4 KiB", "s10 4 KiB", "reuse20 4 KiB", "s10 64 KiB"])
        pictures = sorted(results.glob("*.svg"))
        check(pictures, "no charts")
        for picture in pictures:
            xml.etree.ElementTree.parse(picture)


@suite.test
def a_directory_is_asked_with_and_without_memory():
    with tempfile.TemporaryDirectory() as directory:
        done = bench("--entries", "60", "--questions", "50", "--repeat", "1", "--sessions", "1,4", "--results", directory, name="directory")
        equal(done.returncode, 0, done.stderr[-800:])
        measured = json.loads((pathlib.Path(directory) / "directory.json").read_text())["rows"]
        modes = ("off", "first", "again")
        equal([(row["at_once"], row["mode"]) for row in measured], [(at_once, mode) for at_once in (1, 4) for mode in modes])
        for row in measured:
            equal((row["known"], row["unknown"], row["remembered"]), (45, 5, 50 if row["mode"] == "again" else 0), row["mode"])
        rows = [line.strip("|").split("|") for line in (pathlib.Path(directory) / "directory.md").read_text().splitlines() if line.startswith("|")]
        equal(len(rows), 2 + 2 * len(modes))
        for row in rows[2:]:
            check(all(cell.strip() for cell in row) and len(row) == 5, row)
    done = bench("--entries", "10", "--questions", "11", name="directory")
    equal(done.returncode, 2, done.stderr)


def send(port, *arguments):
    done = subprocess.run([os.path.join(build(), "test/bench/bench_send"), *arguments[:-1], f"127.0.0.1:{port}", arguments[-1]], check=True,
                          capture_output=True, text=True, timeout=30)
    return json.loads(done.stdout)


@suite.test
def the_sender_sends_what_it_was_given():
    with tempfile.TemporaryDirectory() as directory, Sink() as sink:
        mail = os.path.join(directory, "mail")
        with open(mail, "wb") as file:
            file.write(b"From somebody Sat Nov 28\nSubject: dots\r\n\n.\n..two\r\n.\r\r\nmark @SANDWICH-BENCH@ @SANDWICH-BENCH@\nno end")
        told = send(sink.port, "-s", "3", "-r", "2", "-n", "7", mail)
        equal((told["messages"], told["refused"], told["lost"], told["stalled"]), (7, 0, 0, False))
        equal(len(sink.messages), 7)
        marks = set()
        for message in sink.messages:
            found = re.fullmatch(rb"Received: from [^\r\n]+\r\n\tby mx\.from\.test [^\r\n]+ id ([0-9a-f]{16});\r\n\t[^\r\n]+\r\n"
                                 rb"Subject: dots\r\n\r\n\.\r\n\.\.two\r\n\.\r\nmark ([0-9a-f]{16}) \2\r\nno end\r\n", message.data)
            check(found, message.data)
            marks |= set(found.groups())
        equal(len(marks), 14, "queue ids and marks that occur once")


@suite.test
def the_sender_counts_what_was_refused():
    with tempfile.NamedTemporaryFile() as mail, Sink(react={"dot": "452 4.3.1 full"}) as sink:
        mail.write(b"Subject: a\n\nb\n")
        mail.flush()
        told = send(sink.port, "-s", "2", "-n", "4", mail.name)
        equal((told["messages"], told["refused"], told["trouble"]), (0, 4, "452 4.3.1 full"))
        sink.close()
        told = send(sink.port, "-n", "4", mail.name)
        equal((told["messages"], told["lost"]), (0, 4))


@suite.test
def the_sender_keeps_to_a_rate():
    with tempfile.TemporaryDirectory() as directory, Sink() as sink:
        mail, times = (os.path.join(directory, name) for name in ("mail", "times"))
        with open(mail, "wb") as file:
            file.write(b"Subject: a\n\nb\n")
        told = send(sink.port, "-s", "5", "-n", "6", "-R", "40", "-l", times, mail)
        equal((told["messages"], told["refused"], told["lost"]), (6, 0, 0))
        with open(times, encoding="ascii") as file:
            due = sorted(float(line.split()[0]) for line in file)
        equal([round((each - due[0]) * 40, 3) for each in due], [0, 1, 2, 3, 4, 5], "when they were due")


@suite.test
def parts_of_scale_are_kept_beside_each_other():
    with tempfile.TemporaryDirectory() as directory:
        common = ("--database", "test", "--results", directory)
        for parts in (("many", "--messages", "200"), ("workers", "--workers", "1")):
            done = bench("--parts", *parts, *common, name="scale")
            equal(done.returncode, 0, done.stderr[-800:])
        text = (pathlib.Path(directory) / "scale.md").read_text()
        found = tables(text)
        equal(sorted(found), ["Beside the goals", "Many messages: sandwichd, scanning off", "Workers"])
        equal([row[0] for row in found["Many messages: sandwichd, scanning off"]],
              ["2", *(str(count) for count in range(20, 201, 20))], "after how many messages memory was looked at")
        equal(len(found["Beside the goals"]), 4)
        for title, rows in found.items():
            for row in rows:
                check(all(row), f"{title}: {row}")


@suite.test
def ratios_are_taken_within_a_repetition():
    def row(target, repetition, messages, cpu):
        return {"target": target, "load": "s10/4K", "repetition": repetition, "messages": messages, "stalled": False, "seconds": 1.0,
                "rate": messages, "cpu": {"one": cpu / 2, "other": cpu / 2}, "median_ms": 1.0}

    # The machine halves its speed twice; the ratio stays.
    rows = [row("haproxy", number, 1000 >> number, 0.5) for number in range(3)]
    rows += [row("relaying", number, 1500 >> number, 0.75) for number in range(3)]
    figures = Figures(rows, [{"load": "s10/4K", "repetition": number, "messages": 500 >> number, "cpu": 0.25, "seconds": 1}
                             for number in range(3)])
    rate = figures.rate("haproxy", "s10/4K")
    equal((rate.value, rate.least, rate.most), (500, 250, 1000))
    ratio = figures.rate_ratio("relaying", "haproxy", "s10/4K")
    equal((ratio.value, ratio.least, ratio.most), (1.5, 1.5, 1.5))
    equal(figures.cpu_ratio("relaying", "haproxy", "s10/4K").value, 1.0)
    equal(figures.engine_ratio("relaying", "s10/4K").value, 1.0)
    equal(figures.rate("scanning", "s10/4K"), None)
    equal(Figures([rows[0] | {"stalled": True}], []).rate("haproxy", "s10/4K"), None)


@suite.test
def the_short_form_replaces_the_one_before():
    text = "a\n<!-- measured -->\nold\n<!-- end of measured -->\nb\n"
    equal(with_brief(text, "new\n"), text.replace("old", "new"))
    for broken in ("a\nb\n", "a\n<!-- measured -->\nb\n"):
        try:
            with_brief(broken, "new\n")
            check(False, "nothing was said of a missing mark")
        except Trouble:
            pass


@suite.test
def what_does_not_run_is_told():
    done = bench("--targets", "direct", "--loads", "lat1/none")
    check(done.returncode == 2 and "lat1/none" in done.stderr, done.stderr)
    done = bench("--targets", "scanning", "--database", "/nowhere", "--loads", "lat1/4K")
    check(done.returncode == 1 and "/nowhere: no directory with signatures" in done.stderr, done.stderr)


if __name__ == "__main__":
    suite.main()
