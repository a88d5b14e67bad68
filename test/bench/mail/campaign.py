"""All loads to all targets, in turns: within a repetition each target gets a load before any gets the next, so that what disturbs
the machine disturbs them alike. Rows come out, one for each target, load and repetition. libclamav alone takes its turn after each load."""

import dataclasses
import time

from . import measure
from .loads import Load
from .progress import Progress
from .texts import SIZES

_COUNTED = ("s10/4K", "reuse20/4K")  # what system calls are counted of
_SETTLE = 0.05  # seconds for what a target does after its last reply


@dataclasses.dataclass
class Limits:
    seconds: float  # for each measurement
    repetitions: int
    messages: int = 0  # instead of a time


class Campaign:
    """`texts(kind, repetition)`: a directory with mails. `engine`: libclamav alone, or None. `counter`: of system calls, or None."""

    def __init__(self, targets, loads, texts, own, smtp_source, engine, limits, counter=None):
        self.targets, self.loads, self.engine = targets, loads, engine
        self._texts, self._own, self._smtp_source = texts, own, smtp_source
        self._limits, self._counter = limits, counter
        self._rates = {}  # (target, sessions, texts) -> messages a second, to give smtp-source a number
        self._broken = set()  # (target, load) that stalled: once is enough
        self.rows, self.scans, self.engine_pss = [], [], {}
        self.calls = {}  # (load, target) -> {process: {system call: number for a message}}

    def run(self):
        kinds = list(dict.fromkeys(load.texts for load in self.loads)) if self.engine else []
        progress = Progress(self._limits.repetitions * len(self.loads) * (len(self.targets) + (1 if self.engine else 0)))
        for target in self.targets:
            self._warm(target)
        for kind in kinds:
            self.engine.scan(self._texts(kind, 0), messages=2)
        for repetition in range(self._limits.repetitions):
            for load in self.loads:
                for target in self.targets:
                    progress.step(f"repetition {repetition + 1}, {load.title}: {target.title}")
                    self._one(target, load, repetition, progress)
                if self.engine:
                    progress.step(f"repetition {repetition + 1}, {load.title}: {self.engine.title}")
                    self._scan(load, repetition)
        if self.engine:
            self.engine_pss = self.engine.pss()
        if self._counter:
            progress.say("system calls are counted")
            self._count_calls()
        progress.end()

    def _warm(self, target):
        first = self.loads[0]
        self._own.send(target.port, Load("warm", first.texts, 2), self._texts(first.texts, 0), messages=10, patience=30)

    def _count_calls(self):
        for load in self.loads:
            for target in self.targets:
                if load.name in _COUNTED and target.name in ("haproxy", "relaying", "scanning"):
                    send = lambda messages, load=load, target=target: self._own.send(  # noqa: E731
                        target.port, load, self._texts(load.texts, 0), messages=messages, patience=60)
                    self.calls[load, target] = self._counter.count(target, send)

    def _one(self, target, load, repetition, progress):
        if (target.name, load.name) in self._broken:
            return
        processes = target.processes()
        before, begin = measure.cpu(processes), time.monotonic()
        sent = self._send(target, load, repetition)
        time.sleep(_SETTLE)
        processes = target.processes()
        used = measure.difference(before, measure.cpu(processes))
        row = {"target": target.name, "load": load.name, "repetition": repetition, **sent, "cpu": used, "pss": measure.pss(processes),
               "elapsed": time.monotonic() - begin}
        row["rate"] = sent["messages"] / sent["seconds"] if sent["seconds"] > 0 else 0
        self.rows.append(row)
        self._rates[target.name, load.sessions, load.texts] = row["rate"]
        if problem := trouble_of(row):
            progress.say(f"{target.title}, {load.title}: {problem}")
        if sent["stalled"]:
            self._broken.add((target.name, load.name))

    def _send(self, target, load, repetition):
        limits = self._limits
        if load.sender == "own":
            return self._own.send(target.port, load, self._texts(load.texts, repetition), seconds=None if limits.messages else limits.seconds,
                                  messages=limits.messages or None)
        rate = self._rates.get((target.name, load.sessions, load.texts)) or 20
        messages = limits.messages or max(load.sessions, int(rate * limits.seconds))
        return self._smtp_source.send(target.port, load, messages, SIZES[load.texts])

    def _scan(self, load, repetition):
        directory = self._texts(load.texts, repetition)
        if load.texts == "corpus":  # each mail as often as any other
            done = self.engine.scan(directory, messages=self._limits.messages or sum(1 for _ in directory.iterdir()))
        else:
            done = self.engine.scan(directory, seconds=self._limits.seconds, messages=self._limits.messages)
        self.scans.append({"load": load.name, "repetition": repetition, **done})


def trouble_of(row):
    """What went wrong in a row, in words; empty when nothing did."""
    if row["stalled"]:
        return f"stalled after {row['messages']} messages ({row['trouble'] or 'no reply'})"
    if row["refused"] or row["lost"]:
        return f"{row['refused']} refused, {row['lost']} lost ({row['trouble']})"
    return "" if row["messages"] else "no message got through"


