#!/usr/bin/python3
"""[smtp] original: delivery over a command that speaks SMTP on its standard streams: how it is started, shared, bounded and ended, and
that whatever it does at the wrong moment loses nothing and doubles nothing."""

import concurrent.futures
import json
import os
import pwd
import re
import shutil
import signal
import sys
import time

from daemon import ROOT, Daemon, StartFailed
from samples import message
from suite import Suite, check, equal, wait_for

from client import Client, Closed, send_message
from sink import Sink

suite = Suite()


class Command:
    """A sandwichd with the fake command; `daemon` is it, `folder` where the command leaves what it gets."""

    def __init__(self, settings=None, start=True):
        self.daemon = Daemon(start=False)
        # As another user, who cannot look everywhere.
        shutil.copy(os.path.join(ROOT, "test", "peers", "command.py"), self.daemon.path("command.py"))
        os.chmod(self.daemon.path("command.py"), 0o755)
        self.folder = self.daemon.path("kept")
        os.mkdir(self.folder)
        if os.geteuid() == 0:
            account = pwd.getpwnam("games")
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        python = os.path.realpath(sys.executable) if not sys.executable.startswith("/root") else "/usr/bin/python3"
        self.daemon.configure({"smtp.original": f"{python} {self.daemon.path('command.py')} {self.folder}", "general.threads": 1,
                               "smtp.original_user": "games", **(settings or {})})
        if start:
            self.daemon.start()

    def behave(self, *words):
        path = os.path.join(self.folder, "behave")
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write("\n".join(words))
        os.rename(path + ".new", path)

    def go(self):
        with open(os.path.join(self.folder, "go"), "w", encoding="ascii"):
            pass

    def began(self):
        """pid -> what the process noted at its beginning"""
        found = {}
        for name in os.listdir(self.folder):
            if match := re.fullmatch(r"(\d+)\.began", name):
                with open(os.path.join(self.folder, name), encoding="utf-8") as file:
                    found[int(match.group(1))] = json.load(file)
        return found

    def child(self):
        """The pid of the one process that the command has forked, which runs."""
        (name,) = wait_for("the command's child", lambda: [name for name in os.listdir(self.folder) if name.endswith(".child")])
        pid = int(name.split(".")[0])
        check(not has_ended(pid), "the child has ended before it was to")
        return pid

    def mails(self):
        """All that was said 250 to, in no order."""
        found = []
        for name in os.listdir(self.folder):
            if name.endswith(".mail"):
                with open(os.path.join(self.folder, name), "rb") as file:
                    found.append(file.read())
        return found

    def holding(self, mark):
        return sum(mark.encode() in mail for mail in self.mails())

    def running(self):
        """The command's processes, zombies and all: children of the supervisor in none of its roles."""
        return self.daemon.pids("other")

    def wait_running(self, count, seconds=10):
        wait_for(f"{count} processes of the command", lambda: len(self.running()) == count, seconds)

    def send(self, mark, recipients=("b@to.test",)):
        return send_message(self.daemon.port, message(f"{mark}\r\n"), recipients=recipients)

    def send_until_taken(self, mark, seconds=15):
        """As the inbound Sendmail does with what was deferred."""
        def taken():
            try:
                return self.send(mark).code == 250
            except Closed:
                return False
        wait_for(f"{mark} to be taken", taken, seconds)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.daemon.__exit__(*why)


@suite.test_apart
def mail_passes_and_one_process_serves_several_messages():
    os.environ["SANDWICH_TEST_SECRET"] = "x"
    with Command() as command:
        for number in range(3):
            reply = command.send(f"mark-{number}")
            equal(reply.code, 250)
            check(re.search(rf"Q\d+-{number + 1} kept", str(reply)), str(reply))
        equal(sorted(command.holding(f"mark-{n}") for n in range(3)), [1, 1, 1])
        equal(len(command.began()), 1)
        equal(command.running(), list(command.began()))
        # It was started clean.
        (pid, facts), = command.began().items()
        account = pwd.getpwnam("games") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        equal((facts["uid"], facts["gid"]), (account.pw_uid, account.pw_gid))
        equal(set(facts["environment"]) - {"LC_CTYPE"}, {"PATH", "HOME", "USER", "LOGNAME"})
        equal(facts["group"], pid, "no process group of its own")
        equal(facts["descriptors"][:3], [0, 1, 2])
        check(len(facts["descriptors"]) <= 4, f"descriptors {facts['descriptors']}")  # one is the look itself
        equal(facts["directory"], "/")
        equal(facts["blocked"], [])
        if os.geteuid() == 0:
            check("root" not in facts["groups"], facts["groups"])
        # What it refuses is refused, word for word.
        with Client(command.daemon.port) as client:
            client.ehlo()
            client.command("MAIL FROM:<a@from.test>")
            reply = client.command("RCPT TO:<unknown@to.test>")
            equal(str(reply).strip(), "550 5.1.1 no such user")
        check("delivery server: command: up" in command.daemon.ctl("status").stdout)
        began = command.began()
        command.daemon.stop()  # ends it, too
        equal([pid for pid in began if os.path.exists(f"/proc/{pid}")], [])


@suite.test_apart
def wherever_it_dies_nothing_is_lost_and_nothing_doubled():
    with Command() as command:
        for stage in ("greeting", "rcpt", "data", "text", "dot"):
            command.behave("die-" + stage, "once")
            try:
                reply = command.send(stage)
                check(reply.code in (250, 421, 451), f"{stage}: {reply}")
            except Closed:
                reply = None
            if reply is None or reply.code != 250:
                equal(command.holding(stage), 0, f"kept although it died at {stage}")
                command.send_until_taken(stage)
            equal(command.holding(stage), 1, f"after it died at {stage}")
            # The text is short: the dot has left when it dies in its middle.
            check(not command.daemon.log_lines("possible_duplicate") or stage in ("text", "dot"))
        command.daemon.wait_log(r"command_ended: process \d+: exit status 1", count=5)
        # It was kept, and nobody heard so: the one window there is, and it is named.
        before = len(command.daemon.log_lines("possible_duplicate: .*command"))
        command.behave("die-after", "once")
        equal(command.send("mark").code, 451)
        equal(command.holding("mark"), 1)
        command.daemon.wait_log("possible_duplicate: .*command", count=before + 1)


@suite.test_apart
def one_that_hangs_is_given_up_in_time():
    with Command({"smtp.downstream_command_timeout": "1s", "smtp.downstream_final_timeout": "1s"}) as command:
        for stage in ("rcpt", "dot"):
            command.behave("hang-" + stage)
            equal(command.send(stage).code, 451)
            equal(command.holding(stage), 0)
            command.wait_running(0)  # the end of its input is enough for one that reads
        command.behave()
        command.send_until_taken("again")
        equal(command.holding("again"), 1)


@suite.test_apart
def one_that_will_not_end_is_killed_with_the_daemon():
    with Command({"smtp.downstream_final_timeout": "1s"}) as command:
        command.behave("hang-dot", "stay", "fork")
        equal(command.send("mark").code, 451)
        (pid,), child = command.began(), command.child()
        command.daemon.process.terminate()
        wait_for("the proxy to end", lambda: not command.daemon.pids("proxy"), 10)
        check(os.path.exists(f"/proc/{pid}"), "it was to ignore the end of its input")
        command.daemon.process.terminate()  # asked twice: at once
        equal(command.daemon.process.wait(10), 0)
        check(not os.path.exists(f"/proc/{pid}"), "left running")
        wait_for("its child to end, too", lambda: has_ended(child))


@suite.test_apart
def one_that_needs_to_be_told_to_end_is_told_with_its_group():
    with Command({"smtp.downstream_final_timeout": "1s"}) as command:
        command.behave("hang-dot", "wait", "fork")
        equal(command.send("mark").code, 451)
        (pid,), child = command.began(), command.child()
        command.daemon.process.terminate()
        equal(command.daemon.process.wait(30), 0)
        check(command.daemon.log_lines(rf"command_ended: process {pid}: signal 15 .*, which it was told to"))
        wait_for("its child to end, too", lambda: has_ended(child))


@suite.test_apart
def one_that_is_killed_costs_a_retry_at_most():
    with Command() as command:
        equal(command.send("first").code, 250)
        os.kill(command.running()[0], signal.SIGKILL)  # idle in the pool
        command.wait_running(0)
        equal(command.send("second").code, 250)
        with Client(command.daemon.port) as client:  # in the middle of an envelope
            client.ehlo()
            client.envelope()
            os.kill(command.running()[0], signal.SIGKILL)
            command.daemon.wait_log("downstream_fault")
            equal(client.command("DATA").code // 100, 4)
        command.send_until_taken("third")
        equal([command.holding(mark) for mark in ("first", "second", "third")], [1, 1, 1])
        equal([pid for pid in command.running() if _state(pid) == "Z"], [])


def _state(pid):
    with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
        return file.read().rsplit(")", 1)[1].split()[0]


def has_ended(pid):
    """Nobody of ours reaps it."""
    try:
        return _state(pid) in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def answered_of(clients, count):
    """Those that have an answer, when they are so many."""
    answered = [client for client in clients if client.pending(0.1)]
    return answered if len(answered) >= count else None


@suite.test_apart
def no_more_run_than_may_and_who_waits_gets_the_next():
    with Command({"smtp.original_max_processes": 2, "smtp.downstream_idle_timeout": "30s", "general.threads": 2}) as command:
        equal(command.send("offer").code, 250)
        clients = [Client(command.daemon.port) for _ in range(3)]
        for client in clients:
            client.ehlo()
            client.command("MAIL FROM:<a@from.test>")
            client.send(b"RCPT TO:<b@to.test>\r\n")
        answered = wait_for("two answers", lambda: answered_of(clients, 2), 30)
        equal(len(command.running()), 2)
        check(not answered_of(clients, 3), "the third one is answered, too")
        waiting = next(client for client in clients if client not in answered)
        for client in answered:
            equal(client.reply().code, 250)
        answered[0].command("QUIT")  # its process is free, and not kept for later while somebody waits
        equal(waiting.reply().code, 250)
        check(len(command.running()) <= 2, command.running())
        for client in clients:
            client.close()
        check(not command.daemon.log_lines("downstream_down"), "a crowd is no failure of the command")


@suite.test_apart
def many_at_once_share_few_processes():
    with Command({"smtp.original_max_processes": 3, "general.threads": 2}) as command:
        marks = [f"many-{number}-" for number in range(12)]
        most = 0
        with concurrent.futures.ThreadPoolExecutor(12) as threads:
            sent = [threads.submit(command.send_until_taken, mark) for mark in marks]
            while not all(one.done() for one in sent):
                most = max(most, len(command.running()))
                time.sleep(0.01)
            for one in sent:
                one.result()
        check(most <= 3, f"{most} processes at once")
        equal({mark: command.holding(mark) for mark in marks}, dict.fromkeys(marks, 1))


@suite.test_apart
def who_waits_too_long_gets_451_and_the_command_is_not_called_down():
    with Command({"smtp.original_max_processes": 1, "smtp.downstream_connect_timeout": "1s"}) as command:
        equal(command.send("offer").code, 250)
        with Client(command.daemon.port) as holder, Client(command.daemon.port) as other:
            holder.ehlo()
            holder.envelope()
            other.ehlo()
            other.command("MAIL FROM:<a@from.test>")
            equal(other.command("RCPT TO:<b@to.test>").code, 451)
            equal(holder.command("DATA").code, 354)
        check(not command.daemon.log_lines("downstream_down"))
        command.send_until_taken("later")


@suite.test_apart
def a_command_that_cannot_be_executed_says_why_and_mail_waits():
    with Command({"smtp.original": "/nowhere/sendmail -bs"}) as command:
        with Client(command.daemon.port) as client:
            check(client.ehlo().code in (421, 451))
        command.daemon.wait_log("downstream_down: command: .*cannot execute /nowhere/sendmail: No such file")
        command.daemon.wait_log("command_ended: process .*: exit status 127")
    if os.geteuid() == 0:
        try:
            with Command({"smtp.original_user": "no-such-user"}):
                raise AssertionError("started without the user")
        except StartFailed as failed:
            check("original_user: there is no user" in failed.log, failed.log)


@suite.test_apart
def the_proxy_dies_and_the_next_one_goes_on():
    with Command() as command:
        equal(command.send("before").code, 250)
        os.kill(command.daemon.pids("proxy")[0], signal.SIGKILL)
        command.daemon.wait_log("started: proxy", 15)
        command.wait_running(0)  # the end of its input
        command.send_until_taken("after")
        equal([command.holding(mark) for mark in ("before", "after")], [1, 1])


@suite.test_apart
def a_reload_changes_the_command_and_back_to_a_server():
    with Command() as command, Sink() as sink:
        equal(command.send("one").code, 250)
        command.daemon.reload({"smtp.original": f"127.0.0.1 {sink.port}"})
        check(f"delivery server: 127.0.0.1:{sink.port}" in command.daemon.ctl("status").stdout)
        equal(command.send("two").code, 250)
        equal([b"two" in one.data for one in sink.messages], [True])
        equal((command.holding("one"), command.holding("two")), (1, 0))
        command.daemon.reload({"smtp.original": "sendmail -bs"})
        check(command.daemon.log_lines("original is neither the absolute path of a command nor a server"))


@suite.test_apart
def an_intscan_ini_is_run_on_as_it_is_and_imported():
    with Command(start=False) as command:
        daemon = command.daemon
        daemon.ini = daemon.path("intscan.ini")
        daemon.configure({"socket_1.proxy_addr": None, "socket_1.proxy_port": None, "smtp.svcport": daemon.port, "smtp.virusaction": "clean",
                          "http.svcport": 80})
        daemon.start()
        equal(command.send("as it is").code, 250)
        with open(daemon.ini, encoding="utf-8") as file:
            line = file.read().splitlines().index("virusaction=clean") + 1
        daemon.wait_log(rf"intscan\.ini:{line}: warning: \[smtp\] virusaction=clean: nobody here knows this")
        told = daemon.ctl("import", daemon.ini, daemon.path("native.ini"))
        equal(told.returncode, 0, told.stdout + told.stderr)
        for part in (rf"applied: \[smtp\] svcport={daemon.port}, here \[socket_1\] proxy_port$", r"applied: \[smtp\] original=/.*$",
                     r"without effect: \[http\] svcport=80: Sandwich scans mail only$", rf":{line}: unknown: \[smtp\] virusaction=clean$"):
            check(re.search(part, told.stdout, re.M), f"{part!r} is missing in {told.stdout}")
        equal(daemon.ctl("import", daemon.ini, daemon.path("native.ini")).returncode, 1)  # never over a file that is there
        equal(daemon.ctl("import", daemon.path("native.ini")).returncode, 1)
        daemon.stop()
        daemon.ini = daemon.path("native.ini")
        daemon.start()
        equal(command.send("as ours").code, 250)
        equal([command.holding("as it is"), command.holding("as ours")], [1, 1])
        check(not daemon.log_lines("native.ini:.*error"))


@suite.test_apart
def an_imss_ini_is_run_on_as_it_is_and_imported():
    with Daemon(start=False) as daemon, Sink(port=daemon.downstream) as sink:
        daemon.ini = daemon.path("imss.ini")
        daemon.configure({"socket_1.proxy_service": "SMTP_SERVICE", "socket_1.proxy_addr": None, "socket_1.proxy_smtp_server_ip": "127.0.0.1",
                          "socket_2.proxy_service": "SMTP_REPROCESS", "socket_2.proxy_port": daemon.port, "smtp.proc_max_connections": 70,
                          "smtp.smtp_greeting_msg": "IMSS SMTP proxy", "smtp.never_heard_of": 1, "Update.interval": 60})
        daemon.start()
        with Client(daemon.port) as client:
            check("IMSS SMTP proxy" in client.greeting.text, client.greeting)
        equal(send_message(daemon.port, message("as it is\r\n")).code, 250)
        equal([b"as it is" in one.data for one in sink.messages], [True])
        with open(daemon.ini, encoding="utf-8") as file:
            line = file.read().splitlines().index("never_heard_of=1") + 1
        daemon.wait_log(rf"imss\.ini:{line}: warning: \[smtp\] never_heard_of=1: nobody here knows this")
        told = daemon.ctl("import", daemon.ini, daemon.path("native.ini"))
        equal(told.returncode, 0, told.stdout + told.stderr)
        for part in (r"applied: \[socket_1\] proxy_smtp_server_ip=127\.0\.0\.1, here \[socket_1\] proxy_addr$",
                     r"applied: \[smtp\] proc_max_connections=70, here \[smtp\] max_connections$",
                     rf"without effect: \[socket_2\] proxy_port={daemon.port}: there is no service but SMTP_SERVICE$",
                     r"without effect: \[Update\] interval=60: ", rf":{line}: unknown: \[smtp\] never_heard_of=1$"):
            check(re.search(part, told.stdout, re.M), f"{part!r} is missing in {told.stdout}")
        with open(daemon.path("native.ini"), encoding="utf-8") as file:
            native = file.read()
        for part in ("proxy_addr=127.0.0.1\n", "max_connections=70\n", "smtp_greeting_msg=IMSS SMTP proxy\n"):
            check(part in native, f"{part!r} is missing in {native}")


if __name__ == "__main__":
    suite.main()
