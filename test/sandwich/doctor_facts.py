#!/usr/bin/python3
"""sandwichctl doctor without Sendmail and daemon: names in routes, domain_file, scanners, signatures, clock, a user who is not root. Directories
and log-in servers: directory_login.py."""

import concurrent.futures
import ctypes
import itertools
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import time

from daemon import free_port, program
from doctored import Deaf, compare, findings, write_ini
from suite import Suite, check, equal

from dns import DnsServer
from mute import Scripted

suite = Suite()
WORK = pathlib.Path(tempfile.mkdtemp(prefix="sandwich-doctor-"))
WORK.chmod(0o755)
NUMBERS = itertools.count()
DAY = 24 * 3600


def doctor(sections):
    general = {"control_socket": WORK / "control", "pid_file": WORK / "pid"}
    return findings(write_ini(WORK / f"sandwich_{next(NUMBERS)}.ini", {"general": general, "socket_1": {"proxy_port": free_port()}, **sections}))[:2]


def database(name, **built):
    """A folder of signature files: the beginning of each, as freshclam leaves it, says when it was built."""
    folder = WORK / name
    folder.mkdir(mode=0o755)
    for file, when in built.items():
        (folder / (file + ".cvd")).write_text(f"ClamAV-VDB:{time.strftime('%d %b %Y %H-%M +0000', time.gmtime(when))}:62:1:90:{'0' * 32}:x:sigmgr:"
                                              f"{int(when)}".ljust(512), encoding="ascii")
    (folder / "broken.cvd").write_text("ClamAV-VDB:", encoding="ascii")
    return folder


@suite.test_apart
def names_and_lists_are_followed_and_scanners_and_signatures_looked_for():
    listed = WORK / "listed"
    refused = free_port()
    listed.write_text(f"listed.test 10 127.0.0.1:{refused}\nfine.test 10 mx:mx.test:{refused}\n", encoding="ascii")
    with DnsServer() as dns, Deaf() as deaf, Scripted("220 m", {"EHLO": "250 m"}, "250 ok") as plain:
        here, port = "127.0.0.1:", plain.port
        dns.records |= {"one.test": [("A", "127.0.0.1")], "two.test": [("A", "127.0.0.2")], "mx.test": [("MX", 10, "one.test"), ("MX", 20, "two.test")],
                        "_smtp._tcp.test": [("SRV", 1, 1, port, "one.test"), ("SRV", 2, 1, deaf.port, "one.test")], "none.test": [("MX", 0, "")]}
        found, status = doctor({
            "smtp": {"downstream_smtp_server_addr": f"{here}{port}"},
            "routing": {"dns_servers": f"{here}{dns.port}", "domain_file": listed},
            "domain mx.test": {"route_1": f"10 mx:mx.test:{port}"}, "domain srv.test": {"route_1": "10 srv:_smtp._tcp.test"},
            "domain own.test": {"route_1": f"10 mx:one.test:{port}"}, "domain none.test": {"route_1": "10 mx:none.test"},
            "domain lost.test": {"route_1": "10 srv:_smtp._tcp.lost.test"},
            "scanner.clamd up": {"server": f"{here}{port}"}, "scanner.clamd down": {"server": f"{here}{refused}"},
            "scanner.clamd path": {"server": WORK / "no-such-socket"}, "scanner.icap down": {"server": f"icap://{here}{deaf.port}/av"},
            "scanner.icap off": {"server": f"icap://{here}{refused}/av", "enable": "no"},
            "scanner.clamav": {"database": database("old", daily=time.time() - 10.5 * DAY, main=time.time() - 99 * DAY)},
        })
    equal(status, 2)
    about = f"route 10 mx:mx.test:{port} (mx.test)"
    equal([[level, text.split(": ")[0]] for level, text, _ in found[about]], [["ok", f"{here}{port} greets"], ["warning", f"127.0.0.2:{port}"]], about)
    about = "route 10 srv:_smtp._tcp.test (srv.test)"
    equal([[level, text.split("; ")[0]] for level, text, _ in found[about]], [["ok", f"{here}{port} greets"],
                                                                            ["warning", f"{here}{deaf.port}: no answer in time"]], about)
    compare(found, [
        (f"route 10 mx:one.test:{port} (own.test)", "ok", f"{here}{port} greets", ""),
        ("route 10 mx:none.test:25 (none.test)", "FAILURE", "none.test leads to no server", "correct the name"),
        ("route 10 srv:_smtp._tcp.lost.test (lost.test)", "FAILURE", "lost.test", "correct the name"),
        (f"route 10 {here}{refused} (listed.test)", "FAILURE", "connection refused; mail waits", "start the server"),
        ("scanner clamd up", "ok", "answers", ""), ("scanner clamd down", "FAILURE", "connection refused", "start the server"),
        ("scanner clamd path", "FAILURE", "No such file", "can be reached"), ("scanner icap down", "FAILURE", "no answer in time", "firewalls"),
        ("signatures", "FAILURE", "the newest (daily.cvd) are 10 days old", "freshclam"),
    ])
    equal([text for _, text, _ in found[f"route 10 mx:mx.test:{refused} (fine.test)"]], [
        f"{address}:{refused}: connection refused; mail waits in the inbound queue" for address in ("127.0.0.1", "127.0.0.2")])
    check("scanner icap off" not in found and "rights" not in found, found)


@suite.test_apart
def run_by_a_user_and_with_a_clock_that_is_slow():
    """What was written, or built, later than now."""
    folder = WORK / "of-a-user"
    folder.mkdir(mode=0o755)
    shutil.copy(program("sandwichctl"), folder)
    path = folder / "sandwich.ini"
    write_ini(path, {"general": {"control_socket": folder / "control", "pid_file": folder / "pid"}, "socket_1": {"proxy_port": free_port()},
                     "smtp": {"downstream_smtp_server_addr": f"127.0.0.1:{free_port()}"},
                     "scanner.clamav": {"database": database("new", daily=time.time() + DAY, main=time.time() - 99 * DAY)}})
    os.utime(path, (time.time() + 3600,) * 2)
    found, status, _ = findings(path, folder / "sandwichctl", **({"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}))
    equal(status, 2)
    compare(found, [("rights", "warning", "not run by root", "as root")])
    late, kept = found["clock"][:2], found["clock"][2:]
    equal(len(late), 2, found["clock"])
    for (level, text, _), why in zip(late, ("but the signatures in daily.cvd were built at", f"but {path} was written at")):
        check(level == "FAILURE" and why in text and "it is slow" in text, why, level, text)
    equal([[level, "nobody keeps it" in text] for level, text, _ in kept if "may be wrong" not in text], [] if kernel_keeps_time() else [["warning", True]])
    check("the newest (daily.cvd) are 0 days old" in found["signatures"][0][1], found["signatures"])


def kernel_keeps_time():
    """adjtimex(2): what it returns is not TIME_ERROR, and STA_UNSYNC is not set."""
    state = ctypes.create_string_buffer(256)
    kept = ctypes.CDLL(None).adjtimex(state)
    return kept != 5 and not struct.unpack_from("=i", state, struct.calcsize("@iqqqqi") - 4)[0] & 0x40


@suite.test_apart
def signatures_that_are_missing_or_without_a_date():
    (WORK / "empty").mkdir()

    def ask(case):
        where, *wanted = case
        found, _ = doctor({"smtp": {"downstream_smtp_server_addr": f"127.0.0.1:{free_port()}"}, "scanner.clamav": {"database": where}})
        compare(found, [("signatures", *wanted)])

    with concurrent.futures.ThreadPoolExecutor(3) as threads:
        list(threads.map(ask, [(WORK / "nowhere", "FAILURE", "No such file", "clamav-freshclam"),
                               (WORK / "empty", "FAILURE", "sandwichd does not start", "freshclam"),
                               (database("undated"), "warning", "none says when it was built", "freshclam")]))


@suite.test_apart
def a_broken_configuration_and_wrong_usage():
    path = write_ini(WORK / "broken.ini", {"smtp": {"max_recipients": "many"}})
    done = subprocess.run([program("sandwichctl"), "doctor", "-c", path], capture_output=True, text=True, check=False)
    check(done.returncode == 2 and f"{path}:2: error: " in done.stdout and "cannot be read" in done.stdout, done.stdout)
    for arguments in (["--patience=0"], ["--patience=x"], ["--to=a@b.test"], ["--probe", "--to=a b"], ["more"], ["--nonsense"]):
        done = subprocess.run([program("sandwichctl"), "doctor", *arguments], capture_output=True, text=True, check=False)
        check(done.returncode == 64 and "Usage" in done.stderr, arguments, done)


if __name__ == "__main__":
    suite.main(lambda: shutil.rmtree(WORK, ignore_errors=True))
