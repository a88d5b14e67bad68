#!/usr/bin/python3
"""More than there is room for: thousands of connections at once, and a scanner slower than the mail. Nobody hangs, nothing grows
without end, and afterwards all is as before.

SANDWICH_OVERLOAD_CONNECTIONS (5000), SANDWICH_OVERLOAD_ROUNDS (2): for longer runs."""

import os
import re
import resource
import selectors
import socket
import time

from daemon import Daemon, memory_is_telling, need_test_hooks
from samples import message
from suite import Skip, Suite, check, equal, wait_for

from client import Client, Closed, send_message
from sink import Sink

suite = Suite()
CONNECTIONS = int(os.environ.get("SANDWICH_OVERLOAD_CONNECTIONS", "5000"))
ROUNDS = int(os.environ.get("SANDWICH_OVERLOAD_ROUNDS", "2"))
SERVED = 500  # at the same time
PATIENCE = 60  # seconds for one round


def need_descriptors(count):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        raise Skip(f"needs {count} descriptors, and may have {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def status(daemon):
    return dict(line.split(": ", 1) for line in daemon.ctl("status").stdout.splitlines())


def at_rest(daemon):
    wait_for("no session to be left", lambda: status(daemon)["sessions"].startswith("0 now"), 20)
    equal(status(daemon)["memory"], "0 octets of messages")


def resident(daemon):
    with open(f"/proc/{daemon.pids('proxy')[0]}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


def hanging(number, body=b"text\r\n"):
    """A message whose scan takes all its time; no other is the same, since one that has cost some workers is set aside."""
    return message(body, headers=("X-Sandwich-Test: hang",), message_id=f"<hanging-{number}@from.test>")


class Crowd:
    """Connections that are all opened before any of them says a word. `greetings`: what each was told, by its code."""

    def __init__(self, port, count):
        self.selector = selectors.DefaultSelector()
        self.greetings = {}
        self.served = []
        self.silent = set()
        for _ in range(count):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
            self.selector.register(one, selectors.EVENT_READ)
            self.silent.add(one)

    def listen(self, seconds):
        """Until each has heard something, or the time is over."""
        end = time.monotonic() + seconds
        while self.silent and time.monotonic() < end:
            for key, _ in self.selector.select(1):
                self._hear(key.fileobj)

    def _hear(self, one):
        try:
            said = one.recv(4096)
        except OSError as problem:
            said = type(problem).__name__.encode()
        code = said[:3].decode() if said[:3].isdigit() else said.decode() or "closed"
        self.greetings[code] = self.greetings.get(code, 0) + 1
        self.selector.unregister(one)
        self.silent.discard(one)
        if code == "220":
            one.setblocking(True)
            one.settimeout(PATIENCE)
            self.served.append(one)
        else:
            one.close()

    def close(self):
        for one in [*self.silent, *self.served]:
            one.close()
        self.selector.close()


def deliver(one, number):
    """A message over a socket that has had its greeting, in as few pieces as may be; the final reply."""
    one.sendall(b"EHLO crowd.test\r\nMAIL FROM:<a%d@from.test>\r\nRCPT TO:<b@to.test>\r\nDATA\r\n" % number)
    said = b""
    while b"354 " not in said:
        said += one.recv(4096) or b"closed 354 "
    one.sendall(message(message_id=f"<{number}@from.test>") + b".\r\n")
    said = b""
    while not said.endswith(b"\r\n"):
        piece = one.recv(4096)
        if not piece:
            break
        said += piece
    return said


@suite.test
def thousands_of_connections_at_once():
    need_descriptors(CONNECTIONS + 1000)
    with Sink() as sink, Daemon(sink.port, {"smtp.max_connections": SERVED}) as daemon:
        for round_number in range(ROUNDS):
            sink.forget()
            begin = time.monotonic()
            crowd = Crowd(daemon.port, CONNECTIONS)
            try:
                crowd.listen(PATIENCE)
                equal(len(crowd.silent), 0, "connections that heard nothing")
                # Those served keep their place until everybody has been told something.
                equal(crowd.greetings, {"220": SERVED, "421": CONNECTIONS - SERVED})
                told = time.monotonic() - begin
                for number, one in enumerate(crowd.served):
                    check(deliver(one, number).startswith(b"250 "), f"message {number} was not taken")
            finally:
                crowd.close()
            equal(sorted(m.mail for m in sink.wait(SERVED)), sorted(f"<a{number}@from.test>" for number in range(SERVED)))
            at_rest(daemon)
            equal(status(daemon)["limits"], f"max_connections {(round_number + 1) * (CONNECTIONS - SERVED)}")
            equal(send_message(daemon.port, message()).code, 250, "afterwards")
            print(f"# {CONNECTIONS} connections: {crowd.greetings}, told within {told:.1f} s, all over after "
                  f"{time.monotonic() - begin:.1f} s, {resident(daemon) >> 20} MiB", flush=True)
        lines = len(daemon.log_lines("limit_reached"))
        check(1 <= lines <= 2 * ROUNDS + int(PATIENCE / 10), f"{lines} lines in the log")
        equal(daemon.log_lines("overload|child_died"), [])


@suite.test
def those_refused_come_back_and_nothing_is_lost():
    """As Sendmail does: a connection for each message, and again after 421 until it is taken."""
    count, room = 400, 20
    with Sink() as sink, Daemon(sink.port, {"smtp.max_connections": room}) as daemon:
        left, tries, begin = list(range(count)), 0, time.monotonic()
        while left:
            crowd = Crowd(daemon.port, len(left))
            tries += len(left)
            try:
                crowd.listen(PATIENCE)
                equal(len(crowd.silent), 0, "connections that heard nothing")
                for one in crowd.served:
                    check(deliver(one, left[-1]).startswith(b"250 "))
                    left.pop()
                    one.close()
            finally:
                crowd.close()
            check(time.monotonic() - begin < PATIENCE, f"{len(left)} messages are left")
        equal(sorted(int(re.search(r"\d+", m.mail).group()) for m in sink.wait(count)), list(range(count)))
        at_rest(daemon)
        print(f"# {count} messages through {room} places in {tries} connections, {time.monotonic() - begin:.1f} s", flush=True)


@suite.test
def a_scanner_slower_than_the_mail():
    """Every scan takes its whole time. Once half the queue waits, MAIL is refused; those taken are answered, and then there is room."""
    need_test_hooks()
    settings = {"worker.count": 1, "worker.scan_timeout": "1s", "worker.total_timeout": "3s", "worker.queue": 8}
    with Sink() as sink, Daemon(sink.port, settings) as daemon:
        before = resident(daemon)
        for round_number in range(2):
            taken, refused, lost = [], 0, len(daemon.log_lines("worker_lost"))
            while not refused:
                c = Client(daemon.port, timeout=20)
                c.ehlo()
                replies = c.envelope()
                if replies[0].code == 452:
                    refused += 1
                    equal(replies[0].text.split()[0], "4.3.1")
                    equal(c.command("NOOP").code, 250, "the session goes on")
                    c.close()
                    continue
                equal(c.command("DATA").code, 354)
                c.send(hanging(f"{len(taken)}.{round_number}") + b".\r\n")
                taken.append(c)
                check(len(taken) <= 8, f"{len(taken)} messages wait, and MAIL is still taken")
                waiting = min(len(taken) - 1, 4)
                wait_for("the message to wait", lambda: f" {waiting} waiting" in status(daemon)["workers"]
                         or len(daemon.log_lines("worker_lost")) > lost)
            check(len(taken) >= 4, f"only {len(taken)} messages were taken")
            equal([c.reply().code for c in taken], [451] * len(taken))
            for c in taken:
                c.close()
            at_rest(daemon)
            wait_for("a worker", lambda: " (0 busy), 0 waiting" in status(daemon)["workers"])
            equal(send_message(daemon.port, message()).code, 250, "room again")
        check("worker.queue 2" in status(daemon)["limits"], status(daemon)["limits"])
        daemon.wait_log(r"limit_reached: worker\.queue: 127\.0\.0\.1")
        equal(len(sink.wait(2)), 2)
        grown = resident(daemon) - before
        check(not memory_is_telling() or grown < 8 << 20, f"grew by {grown} octets")


@suite.test
def memory_stays_bounded_while_the_scanner_hangs():
    """Messages as large as memory takes, more of them than message_memory has room for."""
    need_test_hooks()
    settings = {"worker.count": 1, "worker.scan_timeout": "3s", "worker.total_timeout": "4s", "smtp.message_memory": "8m"}
    with Sink() as sink, Daemon(sink.port, settings) as daemon:
        before, most, taken, refused = resident(daemon), 0, [], 0
        for number in range(60):
            c = Client(daemon.port, timeout=20)
            c.ehlo()
            if c.envelope()[0].code == 452:
                refused += 1
                c.close()
                continue
            equal(c.command("DATA").code, 354)
            c.send(hanging(number, b"m" * 900000 + b"\r\n") + b".\r\n")
            taken.append(c)
            most = max(most, resident(daemon))
        check(8 <= len(taken) <= 14, f"{len(taken)} messages of 0.9 MB were taken into 8 MiB")
        equal(refused, 60 - len(taken))
        most = max(most, resident(daemon)) - before
        print(f"# {len(taken)} messages taken, {refused} refused, {most >> 20} MiB more", flush=True)
        check(not memory_is_telling() or most < 40 << 20, f"grew by {most} octets")
        for c in taken:
            try:
                equal(c.reply().code, 451)
            except Closed:
                check(False, "closed without an answer")
            c.close()
        at_rest(daemon)
        equal(send_message(daemon.port, message()).code, 250, "room again")
        equal(len(sink.wait(1)), 1)


if __name__ == "__main__":
    suite.main()
