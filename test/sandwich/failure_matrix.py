#!/usr/bin/python3
"""The failure matrix: each way in which each kind of scanner can fail, by a real cause and through a real session, with the action of
the scanner's own cell and with every action for recipients of their own. What sandwichctl matrix says of it, and what is warned about."""

import concurrent.futures
import os
import re
import signal
import subprocess

from daemon import Daemon, free_port, need_test_hooks, program
from samples import eicar, encrypted_zip, message, own_fields, with_attachment, zipped
from suite import Suite, check, equal, wait_for

from client import send_message
from policy_content import nested
from scanner_servers import FakeClamd, FakeIcap, hang, reply
from sink import Sink

suite = Suite()
FAILURES = ("down", "timeout", "error", "limit", "encrypted", "malformed", "stale")
ACTIONS = ("defer", "quarantine", "deliver-with-mark", "ignore")
# What the verdict has of each.
WORDS = {"down": ("cannot tell (unavailable)",), "timeout": ("cannot tell (timeout)",), "error": ("cannot tell (error)", "cannot tell (crash)"),
         "limit": ("cannot tell (limit)",), "encrypted": ("encrypted ",), "malformed": ("cannot tell (malformed)",), "stale": ("cannot tell (stale)",)}
FACTS = (("contents", "encrypted"), ("contents", "malformed"))
SEEN = {}  # (scanner, failure) -> {"own": action, "to": [actions]}
PLAIN = message()
MALFORMED = with_attachment(b"x", "a.txt").replace(b"MIME-Version: 1.0", b"MIME-Version: 1.0\r\nContent-Type: text/plain")


class Here:
    """A daemon with a section of recipients for each action: to=<x@ACTION.test>; and one for nobody else."""

    def __init__(self, settings):
        self.settings = {"general.threads": 1, "worker.count": 5, "worker.crash_limit": 0, "worker.scan_timeout": "30s",
                         "worker.total_timeout": "30s"} | settings
        for action in ACTIONS:
            for failure in FAILURES:
                self.settings[f"recipients {action}.test.{failure}_action"] = action

    def __enter__(self):
        self.sink = Sink()
        self.daemon = Daemon(self.sink.port, self.settings)
        return self

    def __exit__(self, *_):
        self.daemon.close()
        self.sink.close()

    def use(self, settings):
        self.daemon.reload(settings)
        last = self.daemon.log_lines(r"reloaded|reload_refused")[-1]
        check("refused" not in last, last)

    def became(self, text, domain):
        """(what was done, what the verdict says)"""
        answer = send_message(self.daemon.port, text, recipients=[f"x@{domain}"])
        identity = answer.text.split()[1]
        if answer.code == 451:
            line = self.daemon.wait_log(rf" info: {identity}: from=.*verdict=")[0]
            return "defer", line.split("verdict=")[1]
        equal(answer.code, 250, str(answer))
        if os.path.exists(os.path.join(self.daemon.quarantine, identity + ".meta")):
            line = self.daemon.wait_log(rf" info: {identity}: from=.*verdict=")[0]
            return "quarantine", line.split("verdict=")[1]
        found = wait_for("the delivered mail", lambda: [m for m in self.sink.messages if f"id {identity};".encode() in m.data], 5)
        verdict = [field for field in own_fields(found[0].data)[0] if field.startswith("X-Sandwich-Verdict: ")][0].split(": ", 1)[1]
        return ("deliver-with-mark" if verdict.startswith("NOT CHECKED: ") else "ignore"), verdict.removeprefix("NOT CHECKED: ")

    def cell(self, scanner, failure, own, text, others=""):
        """The scanner fails in this way: its own cell says `own`. `others`: what is ignored besides."""
        domains = {"own": "other.test"} | {action: f"{action}.test" for action in ACTIONS}
        with concurrent.futures.ThreadPoolExecutor(5) as pool:
            done = {name: pool.submit(self.became, text, domain) for name, domain in domains.items()}
            done = {name: future.result() for name, future in done.items()}
        for name, (action, verdict) in done.items():
            wanted = own if name == "own" else name
            where = f"{scanner} {failure} for {name}: {verdict}"
            equal(action, wanted, where)
            if wanted != "ignore":
                check(verdict.startswith(WORDS[failure]), where)
            elif (scanner, failure) not in FACTS:
                check(re.search(rf"ignored: .*{failure}", verdict), where)
                check("cannot tell" not in verdict, where)
            if name == "own" and others:
                check(f"ignored: {others}" in verdict, where)
        SEEN[scanner, failure] = {"own": own, "to": sorted(action for name, (action, _) in done.items() if name != "own")}


def own_action(row, failure):
    """Each action comes to each failure in one of four rows."""
    return ACTIONS[(row + FAILURES.index(failure)) % len(ACTIONS)]


def cell_settings(section, failure, action):
    """This cell alone; what the last one was is taken back."""
    return {f"{section}.{other}_action": action if other == failure else None for other in FAILURES}


# ---- clamd, ICAP, programs

def clamd_says(failure):
    said = {"error": b"Can't allocate memory ERROR\0", "limit": b"INSTREAM size limit exceeded. ERROR\0",
            "encrypted": b"stream: Heuristics.Encrypted.PDF FOUND\0", "malformed": b"stream: Heuristics.Broken.Executable FOUND\0"}
    version = reply(b"ClamAV 1.0/7/Sat Nov 21 10:12:33 2020\0") if failure == "stale" else reply(b"ClamAV 1.0/7/today\0")
    return FakeClamd(scan=hang if failure == "timeout" else reply(said.get(failure, b"stream: OK\0")), version=version)


@suite.test
def clamd_in_every_way():
    with Here({"scanner.clamav.enable": "no", "scanner.clamd main.timeout": "30s"}) as here:
        for failure in FAILURES:
            with clamd_says(failure) as server:
                own = own_action(0, failure)
                here.use({"scanner.clamd main.server": f"127.0.0.1:{free_port() if failure == 'down' else server.port}",
                          "scanner.clamd main.timeout": "1s" if failure == "timeout" else "30s",
                          "scanner.clamd main.max_signature_age": "7d" if failure == "stale" else "0"}
                         | cell_settings("scanner.clamd main", failure, own))
                here.cell("clamd main", failure, own, PLAIN)
                if failure == "stale":
                    here.daemon.wait_log("signatures_stale: clamd main: the signatures are of 2020-11-21")
                    check("TOO OLD" in here.daemon.ctl("status").stdout)
                    equal(len(here.daemon.log_lines("signatures_stale")), 1, "lines in an hour")
                    server.scan = reply(b"stream: Worm.A FOUND\0")
                    equal(here.became(PLAIN, "ignore.test")[0], "quarantine", "what is found is found")


def icap_says(failure):
    named = {"limit": "Heuristics.Limits.Exceeded.MaxFiles", "encrypted": "Heuristics.Encrypted.Zip", "malformed": "Heuristics.Broken.Executable"}
    if failure == "timeout":
        return FakeIcap(scan=hang)
    if failure in named:
        found = f"ICAP/1.0 200 OK\r\nX-Infection-Found: Type=0; Resolution=2; Threat={named[failure]};\r\nEncapsulated: null-body=0\r\n\r\n"
        return FakeIcap(scan=reply(found.encode()))
    return FakeIcap(scan=reply(b"ICAP/1.0 500 Server Error\r\n\r\n"))


@suite.test
def icap_in_every_way():
    with Here({"scanner.clamav.enable": "no", "scanner.icap main.timeout": "30s"}) as here:
        for failure in FAILURES[:-1]:  # it tells no date
            with icap_says(failure) as server:
                own = own_action(1, failure)
                here.use({"scanner.icap main.server": f"icap://127.0.0.1:{free_port() if failure == 'down' else server.port}/av",
                          "scanner.icap main.timeout": "1s" if failure == "timeout" else "30s"}
                         | cell_settings("scanner.icap main", failure, own) | {"scanner.icap main.stale_action": None})
                here.cell("icap main", failure, own, PLAIN)


@suite.test
def check_program_in_every_way():
    with Here({"scanner.clamav.enable": "no", "scanner.check main.max_connections": "5",
               "scanner.check main.timeout": "30s"}) as here:
        path = here.daemon.path("check-program")
        with open(path, "w", encoding="ascii") as file:
            file.write('#!/bin/sh\ncat > /dev/null\ncase $1 in timeout) exec sleep 100;; *) echo "$1 it is";; esac\n')
        os.chmod(path, 0o755)
        for failure in FAILURES:
            own = own_action(2, failure)
            here.use({"scanner.check main.program": "/nonexistent/program" if failure == "down" else f"{path} {failure}",
                      "scanner.check main.timeout": "1s" if failure == "timeout" else "30s"}
                     | cell_settings("scanner.check main", failure, own))
            here.cell("check main", failure, own, PLAIN)


# ---- what the workers do

def faulty(fault):
    return message(headers=(f"X-Sandwich-Test: {fault}",))


LIMITED = {"scanner.clamav.max_file_size": "64k", "scanner.clamav.max_scan_size": "64k", "content.limit_layers": "3"}
TIMES = {"timeout": {"worker.scan_timeout": "1s"}, "down": {"worker.scan_timeout": "1s", "worker.total_timeout": "1s"}}
PATIENT = {"worker.scan_timeout": "30s", "worker.total_timeout": "30s"}


def without_workers(here):
    """The zygote sleeps, so that what is killed is not replaced."""
    wait_for("the older scanner processes to leave", lambda: len(here.daemon.pids("zygote")) == 1 and len(here.daemon.pids("worker")) == 5, 20)
    zygote, workers = here.daemon.pids("zygote")[0], here.daemon.pids("worker")
    os.kill(zygote, signal.SIGSTOP)
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    wait_for("the proxy to notice", lambda: "workers: 0 (" in here.daemon.ctl("status").stdout, 5)
    return zygote


def worker_cell(here, scanner, failure, own, text, others=""):
    zygote = without_workers(here) if failure == "down" else None
    try:
        here.cell(scanner, failure, own, text, others)
    finally:
        if zygote:
            os.kill(zygote, signal.SIGCONT)
            wait_for("new workers", lambda: len(here.daemon.pids("worker")) >= 5, 20)


@suite.test
def clamav_in_every_way():
    need_test_hooks()
    texts = {"down": PLAIN, "timeout": faulty("hang"), "error": faulty("crash"), "limit": with_attachment(zipped(bytes(1000000)), "big.zip"),
             "encrypted": with_attachment(encrypted_zip(), "a.zip"), "malformed": faulty("cannot tell malformed"), "stale": PLAIN}
    with Here(LIMITED) as here:
        for failure in FAILURES:
            own = own_action(3, failure)
            if failure == "stale":
                for name in os.listdir(here.daemon.path("test-signatures")):
                    os.utime(here.daemon.path(os.path.join("test-signatures", name)), (1600000000, 1600000000))
            here.use(PATIENT | TIMES.get(failure, {}) | cell_settings("scanner.clamav", failure, own)
                     | {"scanner.clamav.max_signature_age": "7d" if failure == "stale" else "0"})
            worker_cell(here, "clamav", failure, own, texts[failure])
        here.daemon.wait_log("signatures_stale: clamav: the signatures are of 2020-09-13")
        check("TOO OLD: the signatures are of 2020-09-13" in here.daemon.ctl("status").stdout)
        equal(here.became(message(eicar() + b"\r\n"), "ignore.test")[0], "quarantine", "what is found is found")


INSIDE = {"down": "ignore", "timeout": "quarantine", "error": "deliver-with-mark", "limit": "ignore", "encrypted": "quarantine", "malformed": "defer"}


@suite.test
def looking_inside_in_every_way():
    need_test_hooks()
    texts = {"down": PLAIN, "timeout": faulty("hang"), "error": faulty("crash"), "limit": with_attachment(nested(6), "a.zip"),
             "encrypted": with_attachment(encrypted_zip(), "a.zip"), "malformed": MALFORMED}
    with Here({"content.limit_layers": "3"}) as here:
        here.daemon.write_policy("[rule never]\nto = nobody.test\nif = extension exe\ndo = reject no\n")
        for failure in FAILURES[:-1]:  # it has no signatures
            own = INSIDE[failure]
            # A lost worker is one of ClamAV, too, which says nothing here.
            ignoring = failure in ("down", "timeout", "error", "encrypted")
            here.use(PATIENT | TIMES.get(failure, {}) | cell_settings("content", failure, own) | {"content.stale_action": None}
                     | cell_settings("scanner.clamav", failure, "ignore" if ignoring else None))
            worker_cell(here, "contents", failure, own, texts[failure], "clamav encrypted" if failure == "encrypted" else "")


@suite.test
def each_limit_has_its_own_action():
    deep = with_attachment(nested(6), "a.zip")
    many = message(b"".join(b"--b\r\n\r\nx\r\n" for _ in range(12)) + b"--b--\r\n",
                   headers=("MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b"))
    with Here({"content.limit_layers": "3", "content.limit_entities": "8", "content.limit_action": "defer"}) as here:
        for action in ACTIONS:
            here.use({"content.limit_layers_action": action})
            equal(here.became(deep, "other.test")[0], action, "layers")
            equal(here.became(many, "other.test")[0], "defer", "entities follow limit_action")


@suite.test
def rules_after_malformed_and_after_a_limit():
    with Here({"content.limit_layers": "3"}) as here:
        here.daemon.write_policy("[rule all]\ndo = reject by a rule\n")
        deep = with_attachment(nested(6), "a.zip")
        for action, code in ((None, 554), ("deliver-with-mark", 554), ("quarantine", 250), ("defer", 451)):
            here.use({"content.malformed_action": action})
            equal(send_message(here.daemon.port, MALFORMED, recipients=["x@other.test"]).code, code, f"malformed: {action}")
            equal(send_message(here.daemon.port, deep, recipients=["x@other.test"]).code, 554, "a limit: the rule is asked")


# ---- what is shown of it

TABLE = {"scanner.clamd main.timeout_action": "ignore", "scanner.clamd main.failure_action": "quarantine",
         "scanner.icap av.enable": "yes", "recipients *@lists.test.down_action": "deliver-with-mark",
         "content.limit_layers_action": "quarantine", "scanner.clamav.encrypted_action": "quarantine"}
RULES = """[rule passes]
if = cannot_tell timeout
do = deliver
[rule secrets]
to = bob@b.test
if = encrypted
do = deliver
[rule strict]
if = cannot_tell
do = quarantine
"""


def cells_of(text, name):
    """A row of the table, by its columns."""
    lines = [line for line in text.splitlines() if line.startswith(name + " ")]
    equal(len(lines), 1, f"rows {name} in {text}")
    return dict(zip(text.splitlines()[0].split() if not text.startswith("For ") else text.splitlines()[2].split(), lines[0][len(name):].split()))


@suite.test
def the_table():
    with Sink() as sink, Daemon(sink.port, TABLE, start=False) as daemon:
        daemon.write_policy(RULES)
        done = daemon.ctl("matrix")
        equal((done.returncode, done.stderr), (0, ""))
        defer = dict.fromkeys(FAILURES[:-1], "defer")
        equal(cells_of(done.stdout, "clamav"), defer | {"encrypted": "hold*", "stale": "-"})
        equal(cells_of(done.stdout, "clamd main"), dict.fromkeys(FAILURES, "hold") | {"timeout": "ignore*!", "stale": "-"})
        equal(cells_of(done.stdout, "icap av"), defer | {"stale": "-"})
        equal(cells_of(done.stdout, "contents"), defer | {"limit": "defer*", "encrypted": "ignore", "malformed": "ignore", "stale": "-"})
        equal(cells_of(done.stdout, "to *@lists.test"), dict.fromkeys(FAILURES, ".") | {"down": "mark*!"})
        check("layers: hold*" in done.stdout, done.stdout)
        check(f"passes ({daemon.path('policy.ini')}:1): clamav timeout; icap av timeout; contents timeout" in done.stdout, done.stdout)
        check(re.search(r"secrets \(\S+:4\): clamav encrypted; clamd main encrypted; icap av encrypted\n", done.stdout), done.stdout)
        check("strict" not in done.stdout, done.stdout)
        check(max(map(len, done.stdout.splitlines()[:8])) <= 100, done.stdout)
        one = daemon.ctl("matrix", "--to=a@lists.test")
        equal(cells_of(one.stdout, "icap av"), defer | {"down": "mark*!", "stale": "-"})
        check("secrets" not in one.stdout and "passes" in one.stdout, one.stdout)
        equal(cells_of(daemon.ctl("matrix", "--to=a@other.test").stdout, "icap av"), cells_of(done.stdout, "icap av"))
        equal(daemon.ctl("matrix", "more").returncode, 2)
        with open(daemon.ini, "a", encoding="ascii") as file:
            file.write("[nonsense]\n")
        equal(daemon.ctl("matrix").returncode, 1)


@suite.test
def what_is_open_is_warned_about():
    with Sink() as sink, Daemon(sink.port, TABLE) as daemon:
        def line_of(section, key):
            with open(daemon.ini, encoding="utf-8") as file:
                lines = file.read().splitlines()
            start = lines.index(f"[{section}]")
            return next(number for number, line in enumerate(lines[start:], start + 1) if line.startswith(key + "="))

        def warnings():
            checked = subprocess.run([program("sandwichd"), "-c", daemon.ini, "--check-config"], capture_output=True, text=True, timeout=20,
                                     check=False)
            equal(checked.returncode, 0, checked.stderr)
            return sorted(line for line in checked.stderr.splitlines() if "fail-open" in line)

        ignored = (f"{daemon.ini}:{line_of('scanner.clamd main', 'timeout_action')}: warning: [scanner.clamd main] timeout_action=ignore is fail-open: "
                   "mail passes that was not scanned (clamd main timeout)")
        marked = (f"{daemon.ini}:{line_of('recipients *@lists.test', 'down_action')}: warning: [recipients *@lists.test] down_action=deliver-with-mark is "
                  "fail-open: mail passes that was not scanned (clamav down; clamd main down; icap av down; contents down)")
        equal(warnings(), sorted([ignored, marked]))
        for text in (ignored, marked):
            check(text in daemon.log(), text)  # at the start
        # And when it is reloaded, with what follows from failure_action.
        daemon.reload({"scanner.clamav.failure_action": "deliver-with-mark"})
        daemon.wait_log(r"config_warning: .*\[scanner.clamav\] failure_action=deliver-with-mark is fail-open: mail passes that was not scanned "
                        r"\(clamav down, timeout, error, limit, malformed; contents down, timeout, error\)")
        daemon.reload({"scanner.clamav.failure_action": None, "scanner.clamd main.timeout_action": None, "recipients *@lists.test.down_action": None})
        equal(warnings(), [])


def print_table():
    if not SEEN:
        return
    print("seen through real sessions: the scanner's own cell, and (x4) every action for recipients of their own")
    print(" " * 12 + "".join(f"{failure:23}" for failure in FAILURES))
    for scanner in dict.fromkeys(scanner for scanner, _ in SEEN):
        cells = [SEEN.get((scanner, failure)) for failure in FAILURES]
        print(f"{scanner:12}" + "".join(f"{cell['own'] + ' (x%d)' % len(set(cell['to'])) if cell else '-':23}" for cell in cells))


if __name__ == "__main__":
    suite.main(print_table)
