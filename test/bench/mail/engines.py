"""What engine and signatures take, beside libclamav alone: many workers, and databases of several sizes. Parts of scale."""

import contextlib
import time

from . import database, engine, measure, targets
from .loads import Load
from .places import Trouble
from .scaling import MIB
from .table import number
from .tables import Part

_MOST_OF_ONE_ENGINE = "at most 1.15"
_TRIES = 20
_ENOUGH_CPU = 0.05  # seconds of a worker that has scanned for certain


def _let_all_scan(own, target, mails, count):
    """Sends until each of `count` workers has scanned: a page that a scan writes to is shared no longer."""
    for _ in range(_TRIES):
        own.send(target.port, Load("workers", "", 4 * count), mails, messages=60 * count, patience=120)
        workers = [measure.cpu({pid: pid}) for pid in target.daemon.pids("worker")]
        if len(workers) == count and all(used > _ENOUGH_CPU for worker in workers for used in worker.values()):
            return
    raise Trouble(f"of {count} workers not all scan")


def _scanning_side(target):
    """(octets of zygote and workers, of the workers)."""
    time.sleep(0.2)
    parts = measure.pss(target.processes())
    return parts.get("zygote", 0) + parts.get("worker", 0), parts.get("worker", 0)


# ---- many workers

def workers(build, directory, own, mails, counts, folder, engine_pss, say):
    """What the scanning side takes with N workers that have all scanned, beside libclamav alone (`engine_pss`, octets)."""
    head = ["workers", "MiB of zygote and workers", "MiB of libclamav alone", "ratio", "MiB of one worker"]
    rows, ratios = [], {}
    with contextlib.closing(targets.Sink(directory)) as sink:
        for count in counts:
            say(f"{count} workers")
            with contextlib.closing(targets.Sandwich(build, sink, folder, {"worker.count": str(count)})) as target:
                _let_all_scan(own, target, mails, count)
                octets, of_workers = _scanning_side(target)
                ratios[count] = octets / engine_pss
                rows.append([str(count), number(octets / MIB), number(engine_pss / MIB), number(ratios[count]),
                             number(of_workers / count / MIB)])
    goals = [(f"Engine memory: {count} workers, one engine = 1", _MOST_OF_ONE_ENGINE, number(ratio)) for count, ratio in ratios.items()]
    return Part("Workers", "They share one engine, copy on write; each has scanned. PSS.", head, rows, goals)


# ---- databases

def databases(build, directory, memory, own, mails, wanted, collection, seconds, say):
    """`wanted`: as --database. Loading, memory and speed with each, and what libclamav alone takes."""
    head = ["signatures", "ready after s", "alone, s", "MiB", "alone, MiB", "ratio", "messages a second", "CPU s for 1,000", "alone, CPU s",
            "ratio"]
    rows, goals = [], []
    with contextlib.closing(targets.Sink(directory)) as sink:
        for number_, words in enumerate(wanted):
            place = directory / f"database-{number_}"
            place.mkdir()
            say(f"signatures: {words}")
            folder, name = database.choose(words, place, collection)
            row, ratio = _with_database(build, sink, memory, own, mails, folder, name, seconds)
            rows.append(row)
            goals.append((f"Engine memory: {row[0]}, one engine = 1", _MOST_OF_ONE_ENGINE, number(ratio)))
    return Part("Databases", f"Messages of 4 KiB for {seconds:g} s, 10 sessions, one message for each connection, and the same mails by libclamav "
                "alone, its temporary files in memory. MiB (PSS) of zygote and workers, which have all scanned.", head, rows, goals)


def _with_database(build, sink, memory, own, mails, folder, name, seconds):
    begun = time.monotonic()
    with contextlib.closing(engine.Engine(build, folder, memory)) as alone:
        alone_loading = time.monotonic() - begun
        alone.scan(mails, messages=60)
        scanned = alone.scan(mails, seconds=seconds)
        alone_octets = sum(alone.pss().values())
        signatures = alone.signatures
    begun = time.monotonic()
    with contextlib.closing(targets.Sandwich(build, sink, folder)) as target:
        loading = time.monotonic() - begun
        count = len(target.daemon.pids("worker"))
        _let_all_scan(own, target, mails, count)
        before = measure.cpu(target.processes())
        sent = own.send(target.port, Load("databases", "", 10), mails, seconds=seconds, patience=60)
        used = sum(measure.difference(before, measure.cpu(target.processes())).values())
        octets, _ = _scanning_side(target)
    if not sent["messages"] or sent["refused"] or sent["lost"]:
        raise Trouble(f"{sent['refused'] + sent['lost']} messages were not taken: {sent['trouble']}")
    cost, alone_cost = used * 1000 / sent["messages"], scanned["cpu"] * 1000 / scanned["messages"]
    ratio = octets / alone_octets
    figures = (loading, alone_loading, octets / MIB, alone_octets / MIB, ratio, sent["messages"] / sent["seconds"], cost, alone_cost,
               cost / alone_cost)
    return [f"{signatures:,} {name}, {count} workers", *map(number, figures)], ratio
