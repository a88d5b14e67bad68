#!/usr/bin/python3
"""Scanners beside the workers: clamd, ICAP services and check programs, real ones and such as misbehave."""

import os
import pwd
import signal
import time

from daemon import Daemon, free_port
from samples import EICAR_NAME, eicar, encrypted_zip, message, with_attachment
from suite import Suite, check, equal, wait_for
from world import World

from client import Client, send_message
from engines import CIcap, Clamd
from scanner_servers import FakeClamd, FakeIcap, close, early, hang, reply, reset
from sink import Sink

suite = Suite()
SHARED = {"general.threads": 1, "worker.count": 1}
WORLD = World(SHARED)
ENGINES = {}
USED = set()
OLD_RUNNERS = set()  # of settings before


def engine(kind):
    """The real one, started when the first test wants it."""
    if kind not in ENGINES:
        ENGINES[kind] = Clamd() if kind == "clamd" else CIcap(engine("clamd"))
    return ENGINES[kind]


def use(**scanners):
    """(sink, daemon), with these scanners instead of those before: section -> settings, "clamd_main" for [scanner.clamd main]. ClamAV
    in the workers is off unless `local`."""
    local = scanners.pop("local", False)
    sink, daemon = WORLD.get()
    settings = {name: None for name in USED}
    for section, values in scanners.items():
        for key, value in values.items():
            settings[f"scanner.{section.replace('_', ' ', 1)}.{key}"] = value
    USED.update(settings)
    OLD_RUNNERS.update(daemon.pids("runner"))
    daemon.reload({**settings, "scanner.clamav.enable": "yes" if local else "no"})
    last = daemon.log_lines(r"reloaded|reload_refused")[-1]
    check("refused" not in last, last)
    return sink, daemon


def verdict_of(daemon, text=None, **envelope):
    """(reply, the message's line in the log)"""
    answer = send_message(daemon.port, text or message(), **envelope)
    lines = daemon.wait_log(rf"info: {answer.text.split()[1] if len(answer.text.split()) > 1 else ''}.*verdict=")
    return answer, lines[-1]


def submit(client, text=None):
    """Sends a message and does not wait for the answer."""
    client.ehlo()
    client.envelope()
    client.command("DATA")
    client.send((text or message()) + b".\r\n")


def infected():
    return with_attachment(eicar(), "a.com")


@suite.test
def real_clamd_over_both_sockets():
    clamd = engine("clamd")
    for server in (clamd.socket, f"127.0.0.1:{clamd.port}"):
        sink, daemon = use(clamd_main={"server": server})
        equal(send_message(daemon.port, message()).code, 250)
        sink.wait(1)
        large = message("x" * 76 + "\r\n" * 40000)
        equal(send_message(daemon.port, large).code, 250, "several pieces")
        answer, line = verdict_of(daemon, infected())
        equal(answer.code, 250)
        check(f"verdict=found {EICAR_NAME}, " in line and "mailer=quarantine" in line, line)
        answer, line = verdict_of(daemon, with_attachment(encrypted_zip(), "a.zip"))
        equal(answer.code, 451, "encrypted is deferred")
        check("verdict=encrypted Heuristics.Encrypted.Zip" in line, line)
        status = daemon.ctl("status").stdout
        check("scanner clamd main: 2 clean, 1 found, 1 encrypted, 0 not known, 0 waiting" in status, status)
        check(": up, 0 connections, ClamAV 1." in status, status)
        equal(len(sink.messages), 2)


def clamd(server, **settings):
    return {"server": f"127.0.0.1:{server.port}", "timeout": "2s", **settings}


@suite.test
def clamd_gets_the_message_as_it_is():
    with FakeClamd() as server:
        sink, daemon = use(clamd_main=clamd(server))
        text = message("".join(f"line {number}\r\n..two dots\r\n" for number in range(20000)))
        equal(send_message(daemon.port, text).code, 250)
        equal(server.messages, [text])
        equal(sink.wait(1)[0].data[-len(text):], text)
        status = daemon.ctl("status").stdout
        check("ClamAV 1.0/7/today" in status, status)
        equal(send_message(daemon.port, message()).code, 250)
        equal(server.greetings, 1, "VERSION is asked once a minute")


@suite.test
def what_clamd_says_and_what_follows():
    with FakeClamd() as server:
        sink, daemon = use(clamd_main=clamd(server, timeout="1s"))
        said = ((b"stream: Worm.A FOUND\0", 250, "found Worm.A"),
                (b"stream: Worm.A(abc:12) FOUND\n", 250, "found Worm.A(abc:12)"),
                (b"stream: Heuristics.Encrypted.PDF FOUND\0", 451, "encrypted Heuristics.Encrypted.PDF"),
                (b"stream: Heuristics.Limits.Exceeded.MaxFiles FOUND\0", 451, "cannot tell (limit)"),
                (b"INSTREAM size limit exceeded. ERROR\0", 451, "cannot tell (limit)"),
                (b"Can't allocate memory ERROR\0", 451, "cannot tell (error)"),
                (b"stream:  FOUND\0", 451, "cannot tell (error)"),
                (b"stream: OK FOUND OK\0", 451, "cannot tell (error)"),
                (b"OK\0", 451, "cannot tell (error)"),
                (b"stream: OK", 451, "cannot tell ("),  # without its end
                (b"\0", 451, "cannot tell (error)"),
                (b"x" * 100000, 451, "cannot tell (error)"),
                (b"stream: OK\0", 250, "clean"))
        for data, code, verdict in said:
            server.scan = reply(data)
            answer, line = verdict_of(daemon)
            equal(answer.code, code, data[:40])
            check(f"verdict={verdict}" in line, data[:40], line)
            if code == 451 and b"Heur" not in data and b"ERROR" not in data:
                # Three such answers and it would be left alone.
                server.scan = reply(b"stream: OK\0")
                equal(send_message(daemon.port, message()).code, 250, "after " + repr(data[:40]))
        check(not daemon.log_lines("network_scanner_down"), "no row of failures")


def all_time_out(scanners):
    sink, daemon = use(**scanners)
    answer, line = verdict_of(daemon, message("x\r\n" * 100000))
    equal(answer.code, 451)
    check("verdict=cannot tell (timeout)" in line, line)
    equal(sink.messages, [])
    for name in scanners:
        daemon.wait_log(rf"scan_failed: {answer.text.split()[1]}: {name.replace('_', ' ')}: cannot tell timeout ")


@suite.test
def clamd_that_misbehaves_is_not_clean():
    early_ok = early(reply(b"stream: OK\0"))
    for name, behaviour in (("close", close), ("reset", reset), ("half", reply(b"stream: ")), ("early OK", early_ok),
                            ("early close", early(lambda talk: None))):
        with FakeClamd(scan=behaviour) as server:
            sink, daemon = use(clamd_main=clamd(server))
            answer, line = verdict_of(daemon, message("x\r\n" * 3000000 if "early" in name else "x\r\n"))
            equal(answer.code, 451, name)
            check("verdict=cannot tell (error)" in line, name, line)
            equal(sink.messages, [], name)
    # All at once, since each takes its time.
    with FakeClamd(scan=hang) as silent, FakeClamd(version=hang) as mute, FakeClamd(scan=early(hang)) as unread:
        all_time_out({"clamd_silent": clamd(silent, timeout="1s"), "clamd_mute": clamd(mute, timeout="1s"),
                      "clamd_unread": clamd(unread, timeout="1s")})


@suite.test
def limit_said_while_the_message_is_sent():
    with FakeClamd(scan=early(reply(b"INSTREAM size limit exceeded. ERROR\0"))) as server:
        _, daemon = use(clamd_main=clamd(server, failure_action="quarantine"))
        answer, line = verdict_of(daemon, message("x\r\n" * 3000000))
        equal(answer.code, 250)
        check("verdict=cannot tell (limit)" in line and "mailer=quarantine" in line, line)


@suite.test
def next_server_within_the_same_scan():
    with FakeClamd(scan=hang) as silent, FakeClamd(scan=reply(b"stream: Worm.B FOUND\0")) as good:
        nobody = free_port()
        _, daemon = use(clamd_main={"server": f"127.0.0.1:{nobody} 127.0.0.1:{silent.port} 127.0.0.1:{good.port}", "timeout": "1s"})
        began = time.monotonic()
        answer, line = verdict_of(daemon)
        check("verdict=found Worm.B" in line, line)
        check(time.monotonic() - began < 1, "within the time of the scan")
        equal((len(silent.messages), len(good.messages)), (1, 1))
        # An error in due form is handed on, too.
        silent.scan = reply(b"Can't create temporary directory ERROR\0")
        answer, line = verdict_of(daemon)
        check("verdict=found Worm.B" in line, line)


@suite.test
def server_that_fails_is_left_alone_and_comes_back():
    with FakeClamd(scan=close) as server:
        sink, daemon = use(clamd_main=clamd(server))
        before = len(daemon.log_lines("network_scanner_"))
        for _ in range(3):
            equal(send_message(daemon.port, message()).code, 451)
        daemon.wait_log("network_scanner_down: clamd main: ")
        asked = server.connections
        answer, line = verdict_of(daemon)
        equal(answer.code, 451)
        check("cannot tell (unavailable)" in line, line)
        equal(server.connections, asked, "connections while it is left alone")
        check("down for " in daemon.ctl("status").stdout)
        server.scan = reply(b"stream: OK\0")
        wait_for("the server to be asked again", lambda: send_message(daemon.port, message()).code == 250, 5)
        daemon.wait_log("network_scanner_up: clamd main: ")
        equal(len(daemon.log_lines("network_scanner_")) - before, 2, "lines about it")


@suite.test
def connections_are_bounded_and_the_rest_waits():
    with FakeClamd() as server, Sink() as sink, Daemon(sink.port, {**SHARED, "scanner.clamav.enable": "no", "scanner.clamd a.timeout": "10s",
                                                                  "scanner.clamd a.server": f"127.0.0.1:{server.port}",
                                                                  "scanner.clamd a.max_connections": "2"}) as daemon:
        running, most = set(), []

        def slow(talk):
            running.add(talk)
            most.append(len(running))
            time.sleep(0.05)
            running.discard(talk)
            talk.send(b"stream: OK\0")

        server.scan = slow
        clients = [Client(daemon.port) for _ in range(12)]
        for client in clients:
            submit(client)
        equal([client.reply().code for client in clients], [250] * 12)
        equal(max(most), 2, "messages at once")
        equal(len(server.messages), 12)
        for client in clients:
            client.close()


@suite.test
def all_scanners_are_asked_and_the_worst_counts():
    with FakeClamd() as one, FakeClamd() as other:
        sink, daemon = use(local=True, clamd_one=clamd(one, action="reject"), clamd_other=clamd(other, action="quarantine"))
        cases = ((b"OK", b"OK", message(), 250, "verdict=clean"),
                 (b"W FOUND", b"OK", message(), 554, "verdict=found W"),
                 (b"W FOUND", b"X FOUND", message(), 250, "verdict=found W, X"),  # what is held goes before what is refused
                 (b"OK", b"OK", infected(), 250, f"verdict=found {EICAR_NAME}"),
                 (b"?", b"OK", infected(), 250, f"verdict=found {EICAR_NAME}"),
                 (b"?", b"OK", message(), 451, "verdict=cannot tell (error)"))
        for first, second, text, code, verdict in cases:
            one.scan, other.scan = reply(b"stream: " + first + b"\0"), reply(b"stream: " + second + b"\0")
            answer, line = verdict_of(daemon, text)
            equal(answer.code, code, verdict)
            check(verdict in line, line)
        equal(len(sink.messages), 1)
        equal((len(one.messages), len(other.messages)), (len(cases), len(cases)), "each was asked for every message")


@suite.test
def reload_while_a_scan_runs():
    with FakeClamd(scan=lambda talk: (time.sleep(0.3), talk.send(b"stream: W FOUND\0"))) as server:
        _, daemon = use(clamd_main=clamd(server))
        with Client(daemon.port) as client:
            submit(client)
            wait_for("the scan to begin", lambda: server.messages, 5)
            use(local=True)
            equal(client.reply().code, 250)
        daemon.wait_log("verdict=found W,")
        check("scanner clamd" not in daemon.ctl("status").stdout)


def icap(server, service="av", **settings):
    return {"server": f"icap://127.0.0.1:{server.port}/{service}", "timeout": "2s", **settings}


@suite.test
def real_icap_service_that_asks_clamd():
    server = engine("icap")
    for method in ("respmod", "reqmod"):
        sink, daemon = use(icap_main=icap(server, "avscan", timeout="10s", method=method))
        equal(send_message(daemon.port, message()).code, 250, method)
        equal(send_message(daemon.port, message("x" * 76 + "\r\n" * 100000)).code, 250, "beyond the preview")
        equal(len(sink.wait(2)), 2)
        for text in (infected(), message(eicar() + b"\r\n"), with_attachment(b"x" * 300000 + eicar(), "late.bin")):
            answer, line = verdict_of(daemon, text)
            equal(answer.code, 250)
            check(f"verdict=found {EICAR_NAME}, " in line and "mailer=quarantine" in line, line)
        status = daemon.ctl("status").stdout
        check("scanner icap main: 2 clean, 3 found, 0 encrypted, 0 not known" in status, status)
    sink, daemon = use(icap_main=icap(server, "nothing-here"))
    answer, line = verdict_of(daemon)
    equal(answer.code, 451)
    check("verdict=cannot tell (error)" in line, line)
    daemon.wait_log("scan_failed: .*ICAP 404")


@suite.test
def icap_that_gives_the_message_back():
    server = engine("icap")
    sink, daemon = use(icap_main=icap(server, "echo"))
    text = message("".join(f"line {number}\r\n" for number in range(30000)))
    equal(send_message(daemon.port, text).code, 250)
    equal(sink.wait(1)[0].data[-len(text):], text)


@suite.test
def icap_previews():
    text = message("x" * 70 + "\r\n" * 5000)
    for preview in ("0", "30", "1024", "1000000", None):
        options = ["Methods: RESPMOD", "Allow: 204", "ISTag: \"t\""] + ([f"Preview: {preview}"] if preview else [])
        with FakeIcap(options=options) as server:
            sink, daemon = use(icap_main=icap(server))
            equal(send_message(daemon.port, text).code, 250, preview)
            equal(server.messages, [text], preview)
            equal(len(sink.wait(1)), 1)
            check(("\r\nPreview: " in server.requests[-1]) == bool(preview), server.requests[-1])
    enough = reply(b"ICAP/1.0 204 No Content\r\n\r\n")
    with FakeIcap(after_preview=enough) as server:
        _, daemon = use(icap_main=icap(server))
        equal(send_message(daemon.port, text).code, 250)
    blocked = reply(b"ICAP/1.0 200 OK\r\nX-Infection-Found: Type=0; Resolution=2; Threat=Early.Bird;\r\nEncapsulated: null-body=0\r\n\r\n")
    with FakeIcap(after_preview=blocked) as server:
        _, daemon = use(icap_main=icap(server))
        answer, line = verdict_of(daemon, text)
        check("verdict=found Early.Bird" in line, line)


@suite.test
def icap_that_misbehaves_is_not_clean():
    ok, blank = b"ICAP/1.0 204 No Content\r\n", b"\r\n"
    late = message("x\r\n" * 3000000)
    # name: (what is different, the verdict, the message)
    for name, changes, verdict, text in (
            ("close", {"scan": close}, "error", None), ("reset", {"scan": reset}, "error", None), ("half", {"scan": reply(ok)}, "error", None),
            ("HTTP", {"scan": reply(ok.replace(b"ICAP", b"HTTP") + blank)}, "error", None), ("error", {"scan": reply(b"ICAP/1.0 500 Oops\r\n\r\n")}, "error", None),
            ("too long", {"scan": reply(ok + b"X: " + b"y" * 100000 + blank + blank)}, "error", None),
            ("too many", {"scan": reply(ok + b"X: y\r\n" * 10000 + blank)}, "error", None),
            ("early 204", {"scan": early(reply(ok + blank)), "options": ("Allow: 204",)}, "error", late),
            ("bad OPTIONS", {"greet": reply(b"nonsense\r\n\r\n")}, "error", None),
            ("wrong method", {"options": ("Methods: REQMOD",)}, "error", None)):
        with FakeIcap(**changes) as server:
            sink, daemon = use(icap_main=icap(server, timeout="1s"))
            answer, line = verdict_of(daemon, text)
            equal(answer.code, 451, name)
            check(f"verdict=cannot tell ({verdict})" in line, name, line)
            equal(sink.messages, [], name)
    with FakeIcap(scan=hang) as silent, FakeIcap(greet=hang) as mute, FakeIcap(after_preview=hang) as half, FakeIcap(scan=early(hang)) as unread:
        all_time_out({"icap_silent": icap(silent, timeout="1s"), "icap_mute": icap(mute, timeout="1s"),
                      "icap_half": icap(half, timeout="1s"), "icap_unread": icap(unread, timeout="1s")})
    with FakeIcap(scan=close) as bad, FakeIcap() as good:
        _, daemon = use(icap_main={"server": f"icap://127.0.0.1:{bad.port}/av icap://127.0.0.1:{good.port}/av", "timeout": "2s"})
        equal(send_message(daemon.port, message()).code, 250, "the next server")


PROGRAM = r"""#!/usr/bin/python3 -ISB
import os, signal, socket, subprocess, sys, time
text = sys.stdin.buffer.read() if len(sys.argv) < 2 else open(sys.argv[1], "rb").read()
def tried(action):
    try:
        action()
    except Exception as problem:
        return type(problem).__name__
    return "done"
for line in text.splitlines():
    if line.startswith(b"X-Say: "):
        print(line[7:].decode())
    elif line.startswith(b"X-Exit: "):
        sys.stdout.flush()
        os._exit(int(line[8:]))
    elif line == b"X-Do: crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif line == b"X-Do: hang":
        subprocess.Popen(["/bin/sleep", "100"])
        subprocess.Popen(["/bin/sleep", "100"], start_new_session=True)
        time.sleep(100)
    elif line == b"X-Do: leave":
        subprocess.Popen(["/bin/sleep", "100"], start_new_session=True)
    elif line == b"X-Do: flood":
        while True:
            print("clean", "x" * 100000)
    elif line == b"X-Do: look":
        seen = [os.getuid(), len(open("/proc/self/environ").read()), os.listdir("."), sorted(map(int, os.listdir("/proc/self/fd")))[:3], len(text),
                tried(lambda: socket.socket()), tried(lambda: open("/etc/shadow")), tried(lambda: open("/etc/new", "w")),
                tried(lambda: open("written", "w").write("x"))]
        print("found", str(seen).replace(" ", ""))
"""


def program(daemon):
    path = daemon.path("check-program")
    with open(path, "w", encoding="ascii") as file:
        file.write(PROGRAM)
    os.chmod(path, 0o755)
    return path


def the_runner(daemon):
    """Its pid, in a list; the one of the settings before may still be there, alone, for a moment."""
    wait_for("a new runner", lambda: len(pids := daemon.pids("runner")) == 1 and pids[0] not in OLD_RUNNERS, 10)
    return daemon.pids("runner")


def programs(runner):
    """Pids of what it has started. Where it has a process namespace, it is the one child of the process that waits for it."""
    def children(pid):
        try:
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                return [int(word) for word in file.read().split()]
        except OSError:
            return []

    found, new = [], children(runner)
    while new:
        found += new
        new = [child for pid in new for child in children(pid)]
    return found[1:] if os.geteuid() == 0 else found


def saying(*lines):
    return message(headers=lines)


@suite.test
def check_program_and_what_it_says():
    _, daemon = WORLD.get()
    _, daemon = use(check_mine={"program": program(daemon), "timeout": "5s"})
    for lines, code, verdict in ((["X-Say: clean"], 250, "clean"), (["X-Say: found Mine.A"], 250, "found Mine.A"),
                                 (["X-Say: found Mine.A", "X-Exit: 1"], 250, "found Mine.A"), (["X-Say: encrypted Mine.Zip"], 451, "encrypted Mine.Zip"),
                                 (["X-Say: clean", "X-Exit: 3"], 451, "cannot tell (error)"), (["X-Say: error no licence"], 451, "cannot tell (error)"),
                                 ([], 451, "cannot tell (error)"), (["X-Say: clean", "X-Do: crash"], 451, "cannot tell (crash)"),
                                 (["X-Say: clean or not"], 451, "cannot tell (error)")):
        answer, line = verdict_of(daemon, saying(*lines))
        equal(answer.code, code, lines)
        check(f"verdict={verdict}" in line, lines, line)
    daemon.wait_log("scan_failed: .*the program says: no licence")
    check("scanner check mine: 1 clean, 2 found, 1 encrypted, 5 not known, 0 waiting, 0 running" in daemon.ctl("status").stdout)
    _, daemon = use(check_mine={"program": "/nonexistent/program", "timeout": "5s"})
    equal(send_message(daemon.port, saying("X-Say: clean")).code, 451)


@suite.test
def check_program_is_locked_in():
    _, daemon = WORLD.get()
    scan_uid = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    for how, files in (("input", []), ("file", ["message.eml"])):
        _, daemon = use(check_mine={"program": program(daemon), "message": how, "timeout": "5s"})
        for large in (False, True):  # in memory, on disk
            text = saying("X-Do: look") + b"y\r\n" * (500000 if large else 1)
            _, line = verdict_of(daemon, text)
            wanted = [scan_uid, 0, files, [0, 1, 2], len(text), "PermissionError", "PermissionError", "PermissionError", "done"]
            check("verdict=found " + str(wanted).replace(" ", "") + "," in line, how, line)


@suite.test
def check_program_that_does_not_end():
    _, daemon = WORLD.get()
    _, daemon = use(check_mine={"program": program(daemon), "timeout": "1s", "max_connections": "2"})
    runner = the_runner(daemon)
    began = time.monotonic()
    with Client(daemon.port) as one, Client(daemon.port) as other:
        submit(one, saying("X-Do: hang"))
        submit(other, saying("X-Do: flood"))
        equal((one.reply().code, other.reply().code), (451, 451))
    check(time.monotonic() - began < 3, "in time")
    daemon.wait_log(r"scan_failed: \w+: check mine: cannot tell timeout ", count=2)
    equal(verdict_of(daemon, saying("X-Say: clean", "X-Do: leave"))[0].code, 250)

    wait_for("every process of the programs to be gone", lambda: not programs(runner[0]), 5)
    equal(daemon.pids("runner"), runner)


@suite.test
def check_programs_runner_that_dies_is_replaced():
    _, daemon = WORLD.get()
    _, daemon = use(check_mine={"program": program(daemon), "timeout": "20s"})
    before = the_runner(daemon)
    with Client(daemon.port) as client:
        submit(client, saying("X-Do: hang"))
        wait_for("the program to run", lambda: len(programs(before[0])) >= 3, 5)
        running = programs(before[0])
        os.kill(before[0], signal.SIGKILL)
        equal(client.reply().code, 451)
        wait_for("nothing of it to be left", lambda: not any(os.path.exists(f"/proc/{pid}") for pid in running), 5)
    daemon.wait_log("child_died: check programs: ")
    wait_for("another runner", lambda: daemon.pids("runner") not in ([], before), 5)
    wait_for("it to be used", lambda: send_message(daemon.port, saying("X-Say: clean")).code == 250, 5)
    use(local=True)
    wait_for("no runner when no program is configured", lambda: not daemon.pids("runner"), 5)


@suite.test
def check_program_without_root():
    with Sink() as sink, Daemon(sink.port, {**SHARED, "scanner.clamav.enable": "no"}, run_as="nobody" if os.geteuid() == 0 else None, start=False) as daemon:
        daemon.configure({"scanner.check mine.program": program(daemon), "scanner.check mine.timeout": "1s"})
        daemon.start()
        equal(send_message(daemon.port, saying("X-Say: clean")).code, 250)
        _, line = verdict_of(daemon, saying("X-Do: look"))
        check("'PermissionError','PermissionError','PermissionError','done']" in line, line)
        equal(send_message(daemon.port, saying("X-Do: hang")).code, 451)
        runner = the_runner(daemon)[0]

        def alone():
            with open(f"/proc/{runner}/task/{runner}/children", encoding="ascii") as file:
                return not file.read().split()

        wait_for("every process of the programs to be gone", alone, 5)


if __name__ == "__main__":
    def cleanup():
        WORLD.close()
        for name in ("icap", "clamd"):
            if name in ENGINES:
                ENGINES.pop(name).close()

    suite.main(cleanup)
