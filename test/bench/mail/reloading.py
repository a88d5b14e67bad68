"""New signatures under load: what is refused, what goes unscanned, and how long the longest message waits. A part of scale."""

import contextlib
import os
import re
import signal
import statistics
import time

from . import senders, targets
from .figures import Figure
from .loads import Load
from .places import Trouble
from .table import cell, number
from .tables import Part

_FULL = Load("full", "4K", 20)
_HALF = Load("half", "4K", 400)  # more sessions than it ever needs, so that a message begins when it is due
_LONGEST_LOADING = 900  # seconds
_AFTER = 1.0  # seconds after the old workers are gone


class _Log:
    """What the daemon says from now on; only what is new is read, so that looking costs little."""

    def __init__(self, path):
        self._path = path
        self._at = os.path.getsize(path)

    def new(self):
        with open(self._path, "rb") as file:
            file.seek(self._at)
            octets = file.read()
        whole = octets[:octets.rfind(b"\n") + 1]
        self._at += len(whole)
        return whole


def _settled(path):
    """The log once the messages of before are all in it: one of them counted would hide one that was not scanned."""
    for _ in range(60):
        log = _Log(path)
        time.sleep(0.5)
        if not log.new():
            return log
    raise Trouble("messages of before are still under way")


class _Run:
    """One sender from its start to its end, with or without a reload within it."""

    def __init__(self, target, sender, log):
        self._target, self._sender, self._log = target, sender, log
        self._said = b""
        self.loading = self.window = None

    def reload(self):
        """From SIGHUP until the old workers are gone."""
        daemon = self._target.daemon
        old = set(daemon.pids("zygote"))
        begun = time.monotonic()
        os.kill(daemon.pid, signal.SIGHUP)
        said = self._wait(begun, rb": (reloaded|reload_refused): .*", "the reload")
        if b"reloaded: " not in said or b"as before" in said:
            raise Trouble(f"the reload was refused: {said.decode(errors='replace')[:300]}")
        self.loading = time.monotonic() - begun
        while old & set(daemon.pids("zygote")):
            if time.monotonic() - begun > _LONGEST_LOADING:
                raise Trouble("the old scanner does not end")
            time.sleep(0.1)
        time.sleep(_AFTER)
        self.window = (begun, time.monotonic())

    def _wait(self, begun, pattern, what):
        while time.monotonic() - begun < _LONGEST_LOADING:
            new = self._log.new()
            self._said += new
            if found := re.search(pattern, new):
                return found.group(0)
            time.sleep(0.1)
        raise Trouble(f"{what} does not end")

    def end(self):
        """A dict: sent, refused, lost, unscanned, median, longest (of the window, where there is one; ms), loading (s)."""
        told, times = self._sender.end()
        time.sleep(0.3)
        self._said += self._log.new()
        begin, end = self.window or (0, float("inf"))
        inside = [taken for begun, taken in times if begun <= end and begun + taken / 1000 >= begin]
        if told["stalled"] or not inside:
            raise Trouble(f"nothing came through: {told['trouble']}")
        clean = len(re.findall(rb", verdict=clean, ", self._said))
        return {"sent": told["messages"], "refused": told["refused"], "lost": told["lost"], "unscanned": told["messages"] - clean,
                "median": statistics.median(inside), "longest": max(inside), "loading": self.loading, "trouble": told["trouble"]}


def _rounds(build, target, mails, directory, rate, turns, seconds):
    """(the run without a reload, those with one). `rate`: None for all that it takes."""
    load = _HALF if rate else _FULL

    def run(name, act):
        log = _settled(target.daemon.log_file)
        sender = senders.Paced(build, target.port, load, mails, directory / f"times-{name}", rate)
        try:
            one = _Run(target, sender, log)
            act(one)
            return one.end()
        finally:
            sender.kill()

    def reload(one):
        time.sleep(1)
        one.reload()

    quiet = run("quiet", lambda one: time.sleep(seconds))
    return quiet, [run(turn, reload) for turn in range(turns)]


def _row(name, runs):
    sums = [sum(run[what] for run in runs) for what in ("sent", "refused", "lost", "unscanned")]
    loading = Figure.of(run["loading"] for run in runs)
    return [name, *(f"{each:,}" for each in sums), cell(loading), cell(Figure.of(run["median"] for run in runs)),
            cell(Figure.of(run["longest"] for run in runs))]


def reloads(build, directory, own, mails, database, words, turns, seconds, say):
    """`words`: what is loaded."""
    head = ["", "sent", "refused (4xx, 5xx)", "no connection or answer", "unscanned", "loading, s", "median ms", "longest ms"]
    rows, goals = [], []
    with contextlib.closing(targets.Sink(directory)) as sink:
        with contextlib.closing(targets.Sandwich(build, sink, database, {"scanner.clamav.watch_interval": "0"})) as target:
            say(f"reload: the rate without one; {words}")
            own.send(target.port, _FULL, mails, messages=300, patience=60)
            sent = own.send(target.port, _FULL, mails, seconds=seconds, patience=60)
            full = sent["messages"] / sent["seconds"]
            for name, rate in (("half load", full / 2), ("full load", None)):
                say(f"reload under {name}: {turns} of them")
                quiet, runs = _rounds(build, target, mails, directory, rate, turns, seconds)
                title = f"{name} ({number(rate or full)} a second)"
                rows += [_row(f"{title}, without", [quiet]), _row(f"{title}, reloads", runs)]
                goals += _goals(name, quiet, runs)
                for run in (quiet, *runs):
                    if run["trouble"]:
                        say(f"{name}: {run['trouble']}")
    return Part("Reload under load", f"Loading {words} beside those in use, {turns} times for each load, one message for each connection of 4 KiB. "
                "At half load each message is due at its time, and waits from then; from SIGHUP until the workers of before are gone.",
                head, rows, goals)


def _goals(name, quiet, runs):
    for what, words in (("refused", "refused"), ("lost", "without connection or answer"), ("unscanned", "unscanned")):
        yield f"Reload at {name}: messages {words}", "0", f"{sum(run[what] for run in runs):,}"
    if name == "half load":
        added = [Figure.of(run["longest"] - quiet[base] for run in runs) for base in ("median", "longest")]
        yield "Reload at half load: longest latency less the median without, ms", "under 100", cell(added[0])
        yield "Reload at half load: longest latency less the longest without, ms", "under 100", cell(added[1])
