#!/usr/bin/python3
"""A worker that really faults, really loops, or breaks off: its one message is deferred, every other one of 200 in flight is delivered,
and the daemon goes on. Needs the program with the test-only scanner (sandwichd_with_faults)."""

import os
import re
import sys
import time

sys.dont_write_bytecode = True
sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peers")]

from client import send_message  # noqa: E402
from daemon import Daemon, need_test_hooks, program  # noqa: E402
from flood import Flood  # noqa: E402
from sink import Delay, Sink  # noqa: E402
from suite import Suite, check, equal, wait_for  # noqa: E402

IN_FLIGHT = 200
SCAN_SECONDS = 3  # deadline of one scan in these tests

suite = Suite()


def message(number, fault=None):
    """A clean mail that says its number, or one at which the test-only scanner misbehaves."""
    field = f"X-Sandwich-Test: {fault}\r\n" if fault else ""
    return f"From: <a@from.test>\r\nMessage-ID: <number-{number}@from.test>\r\n{field}\r\nmail {number}\r\n".encode()


def numbers(sink):
    return sorted(int(re.search(rb"number-(\d+)@", mail.data).group(1)) for mail in sink.messages)


def settings(**more):
    values = {"smtp.max_connections": IN_FLIGHT + 50, "worker.count": 2, "worker.scan_timeout": SCAN_SECONDS}
    return values | {name.replace("__", "."): value for name, value in more.items()}


def flood_with(*faults):
    """200 sessions at once, a mail each; those in the middle carry the faults. The sink answers the first dot late, so that all
    of them are under way together. Returns daemon log facts that the tests look at."""
    need_test_hooks()
    sink = Sink()
    sink.react["dot"] = lambda session, argument: Delay(0.3)
    faulty = {IN_FLIGHT // 2 + 10 * place: fault for place, fault in enumerate(faults)}
    items = [(f"s{n}@from.test", f"r{n}@to.test", message(n, faulty.get(n))) for n in range(IN_FLIGHT)]
    with Daemon(downstream=sink.port, settings=settings()) as daemon:
        supervisor, proxy = daemon.pid, daemon.pids("proxy")
        workers = daemon.pids("worker")
        check(len(workers) >= 2, "workers at the start:", workers)
        flood = Flood(daemon.port, items, sessions=IN_FLIGHT).run(90)
        equal(len(flood.replies), IN_FLIGHT, "final replies")
        check(flood.most_open >= IN_FLIGHT, "sessions at once:", flood.most_open)
        equal(flood.troubles, [], "sessions that broke")
        for number, fault in faulty.items():
            check(flood.replies[number].startswith("451 "), f"the mail that makes a worker {fault} got: {flood.replies[number]}")
        clean = [n for n in range(IN_FLIGHT) if n not in faulty]
        bad = {n: flood.replies[n] for n in clean if not flood.replies[n].startswith("250 ")}
        equal(bad, {}, "clean mails that were not taken")
        equal(numbers(sink), clean, "mails at the delivery server")
        equal(daemon.pids("proxy"), proxy, "the proxy is the same process")
        equal(daemon.pid, supervisor, "the supervisor is the same process")
        # The answer comes at the deadline, the kill and the replacement right after it.
        wait_for("as many workers as before, and not the same ones",
                 lambda: len(now := daemon.pids("worker")) == len(workers) and set(now) != set(workers), 10)
        equal(send_message(daemon.port, message(1000)).code, 250, "a mail afterwards")
        return daemon.log()


@suite.test
def crash_costs_one_message_of_200():
    log = flood_with("crash")
    check("worker" in log, "the log tells of the worker")


@suite.test
def hang_costs_one_message_of_200():
    begin = time.monotonic()
    flood_with("hang")
    check(time.monotonic() - begin >= SCAN_SECONDS, "it did not hang")


@suite.test
def several_faults_at_once_cost_their_own_messages():
    flood_with("crash", "hang", "exit", "garbage", "crash")


@suite.test
def crashing_message_is_tried_again_and_deferred_again():
    """The upstream keeps it and comes back; it must not wear the daemon down, even where nothing sets it aside."""
    need_test_hooks()
    sink = Sink()
    with Daemon(downstream=sink.port, settings=settings(worker__crash_limit=0)) as daemon:
        for _ in range(20):
            equal(send_message(daemon.port, message(1, "crash")).code, 451, "reply")
            equal(send_message(daemon.port, message(2)).code, 250, "reply to the clean mail between")
        equal(numbers(sink), [2] * 20, "mails at the delivery server")


@suite.test
def failure_action_quarantine_holds_what_crashes():
    need_test_hooks()
    sink = Sink()
    with Daemon(downstream=sink.port, settings=settings(scanner__clamav__failure_action="quarantine")) as daemon:
        reply = send_message(daemon.port, message(1, "crash"))
        equal(reply.code, 250, f"reply {reply}")
        listing = daemon.ctl("quarantine", "list")
        equal(len([line for line in listing.stdout.splitlines() if "a@from.test" in line]), 1, f"entries in {listing.stdout!r}")
        equal(numbers(sink), [], "mails at the delivery server")


@suite.test
def release_build_has_no_such_scanner():
    """The field is nothing but a field there."""
    binary = os.path.join(os.environ.get("SANDWICH_BUILD", ""), "proxy", "sandwichd")
    check(os.path.exists(binary), "SANDWICH_BUILD names no release build:", binary)
    with open(binary, "rb") as file:
        check(b"X-Sandwich-Test" not in file.read(), f"{binary} has the test-only scanner in it")
    hooks = program("sandwichd")
    if os.path.realpath(hooks) != os.path.realpath(binary):
        with open(hooks, "rb") as file:
            check(b"X-Sandwich-Test" in file.read(), f"{hooks} lacks the test-only scanner, so this test proves nothing")


if __name__ == "__main__":
    suite.main()
