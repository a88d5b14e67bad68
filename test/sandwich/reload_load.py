#!/usr/bin/python3
"""Reloads, new signatures and proxies that die, under continuous mail: nobody is refused, nothing is deferred, nothing goes unscanned.

SANDWICH_SOAK=1: a hundred reloads of each kind instead of a few."""

import os
import re
import signal
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peers")]

from client import Client, Closed  # noqa: E402
from daemon import Daemon, program  # noqa: E402
from samples import eicar, message  # noqa: E402
from sink import Sink  # noqa: E402
from suite import Failure, Suite, check, equal, wait_for  # noqa: E402

RELOADS = 100 if os.environ.get("SANDWICH_SOAK") else 8
SANDBOX = os.environ.get("SANDWICH_TEST_SANDBOX", "yes")  # no: for a run-time library that the system call filter forbids
CLIENTS = 16 if os.environ.get("SANDWICH_SOAK") else 4
PATIENCE = 60 if SANDBOX == "no" else 20

suite = Suite()


class Traffic:
    """Several clients that send mail without a pause, every third one infected; each connects anew every few mails.

    `troubles`: what should not have been. `cut=True`: sessions may be cut (a proxy was killed), connections never refused."""

    def __init__(self, port, threads=CLIENTS, cut=False):
        self.port = port
        self.cut = cut
        self.clean, self.infected = [], []  # numbers of the mails that got 250
        self.troubles = []
        self.connections = self.cuts = 0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(n * 1000000,), daemon=True) for n in range(1, threads + 1)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
            if thread.is_alive():
                self.troubles.append("a client hangs")

    @property
    def sent(self):
        return len(self.clean) + len(self.infected)

    def _run(self, number):
        while not self._stop.is_set():
            try:
                with Client(self.port, timeout=PATIENCE) as client:
                    with self._lock:
                        self.connections += 1
                    number = self._session(client, number)
            except (Closed, ConnectionResetError, BrokenPipeError) as problem:
                self.cuts += 1
                if not self.cut:
                    self.troubles.append(f"cut: {problem}")
                number += 10
            except Exception as problem:  # a refused connection is one
                self.troubles.append(f"{type(problem).__name__} {problem}")
                return

    def _session(self, client, number):
        if client.greeting.code != 220:
            self.troubles.append(f"greeting {client.greeting}")
        if (reply := client.ehlo()).code != 250:
            self.troubles.append(f"EHLO {reply}")
            return number
        for _ in range(5):
            if self._stop.is_set():
                break
            number += 1
            infected = number % 3 == 0
            text = message(eicar() + b"\r\n" if infected else b"clean\r\n", message_id=f"<{number}@load.test>")
            reply = client.deliver(text, sender=f"s{number}@load.test")
            if reply.code != 250:
                self.troubles.append(f"mail {number}: {reply}")
            else:
                (self.infected if infected else self.clean).append(number)
        client.command("QUIT")
        return number


def numbers(mails):
    return sorted(int(re.search(rb"Message-ID: <(\d+)@load", mail.data).group(1)) for mail in mails)


def verdicts(daemon):
    """Number of the mail -> (verdict, generation of the configuration, of the signatures), of those that were taken."""
    found = {}
    for line in daemon.log_lines(r"msgid=<\d+@load.test>"):
        match = re.search(r"msgid=<(\d+)@.* dsn=2\S*, verdict=(.*), generation=(\d+)/(\d+), stat=", line)
        if match:
            found[int(match.group(1))] = (match.group(2), int(match.group(3)), int(match.group(4)))
    return found


def check_books(traffic, sink, daemon, exactly=True):
    """Every receipt was earned: the clean mail is at the delivery server, the infected in the quarantine, both with a verdict."""
    equal(traffic.troubles[:5], [], f"{len(traffic.troubles)} troubles in {traffic.sent} mails")
    check(traffic.clean and traffic.infected, "there was mail:", traffic.sent)
    delivered = numbers(sink.messages)
    equal([n for n in delivered if n % 3 == 0], [], "infected mails at the delivery server")
    equal(sorted(set(traffic.clean) - set(delivered)), [], "clean mails that got 250 and are not there")
    if exactly:
        equal(delivered, sorted(traffic.clean), "clean mails at the delivery server")
    equal([m.data[:300] for m in sink.messages if b"X-Sandwich-Verdict: clean\r\n" not in m.data][:3], [], "unscanned")
    if exactly:  # a proxy that is killed takes the last lines of its log with it
        wait_for("the last line of the log", lambda: len(verdicts(daemon)) >= traffic.sent, 10)
    judged = verdicts(daemon)
    print(f"   {traffic.sent} mails ({len(traffic.infected)} infected) over {traffic.connections} connections, {traffic.cuts} cut, "
          f"{len(daemon.log_lines(': reloaded: '))} reloads, {len({value[1:] for value in judged.values()})} generations judged")
    check(len(judged) > traffic.sent // 2, "verdicts in the log:", len(judged))
    for number, (verdict, *_) in judged.items():
        check(verdict.startswith("found ") if number % 3 == 0 else verdict == "clean", "verdict of", number, verdict)
    return judged


def settings(**more):
    return {"worker.count": 2, "smtp.max_connections": 50, "worker.sandbox": SANDBOX,
            "scanner.clamav.watch_interval": 0} | {name.replace("__", "."): value for name, value in more.items()}


def new_signatures(daemon, number):
    """As freshclam does: a finished file takes the old one's place."""
    path = os.path.join(daemon.path("test-signatures"), "update.ndb")
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(f"Sandwich.Test.Update{number}:0:*:{os.urandom(12).hex()}\n")
    os.chmod(path + ".new", 0o644)
    os.rename(path + ".new", path)


def break_signatures(daemon):
    path = os.path.join(daemon.path("test-signatures"), "broken.ndb")
    with open(path, "w", encoding="ascii") as file:
        file.write("this is no signature\n")
    os.chmod(path, 0o644)
    return path


def status_of(daemon):
    """By the socket: the file may be broken at that moment."""
    done = subprocess.run([program("sandwichctl"), "-s", daemon.control_socket, "status"], capture_output=True, text=True, timeout=20,
                          check=False)
    equal(done.returncode, 0, done.stderr)
    return done.stdout


def status_says(daemon, pattern):
    """The log says it first; the proxy is told right after."""
    try:
        wait_for(pattern, lambda: re.search(pattern, status_of(daemon)), PATIENCE)
    except Failure:
        raise Failure(f"the status lacks {pattern}: {status_of(daemon)}") from None


def generation(daemon):
    """(of the configuration, of the signatures) as the status has them."""
    status = status_of(daemon)
    return tuple(int(re.search(word + r": generation (\d+)", status).group(1)) for word in ("configuration", "signatures"))


def some_mail(traffic, count=3):
    before = traffic.sent
    wait_for("mail", lambda: traffic.sent >= before + count or traffic.troubles, PATIENCE)


@suite.test
def reloads_under_load_refuse_and_miss_nothing():
    with Sink() as sink, Daemon(sink.port, settings()) as daemon:
        proxy = daemon.pids("proxy")
        with Traffic(daemon.port) as traffic:
            some_mail(traffic)
            for turn in range(RELOADS):
                new_signatures(daemon, turn)
                daemon.reload({"smtp.command_timeout": 200 + turn, "worker.queue": 1000 + turn}, PATIENCE)
                some_mail(traffic)
            status_says(daemon, r"last reload: \S+Z in use: .*generation ")
        equal(daemon.pids("proxy"), proxy, "the proxy is the same process")
        equal(len(daemon.log_lines("reloaded: ")), RELOADS, "reloads that took effect")
        equal(generation(daemon)[0], RELOADS + 1, "generation of the configuration")
        judged = check_books(traffic, sink, daemon)
        made_by = {value[1:] for value in judged.values()}
        check(len(made_by) > RELOADS // 2, "generations that judged:", made_by)
        check((1, 1) in made_by, "the first among them", made_by)


@suite.test
def broken_file_and_broken_signatures_leave_the_old_ones_under_load():
    with Sink() as sink, Daemon(sink.port, settings()) as daemon:
        with Traffic(daemon.port) as traffic:
            some_mail(traffic)
            for _ in range(max(1, RELOADS // 4)):
                daemon.reload({"smtp.no_such_key": "1"}, PATIENCE)
                status_says(daemon, r"last reload: \S+Z refused: .*sandwich.ini:\d+: error: .*no_such_key")
                some_mail(traffic)
                path = break_signatures(daemon)
                # The configuration is taken, the signatures are not: settings that need a new scanner would be refused as well.
                refused = len(daemon.log_lines("reload_refused: the old signatures stay"))
                daemon.reload({"smtp.no_such_key": None}, PATIENCE)
                daemon.wait_log("reload_refused: the old signatures stay", PATIENCE, refused + 1)
                reloaded = len(daemon.log_lines("reloaded: .*as before"))
                daemon.wait_log("reloaded: .*as before", PATIENCE, max(1, reloaded))
                status_says(daemon, r"last reload: \S+Z refused: the old signatures stay: .*cannot load")
                some_mail(traffic)
                os.unlink(path)
        equal({value[2] for value in check_books(traffic, sink, daemon).values()}, {1}, "signatures that judged")


@suite.test
def changed_signature_directory_is_noticed_by_itself():
    with Sink() as sink, Daemon(sink.port, settings(scanner__clamav__watch_interval=1)) as daemon:
        with Traffic(daemon.port, threads=2) as traffic:
            some_mail(traffic)
            # What an administrator writes into the file meanwhile is not used before a reload.
            daemon.configure({"smtp.no_such_key": "1"})
            new_signatures(daemon, 1)
            daemon.wait_log(r"reloaded: signatures: .*generation 1/2", PATIENCE)
            # A broken file is refused once, not again and again, and what mends it is taken.
            path = break_signatures(daemon)
            daemon.wait_log("reload_refused: the old signatures stay", PATIENCE)
            status_says(daemon, r"last reload: \S+Z refused: the old signatures stay")
            time.sleep(2.5)  # more than one look: nothing may happen in it
            equal(len(daemon.log_lines("reload_refused")), 1, "refusals of one broken state")
            os.unlink(path)
            daemon.wait_log(r"reloaded: signatures: ", PATIENCE, 2)
            some_mail(traffic)
        judged = check_books(traffic, sink, daemon)
        equal({value[1] for value in judged.values()}, {1}, "configurations that judged")
        check({1, 2} <= {value[2] for value in judged.values()}, "signatures that judged", judged)


@suite.test
def killed_proxy_refuses_no_connection():
    with Sink() as sink, Daemon(sink.port, settings()) as daemon:
        daemon.reload({"smtp.command_timeout": 222}, PATIENCE)
        with Traffic(daemon.port, cut=True) as traffic:
            for turn in range(max(3, RELOADS // 8)):
                some_mail(traffic)
                os.kill(daemon.pids("proxy")[0], signal.SIGKILL)
                daemon.wait_log("started: proxy", PATIENCE, turn + 1)
            some_mail(traffic)
        check(traffic.cuts > 0, "sessions were cut")
        # What was on its way when the proxy died may be there without a receipt: the upstream tries again.
        judged = check_books(traffic, sink, daemon, exactly=False)
        equal({value[1] for value in judged.values()}, {2}, "the number of the configuration outlives a proxy")


if __name__ == "__main__":
    suite.main()
