"""What much of something takes: idle sessions, large messages at once, many messages, many workers. Each function makes rows of a table."""

import contextlib
import json
import subprocess
import threading
import time

from . import measure, places, targets
from .loads import Load
from .places import Trouble
from .table import number

_KIB, _MIB = 1 << 10, 1 << 20
# HAProxy's sessions are the sink's, too, and smtp-sink walks along all of them each time that one says something.
_MOST_IN_SINK = 2000


def _memory(target):
    """(octets in all, words about each process)."""
    parts = measure.pss(target.processes())
    return sum(parts.values()), ", ".join(f"{name} {number(octets / _MIB)}" for name, octets in sorted(parts.items()))


@contextlib.contextmanager
def _closing(one):
    try:
        yield one
    finally:
        one.close()


# ---- idle sessions

@contextlib.contextmanager
def _idle_sessions(build, port, count):
    command = [places.program(build, "test/bench/bench_send"), "-I", "-s", count, "-w", 60, f"127.0.0.1:{port}"]
    with subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sender:
        said = sender.stdout.readline()
        greeted = json.loads(said) if said else {"greeted": 0, "trouble": "bench_send ended"}
        if greeted["greeted"] != count:
            raise Trouble(f"{greeted['greeted']} of {count} sessions came up: {greeted['trouble']}")
        yield
        sender.stdin.close()


def idle(build, directory, count, say):
    """HAProxy with fewer of them."""
    head = ["", "idle sessions", "MiB before", "MiB with them", "KiB each", "by process"]
    rows = []
    with _closing(targets.Sink(directory)) as sink:
        for make in (lambda: targets.Haproxy(directory, sink), lambda: targets.Sandwich(build, sink)):
            with _closing(make()) as target:
                held = min(count, target.most_sessions if target.name == "relaying" else _MOST_IN_SINK)
                say(f"{held:,} idle sessions: {target.title}")
                before, _ = _memory(target)
                with _idle_sessions(build, target.port, held):
                    after, words = _memory(target)
                each = (after - before) / held / _KIB
                rows.append([target.title, f"{held:,}", number(before / _MIB), number(after / _MIB), number(each), words])
    return head, rows


# ---- large messages

class _Peak:
    """Looks every now and then how much memory a target takes: what the system cannot take back, memfds, and all of PSS."""

    def __init__(self, target):
        self._target, self._over = target, threading.Event()
        self.kept = self.memory_files = self.pss = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self):
        while not self._over.wait(0.1):
            processes = self._target.processes()
            files = measure.memory_files(processes)
            self.kept = max(self.kept, measure.unreclaimable(processes) + files)
            self.memory_files = max(self.memory_files, files)
            self.pss = max(self.pss, sum(measure.pss(processes).values()))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


def large(build, directory, own, mail, count, database, say):
    """`mail`: a file with the large message. `database`: None where nothing is scanned."""
    head = ["", "at once", "MiB each", "MiB before", "MiB at most", "of them in memfds", "PSS at most", "seconds"]
    with _closing(targets.Sink(directory)) as sink, _closing(targets.Sandwich(build, sink, database)) as target:
        say(f"{count} messages of {mail.stat().st_size / _MIB:.0f} MiB at once: {target.title}")
        before = measure.unreclaimable(target.processes())
        with _Peak(target) as peak:
            sent = own.send(target.port, Load("large", "", count), mail, messages=count, patience=900, together=True)
        if sent["messages"] != count:
            raise Trouble(f"{sent['messages']} of {count} large messages were taken: {sent['trouble']}")
        octets = (mail.stat().st_size, before, peak.kept, peak.memory_files, peak.pss)
        return head, [[target.title, str(count), *(number(each / _MIB) for each in octets), number(sent["seconds"])]]


# ---- many messages

def many(build, directory, own, mails, count, database, say):
    """Ten portions: memory after each, and CPU seconds for 1,000 messages in each."""
    head = ["", "messages", "MiB", "CPU s for 1,000", "by process"]
    rows = []
    with _closing(targets.Sink(directory)) as sink, _closing(targets.Sandwich(build, sink, database)) as target:
        own.send(target.port, Load("warm", "", 10), mails, messages=200, patience=60)
        portion = max(count // 10, 1)
        say(f"{count:,} messages: {target.title}")
        for index in range(10):
            before = measure.cpu(target.processes())
            sent = own.send(target.port, Load("many", "", 50), mails, messages=portion, patience=60)
            if sent["messages"] != portion:
                raise Trouble(f"{sent['messages']} of {portion} messages were taken: {sent['trouble']}")
            used = sum(measure.difference(before, measure.cpu(target.processes())).values())
            octets, words = _memory(target)
            rows.append([target.title, f"{portion * (index + 1):,}", number(octets / _MIB), number(used * 1000 / portion), words])
    return head, rows


# ---- many workers

def workers(build, directory, own, mails, counts, database, engine_pss, say):
    """What the scanning side takes with N workers that have all scanned, beside libclamav alone (`engine_pss`, octets)."""
    head = ["workers", "MiB of zygote and workers", "MiB of libclamav alone", "ratio", "MiB of one worker"]
    rows = []
    with _closing(targets.Sink(directory)) as sink:
        for count in counts:
            say(f"{count} workers")
            with _closing(targets.Sandwich(build, sink, database, {"worker.count": str(count)})) as target:
                own.send(target.port, Load("workers", "", 4 * count), mails, messages=60 * count, patience=60)
                time.sleep(0.2)
                parts = measure.pss(target.processes())
                octets = parts.get("zygote", 0) + parts.get("worker", 0)
                rows.append([str(count), number(octets / _MIB), number(engine_pss / _MIB), number(octets / engine_pss),
                             number(parts.get("worker", 0) / count / _MIB)])
    return head, rows
