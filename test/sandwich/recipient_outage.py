#!/usr/bin/python3
"""Every way in which a source of recipients can fail, under load: nobody who exists is refused for good, and nobody who does not exist
is refused before a source has said so. The table of what was answered is printed."""

import os
import subprocess
import sys
import threading

from daemon import Daemon
from suite import PerThread, Skip, Suite, check, equal, wait_for

from client import Client
from mailboxes import Mailboxes
from sink import Sink

suite = Suite()
CLIENTS = 4
ROUNDS = 2  # of each client during an outage
PEOPLE = [f"p{number}" for number in range(10)]
CELLS = [("known", 250), ("known", 450), ("known", 550), ("unknown", 450), ("unknown", 550), ("unknown", 250)]
table = []


def write(daemon, name, text):
    with open(daemon.path(name) + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(daemon.path(name) + ".new", 0o644)
    os.rename(daemon.path(name) + ".new", daemon.path(name))


def list_text():
    return "".join(f"{name}@list.test\n" for name in PEOPLE)


def alias_text():
    return "".join(f"{name}: root\n" for name in PEOPLE)


class World:
    """A daemon with sources of every kind, and the server that two of them ask."""

    def __init__(self):
        self.sink = Sink()
        self.hub = Mailboxes({f"{name}@{domain}" for name in PEOPLE for domain in ("smtp.test", "vrfy.test")})
        self.daemon = daemon = Daemon(self.sink.port, start=False)
        write(daemon, "list", list_text())
        write(daemon, "aliases", alias_text())
        write(daemon, "passwd", "root:x:0:0::/:/bin/sh\n")
        write(daemon, "sendmail.cf", f"SParse0\nSParse1\nMlocal, P=x, F=lAw5\nCwmaps.test\nO AliasFile={daemon.path('aliases')}\n")
        settings = {"directory.unknown_per_minute": 0, "directory.cache_size": 0, "smtp.max_errors": 10000,
                    "source.list main.file": daemon.path("list"),
                    "source.maps main.sendmail_cf": daemon.path("sendmail.cf"), "source.maps main.passwd_file": daemon.path("passwd")}
        for kind in ("list", "maps", "smtp", "vrfy"):
            settings[f"domain {kind}.test.recipient_sources"] = f"{kind} main"
        for kind in ("smtp", "vrfy"):
            settings[f"source.{kind} main.server"] = f"127.0.0.1:{self.hub.port}"
            settings[f"source.{kind} main.timeout"] = "1s"
            settings[f"source.{kind} main.max_connections"] = 3
        daemon.configure(settings)
        daemon.start()

    def close(self):
        self.daemon.close()
        self.hub.stop()
        self.sink.close()


WORLD = PerThread(World)


def ask(daemon, kind, tally, lock, who):
    with Client(daemon.port, timeout=60) as client:
        client.ehlo()
        known = [f"{name}@{kind}.test" for name in PEOPLE]
        unknown = [f"n{who}.{number}@{kind}.test" for number in range(len(PEOPLE))]
        replies = client.envelope(recipients=[*known, *unknown])[1:]
        with lock:
            for reply, group in zip(replies, ["known"] * len(known) + ["unknown"] * len(unknown)):
                tally[group, reply.code] = tally.get((group, reply.code), 0) + 1


def load(daemon, kinds, rounds=1):
    """CLIENTS at once for each kind; kind -> {(known or unknown, code): how many}."""
    tallies, lock, faults = {kind: {} for kind in kinds}, threading.Lock(), []

    def run(kind, who):
        try:
            for number in range(rounds):
                ask(daemon, kind, tallies[kind], lock, f"{who}.{number}")
        except Exception as problem:  # told by the main thread
            faults.append(problem)

    threads = [threading.Thread(target=run, args=(kind, who)) for kind in kinds for who in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return tallies


def in_order(tallies):
    return all(set(tally) == {("known", 250), ("unknown", 550)} for tally in tallies.values())


def outage(kinds, name, begin, end):
    """Breaks the sources while clients ask, and mends them."""
    world = WORLD.get()
    daemon = world.daemon
    wait_for(f"{kinds} to be in order", lambda: in_order(load(daemon, kinds)), 30)
    tallies = {}
    asker = threading.Thread(target=lambda: tallies.update(load(daemon, kinds, ROUNDS)))
    asker.start()
    begin(world)
    asker.join()
    during = load(daemon, kinds)  # now nothing but the outage
    end(world)
    rows = []
    for kind in kinds:
        for key, count in during[kind].items():
            tallies[kind][key] = tallies[kind].get(key, 0) + count
        rows.append((kind, name, *(tallies[kind].get(key, 0) for key in CELLS)))
    table.extend(rows)
    for kind, row in zip(kinds, rows):
        counts = dict(zip(CELLS, row[2:]))
        equal(counts["known", 550], 0, f"{kind}: recipients that exist and were refused")
        equal(counts["unknown", 250], 0, f"{kind}: recipients that do not exist and were accepted")
        equal(sum(counts.values()), sum(tallies[kind].values()), f"{kind}: other answers: {tallies[kind]}")
        equal(during[kind].get(("unknown", 550), 0), 0, f"{kind}: refused although the source was away")
    # New sources, which know nothing of the outage: that the old ones come back by themselves, recipient_check tells.
    toggle = 3 + daemon.settings["source.smtp main.max_connections"] % 2
    daemon.reload({f"source.{kind} main.max_connections": toggle for kind in ("smtp", "vrfy")})


def mood(name):
    def begin(world):
        world.hub.mood = name

    def end(world):
        world.hub.mood = None
        world.hub.stop()  # whoever hangs there
        world.hub.start()

    return begin, end


SERVERS = ("smtp", "vrfy")
for one in ("silent", "close", "reset", "busy", "later", "garbage", "refuse"):
    suite.add(f"servers_{one}", lambda one=one: outage(SERVERS, one, *mood(one)), apart=True)
suite.add("servers_gone", lambda: outage(SERVERS, "gone", lambda world: world.hub.stop(), lambda world: world.hub.start()),
          apart=True)

FILES = ("list", "maps")
NAMES = {"list": list_text, "aliases": alias_text}


def restore(world):
    for name, text in NAMES.items():
        write(world.daemon, name, text())


def unlink(world):
    for name in NAMES:
        os.unlink(world.daemon.path(name))


# Half of each file, as a program that does not rename leaves it, written again and again while clients ask. Says at the end how long it
# paused at most: what has been quiet for a second is whole to whoever looks.
WRITER = """
import sys, time
last, pause = time.monotonic(), 0.0
while time.monotonic() < last + 60:
    for name in sys.argv[1:]:
        with open(name, "w") as out:
            out.write({"list": "p0@list.test\\np1@list.test\\n", "aliases": "p0: root\\n"}[name.rsplit("/")[-1]])
    now = time.monotonic()
    last, pause = now, max(pause, now - last)
    print(pause, flush=True)
    time.sleep(0.02)
"""


@suite.test
def files_half_written():
    writers, pauses = [], []

    def begin(world):
        writers.append(subprocess.Popen([sys.executable, "-c", WRITER, *map(world.daemon.path, NAMES)], stdout=subprocess.PIPE, text=True))
        pauses.append(writers[0].stdout.readline())

    def end(world):
        writers[0].terminate()
        restore(world)
        pauses.extend(writers[0].stdout.read().split())
        writers[0].wait()
        if float(pauses[-1]) > 0.8:
            raise Skip("the machine is too busy: the writer paused")

    outage(FILES, "half written", begin, end)


suite.add("files_missing", lambda: outage(FILES, "missing", unlink, restore), apart=True)
suite.add("list_broken", lambda: outage(("list",), "broken", lambda world: write(world.daemon, "list", "no address\n"), restore), apart=True)


@suite.test
def the_table():
    heads = ("source", "outage", "known 250", "450", "550", "unknown 450", "550", "250")
    for row in (heads, *sorted(table, key=lambda row: row[1])):
        print("  " + "  ".join(str(cell).ljust(width) for cell, width in zip(row, (6, 12, 9, 6, 6, 11, 6, 6))), flush=True)
    check(len(table) >= 19, "outages", len(table))


if __name__ == "__main__":
    suite.main(WORLD.close)
