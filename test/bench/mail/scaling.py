"""What many idle sessions and many large messages at once take. Parts of scale."""

import contextlib
import json
import subprocess
import threading

from . import measure, places, targets
from .loads import Load
from .places import Trouble
from .table import number
from .tables import Part

KIB, MIB = 1 << 10, 1 << 20
# HAProxy's sessions are the sink's, too, and smtp-sink walks along all of them each time that one says something.
_MOST_IN_SINK = 2000


def in_words(octets):
    """Of each process, MiB."""
    return ", ".join(f"{name} {number(each / MIB)}" for name, each in sorted(octets.items()))


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
    rows, goals = [], []
    with contextlib.closing(targets.Sink(directory)) as sink:
        for make in (lambda: targets.Haproxy(directory, sink), lambda: targets.Sandwich(build, sink)):
            with contextlib.closing(make()) as target:
                held = min(count, target.most_sessions if target.name == "relaying" else _MOST_IN_SINK)
                say(f"{held:,} idle sessions: {target.title}")
                before = measure.pss(target.processes())
                with _idle_sessions(build, target.port, held):
                    after = measure.pss(target.processes())
                octets = [sum(parts.values()) for parts in (before, after)]
                rows.append([target.title, f"{held:,}", *(number(each / MIB) for each in octets), number((octets[1] - octets[0]) / held / KIB),
                             in_words(after)])
                if target.name == "relaying":
                    goals.append((f"Memory: MiB of the proxy with {held:,} idle sessions", "at most 100, with 10,000",
                                  number(after["proxy"] / MIB)))
    return Part("Idle sessions", "After EHLO. PSS.", head, rows, goals)


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


def _large_row(build, directory, own, mail, count, database, say):
    with contextlib.closing(targets.Sink(directory)) as sink, contextlib.closing(targets.Sandwich(build, sink, database)) as target:
        say(f"{count} messages of {mail.stat().st_size / MIB:.0f} MiB at once: {target.title}")
        before = measure.unreclaimable(target.processes())
        with _Peak(target) as peak:
            sent = own.send(target.port, Load("large", "", count), mail, messages=count, patience=900, together=True)
        if sent["messages"] != count:
            raise Trouble(f"{sent['messages']} of {count} large messages were taken: {sent['trouble']}")
        octets = (mail.stat().st_size, before, peak.kept, peak.memory_files, peak.pss)
        return [target.title, str(count), *(number(each / MIB) for each in octets), number(sent["seconds"])], peak.kept


def large(build, directories, own, mail, counts, database, say):
    """`mail`: a file with the large message. `directories`, `counts`: with scanning off, and on (0: not at all)."""
    head = ["", "at once", "MiB each", "MiB before", "MiB at most", "of them in memfds", "PSS at most", "seconds"]
    row, kept = _large_row(build, directories[0], own, mail, counts[0], None, say)
    rows = [row]
    if counts[1]:
        rows.append(_large_row(build, directories[1], own, mail, counts[1], database, say)[0])
    goals = [(f"Memory: MiB with {counts[0]} messages of 20 MiB at once", "at most 300, with 200", number(kept / MIB))]
    return Part("Large messages at once", "No message ends before all have been sent up to their last octet. MiB: what the system cannot take back "
                "(all but pages of files), and memfds; those that are mapped count twice.", head, rows, goals)
