#!/usr/bin/python3
"""Kills processes of the daemon (SIGKILL) at every failpoint on a message's way, and accounts for every message.

An upstream of our own hands in mail as Sendmail does: it keeps a message until it has read its 250, and comes again with the same
octets. The delivery server is of our own, too. At the end each recipient of each message is looked for: at the delivery
server, in the quarantine, among what was discarded. None may be missing. A second copy is fair only where the kill fell between
the final dot and the journal's record of its end, and then the log must have said so.

SANDWICH_SOAK=1: every point with every victim, and again with many sessions at once (some minutes)."""

import collections
import dataclasses
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time

from daemon import Daemon, StartFailed, need_test_hooks
from samples import eicar
from suite import Suite, check, equal, wait_for

from client import Client
from sink import Sink

SOAK = bool(os.environ.get("SANDWICH_SOAK"))
HOST = "mx.upstream.test"
PATIENCE = 40.0  # seconds for one run

# On the way of any message.
WAY = ["accepted", "hello", "mail", "rcpt", "rcpt-answered", "data", "body", "end-of-data", "looked-up", "before-scan",
       "scan-submitted", "scanned", "before-intent", "journal-intent-written"]
TO_THE_SERVER = ["before-commit", "text", "dot-sent", "server-answered", "journal-before-completion", "journal-completion-written",
                 "before-reply", "replied"]
TO_THE_QUARANTINE = ["quarantine-put", "quarantine-text-written", "quarantine-text-renamed", "quarantine-metadata-written",
                     "quarantine-metadata-renamed", "quarantine-durable"]
# Of a mail that rules change, keep, copy, send elsewhere.
ACTS = ["edit-asked", "before-keep", "original-kept", "before-copy", "copy-answered", "before-hand-on"]
POINTS = WAY + TO_THE_SERVER + TO_THE_QUARANTINE + ACTS
# A kill here leaves an intent without an end behind a final dot, or behind a message that is on disk: it comes a second time.
WINDOW = {"dot-sent", "server-answered", "journal-before-completion", "quarantine-metadata-renamed", "quarantine-durable",
          "original-kept", "copy-answered"}
KINDS = 5  # of messages, see Lane.offer()

suite = Suite()
table = []


@dataclasses.dataclass
class Row:
    point: str
    victim: str
    kills: int = 0
    offered: int = 0
    delivered: int = 0
    quarantined: int = 0
    retried: int = 0
    lost: int = 0
    duplicate: int = 0


class Lane:
    """A daemon and a delivery server of its own, used for one kill after another."""

    numbers = iter(range(10**9))

    def __init__(self, threads):
        self.points = tempfile.mkdtemp(prefix="sandwich-points-")
        os.chmod(self.points, 0o777)
        self.sink = Sink(keep=False, on_message=self._delivered)
        self.copies = collections.Counter()  # (message, recipient) at the delivery server
        self.lock = threading.Lock()
        self.other = Sink(keep=False, on_message=self._delivered)
        self.daemon = Daemon(self.sink.port, {"scanner.clamav.action": "quarantine", "worker.count": 1, "worker.crash_limit": 0,
                                              "general.threads": threads, "recipients tagged.test.action": "tag-and-deliver"},
                             start=False, environment={"SANDWICH_FAILPOINTS": self.points})
        self.daemon.write_policy(f"""
[rule acts]
to = acts.test
do = stamp note
do = copy copied@to.test
do = archive kept
[rule far]
to = far.test
do = hand_off 127.0.0.1:{self.other.port}
[stamp note]
text = Seen.
""")
        self.daemon.start()

    def close(self):
        self.daemon.close()
        self.sink.close()
        self.other.close()
        shutil.rmtree(self.points, ignore_errors=True)

    def _delivered(self, message):
        number = re.search(rb"Message-ID: <(\d+)@", message.data).group(1).decode()
        with self.lock:
            for recipient in message.recipients:
                self.copies[number, recipient.split(">")[0].strip("<")] += 1

    # ---- the upstream

    def offer(self, row, count, stop):
        for place in range(count):
            number = str(next(self.numbers))
            # To the delivery server, into the quarantine, one part each; changed, kept and copied; elsewhere.
            kind = place % KINDS
            recipients = [("one@to.test", "two@to.test"), ("held@to.test",), ("held@to.test", "marked@tagged.test"),
                          ("acts@acts.test",), ("far@far.test", "one@to.test")][kind]
            body = eicar() if kind in (1, 2) else b"harmless"
            text = (f"Received: from x\r\n\tby {HOST} with ESMTP id Q{number};\r\n\tdate\r\nMessage-ID: <{number}@from.test>\r\n\r\n"
                    ).encode() + body + b"\r\n"
            with self.lock:
                row.offered += 1
                self.offered[number] = recipients + (("copied@to.test", "acts@archive") if kind == 3 else ())
            while not stop.is_set():
                if self._one_try(text, recipients):
                    with self.lock:
                        self.accepted.add(number)
                    break
                with self.lock:
                    row.retried += 1
                time.sleep(0.02)

    def _one_try(self, text, recipients):
        """True: the receipt was read."""
        try:
            with Client(self.daemon.port, timeout=PATIENCE / 2) as client:
                client.ehlo(HOST)
                reply = client.deliver(text, "a@from.test", recipients)
                client.send("QUIT\r\n")
                check(reply.code < 500, f"a mail was refused for good: {reply}")
                return reply.code == 250
        except (OSError, AssertionError, ValueError) as problem:
            if "for good" in str(problem):
                raise
            return False

    # ---- the kill

    def run(self, point, victim, sessions=1, messages=KINDS):
        row = Row(point, victim)
        self.offered, self.accepted = {}, set()
        stop, failures = threading.Event(), []

        def upstream():
            try:
                self.offer(row, messages, stop)
            except Exception as problem:
                failures.append(problem)

        said = self.daemon.log()
        armed = os.path.join(self.points, point)
        with open(armed, "w", encoding="ascii"):
            pass
        os.chmod(armed, 0o666)
        threads = [threading.Thread(target=upstream) for _ in range(sessions)]
        for thread in threads:
            thread.start()
        try:
            wait_for(f"{point} to be reached", lambda: os.path.exists(armed + ".reached"), PATIENCE / 2)
            self._kill(victim, row)
            os.unlink(armed + ".reached")
            if victim == "supervisor":
                self._start_again()
            for thread in threads:
                thread.join(PATIENCE)
        finally:
            stop.set()
            for path in (armed, armed + ".reached"):
                if os.path.exists(path):
                    os.unlink(path)
            for thread in threads:
                thread.join(PATIENCE)
        if failures:
            raise failures[0]
        self._account(row, self.daemon.log()[len(said):])
        if point == "replied" and victim == "proxy" and sessions == 1:
            equal(row.retried, 0, f"{point}/{victim}: tries whose receipt had not left")
        return row

    def _kill(self, victim, row):
        pids = self.daemon.pids(victim)
        check(pids, f"there is no {victim}")
        for pid in pids[:1]:
            os.kill(pid, signal.SIGKILL)
            row.kills += 1
        if victim == "supervisor":
            self.daemon.process.wait()
        elif victim == "proxy":
            wait_for("its end", lambda: not os.path.exists(f"/proc/{pids[0]}") or self._is_gone(pids[0]))

    @staticmethod
    def _is_gone(pid):
        try:
            with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
                return file.read().rsplit(")", 1)[1].split()[0] == "Z"
        except OSError:
            return True

    def _start_again(self):
        """As a service manager does it: until the old proxy has let go of the sockets."""
        end = time.monotonic() + PATIENCE / 2
        while True:
            self.daemon.process = None
            try:
                self.daemon.start()
                return
            except StartFailed:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    # ---- the account

    def _held(self):
        """(message, recipient) -> copies in the quarantine."""
        held = collections.Counter()
        for name in os.listdir(self.daemon.quarantine):
            if not name.endswith(".meta"):
                continue
            with open(os.path.join(self.daemon.quarantine, name), encoding="utf-8") as file:
                text = file.read()
            number = re.search(r"<(\d+)@from\.test>", text).group(1)
            check(os.path.exists(os.path.join(self.daemon.quarantine, name[:-5] + ".eml")), "metadata without a message", name)
            for recipient in set(re.findall(r"\w+@(?:to|tagged)\.test", text)):
                held[number, recipient] += 1
            held[number, "acts@archive"] += "acts@acts.test" in text
        return held

    def _account(self, row, log):
        equal(len(self.accepted), len(self.offered), f"{row.point}/{row.victim}: messages that the upstream still has")
        held = self._held()
        possible = set(re.findall(r"possible_duplicate: .*inbound=Q(\d+)", log))
        for number, recipients in self.offered.items():
            for recipient in recipients:
                delivered, kept = self.copies[number, recipient], held[number, recipient]
                row.delivered += min(delivered, 1)
                row.quarantined += min(kept, 1)
                row.lost += delivered + kept == 0
                if delivered + kept > 1:
                    row.duplicate += delivered + kept - 1
                    check(number in possible, f"{row.point}/{row.victim}: message {number} came twice, and the log does not say so")
                wrong = recipient.startswith("held@") and delivered
                check(not wrong, f"{row.point}/{row.victim}: a virus got through")
        equal(row.lost, 0, f"{row.point}/{row.victim}: lost")


def plan():
    """(point, victim, sessions) of all runs. With one session at a time it is known what each kill meets."""
    runs = [(point, "proxy", 1) for point in POINTS]
    if not SOAK:
        runs += [(point, "zygote", 1) for point in ("before-scan", "scan-submitted", "dot-sent", "quarantine-put")]
        runs += [(point, "worker", 1) for point in ("looked-up", "scan-submitted", "scanned")]
        runs += [(point, "supervisor", 1) for point in ("mail", "scan-submitted", "dot-sent", "quarantine-durable")]
        return runs + [(point, "proxy", 4) for point in ("scan-submitted", "dot-sent", "quarantine-text-renamed")]
    runs += [(point, victim, 1) for point in POINTS for victim in ("worker", "zygote", "supervisor")]
    return runs + [(point, victim, 8) for point in POINTS for victim in ("proxy", "worker", "zygote", "supervisor")]


def print_table():
    columns = [field.name for field in dataclasses.fields(Row)]
    rows = [columns] + [[str(getattr(row, column)) for column in columns] for row in table]
    rows.append(["all", ""] + [str(sum(getattr(row, column) for row in table)) for column in columns[2:]])
    widths = [max(len(row[i]) for row in rows) for i in range(len(columns))]
    for row in rows:
        print("  ".join(cell.ljust(width) if i < 2 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))))
    sys.stdout.flush()


@suite.test
def nothing_is_lost_wherever_a_process_dies():
    need_test_hooks()
    failures, lock = [], threading.Lock()

    def work(runs, threads):
        lane = Lane(threads)
        try:
            while True:
                with lock:
                    if not runs:
                        return
                    point, victim, sessions = runs.pop(0)
                try:
                    row = lane.run(point, victim, sessions, 3 * KINDS if SOAK else KINDS)
                    if sessions == 1 and not (victim == "proxy" and point in WINDOW):
                        equal(row.duplicate, 0, f"{point}/{victim}: duplicates")
                    with lock:
                        table.append(row)
                except Exception as problem:
                    with lock:
                        failures.append(f"{point}/{victim}: {problem}")
                    lane.close()
                    lane = Lane(threads)
        finally:
            lane.close()

    one_by_one = [run for run in plan() if run[2] == 1]
    at_once = [run for run in plan() if run[2] > 1]
    lanes = [threading.Thread(target=work, args=(runs, threads)) for runs, threads in ((one_by_one, 1),) * 3 + ((at_once, 2),)]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    order = {name: place for place, name in enumerate(POINTS)}
    table.sort(key=lambda row: (row.victim, order[row.point]))
    print_table()
    check(not failures, " | ".join(failures))


@suite.test
def the_points_are_all_there():
    """A failpoint that was renamed must not silently be a run in which nothing is killed: the table has a row for each."""
    need_test_hooks()
    equal({row.point for row in table if row.victim == "proxy" and row.kills == 1}, set(POINTS))


if __name__ == "__main__":
    suite.main()
