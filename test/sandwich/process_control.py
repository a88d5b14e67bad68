#!/usr/bin/python3
"""sandwichctl and the control socket: status, the quarantine's list, show, release and delete, and clients that misbehave."""

import os
import re
import signal
import socket
import stat
import subprocess
import threading
import time

from daemon import program
from samples import eicar, message
from suite import Suite, check, equal, wait_for
from world import World

from client import Client, send_message
from sink import CLOSE, Delay

suite = Suite()
WORLD = World({"general.threads": 1})
INFECTED = message(eicar() + b"\r\n")


def hold(daemon, recipients=("b@to.test",), data=INFECTED, sender="a@from.test"):
    """Puts a message into the quarantine; its id."""
    before = set(ids(daemon))
    reply = send_message(daemon.port, data, sender=sender, recipients=list(recipients))
    equal(reply.code, 250, str(reply))
    new = set(ids(daemon)) - before
    equal(len(new), 1, "new messages in the quarantine")
    return new.pop()


def ids(daemon):
    return sorted(name[:-5] for name in os.listdir(daemon.quarantine) if name.endswith(".meta"))


def state(daemon, identity):
    listed = daemon.ctl("quarantine", "list").stdout
    rows = [line.split() for line in listed.splitlines() if line.startswith(identity)]
    return rows[0][1] if rows else None


def clear(daemon):
    for identity in ids(daemon):
        daemon.ctl("quarantine", "delete", identity)
    equal(ids(daemon), [])


def raw_request(daemon, octets, seconds=5):
    """What the control socket answers, whole."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(seconds)
        client.connect(daemon.control_socket)
        client.sendall(octets)
        answer = b""
        while got := client.recv(65536):
            answer += got
        return answer


@suite.test
def status_tells_what_runs():
    _, daemon = WORLD.get()
    done = daemon.ctl("status")
    equal((done.returncode, done.stderr), (0, ""))
    for word in ("version", "uptime", "sessions", "workers", "signatures", "quarantine"):
        check(re.search(rf"^{word}: .", done.stdout, re.M), word, "missing in", done.stdout)


@suite.test
def list_is_an_aligned_table():
    _, daemon = WORLD.get()
    clear(daemon)
    equal(daemon.ctl("quarantine", "list").stdout.split(), ["ID", "STATE", "TIME", "SIZE", "FROM", "TO", "VERDICT"])
    first = hold(daemon)
    second = hold(daemon, ["b@to.test", "c@to.test", "d@to.test"], sender="")
    lines = daemon.ctl("quarantine", "list").stdout.splitlines()
    equal(len(lines), 3)
    check(re.fullmatch(rf"{first} +held +\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ +{len(INFECTED)} +<a@from.test> +<b@to.test> +found \S+",
                       lines[1]), lines[1])
    check(re.search(rf"^{second} .* <> +<b@to.test> \+2 +found", lines[2]), lines[2])
    columns = [line.index("found ") for line in lines[1:]]
    equal(len(set(columns)), 1, "the last column is not aligned")
    clear(daemon)


@suite.test
def show_tells_all_and_raw_gives_the_bytes():
    sink, daemon = WORLD.get()
    reply = Client(daemon.port)
    for line in ("EHLO x.test", "MAIL FROM:<a@from.test> BODY=8BITMIME ENVID=QQ314159", "RCPT TO:<b@to.test> NOTIFY=NEVER", "DATA"):
        reply.send(line + "\r\n")
        reply.reply()
    reply.send(INFECTED + b".\r\n")
    equal(reply.reply().code, 250)
    identity = ids(daemon)[-1]
    shown = daemon.ctl("quarantine", "show", identity)
    equal(shown.returncode, 0)
    for pattern in (rf"^id: +{identity}$", r"^state: +held$", r"^verdict: +found ", rf"^size: +{len(INFECTED)} octets$",
                    r"^from: +<a@from.test> .*ENVID=QQ314159", r"^to: +<b@to.test> NOTIFY=NEVER$", r"^message id: +<1@from.test>$",
                    r"^sha256: +[0-9a-f]{64}$"):
        check(re.search(pattern, shown.stdout, re.M), pattern, "not in", shown.stdout)
    raw = subprocess.run([program("sandwichctl"), "-s", daemon.control_socket, "quarantine", "show", identity, "--raw"],
                         capture_output=True, timeout=20, check=False)
    equal((raw.returncode, raw.stdout), (0, INFECTED))
    clear(daemon)


@suite.test
def big_message_comes_out_whole():
    _, daemon = WORLD.get()
    big = INFECTED + b"".join(b"%076d\r\n" % number for number in range(40000))
    identity = hold(daemon, data=big)
    raw = subprocess.run([program("sandwichctl"), "-s", daemon.control_socket, "quarantine", "show", identity, "--raw"],
                         capture_output=True, timeout=20, check=False)
    check(raw.stdout == big, len(raw.stdout), "octets of", len(big))
    clear(daemon)


@suite.test
def release_delivers_once_with_the_original_envelope():
    sink, daemon = WORLD.get()
    identity = hold(daemon, ["b@to.test", "c@to.test"])
    sink.forget()
    done = daemon.ctl("quarantine", "release", identity)
    equal((done.returncode, done.stderr), (0, ""))
    check(done.stdout.startswith(f"{identity} released: "), done.stdout)
    equal(len(sink.messages), 1)
    check(sink.messages[0].mail.startswith("<a@from.test>"), sink.messages[0].mail)
    equal([path.split()[0] for path in sink.messages[0].recipients], ["<b@to.test>", "<c@to.test>"])
    check(sink.messages[0].data.endswith(INFECTED), "the message's bytes")
    equal(state(daemon, identity), "released")
    check(daemon.wait_log(f"quarantine_release: {identity}: released by uid={os.getuid()}"), "logged")
    again = daemon.ctl("quarantine", "release", identity)
    equal(again.returncode, 1)
    check("released before" in again.stderr and "--again" in again.stderr, again.stderr)
    equal(len(sink.messages), 1)
    equal(daemon.ctl("quarantine", "release", identity, "--again").returncode, 0)
    equal(len(sink.messages), 2)
    clear(daemon)


@suite.test
def release_that_is_refused_stays_held():
    sink, daemon = WORLD.get()
    identity = hold(daemon, ["b@to.test", "c@to.test"])
    for stage, answer in (("RCPT", "450 4.2.0 not now"), ("dot", "554 5.6.0 not this"), ("MAIL", "550 5.1.8 not from you"),
                          ("greeting", CLOSE)):
        sink.forget()
        sink.end_all()
        sink.react = {stage: answer}
        done = daemon.ctl("quarantine", "release", identity)
        equal(done.returncode, 1, stage)
        check("not released" in done.stderr, done.stderr)
        if answer != CLOSE:
            check(answer[4:] in done.stderr, done.stderr)
        equal((state(daemon, identity), sink.messages), ("held", []), stage)
        check("last release:" in daemon.ctl("quarantine", "show", identity).stdout, "the note of it")
    sink.react = {}
    wait_for("a release that works", lambda: daemon.ctl("quarantine", "release", identity).returncode == 0, 15)
    equal(len(sink.messages), 1)
    clear(daemon)


@suite.test
def release_whose_end_is_unknown_is_not_repeated_unasked():
    sink, daemon = WORLD.get()
    identity = hold(daemon)
    sink.react = {"dot": CLOSE}
    done = daemon.ctl("quarantine", "release", identity)
    equal(done.returncode, 1)
    check("possibly delivered" in done.stderr, done.stderr)
    equal(state(daemon, identity), "releasing?")
    sink.forget()
    done = daemon.ctl("quarantine", "release", identity)
    equal(done.returncode, 1)
    check("may have been delivered already" in done.stderr and "--again" in done.stderr, done.stderr)
    equal(sink.messages, [])
    wait_for("a release that works", lambda: daemon.ctl("quarantine", "release", identity, "--again").returncode == 0, 15)
    equal((state(daemon, identity), len(sink.messages)), ("released", 1))
    clear(daemon)


@suite.test
def crash_in_the_middle_of_a_release_is_seen():
    sink, daemon = WORLD.get()
    identity = hold(daemon)
    sink.react = {"dot": Delay(5)}
    answers = []
    thread = threading.Thread(target=lambda: answers.append(daemon.ctl("quarantine", "release", identity)))
    thread.start()
    wait_for("the text at the delivery server", lambda: sink.octets > 0 and state(daemon, identity) == "releasing")
    second = daemon.ctl("quarantine", "release", identity, "--again")
    equal(second.returncode, 1)
    check("is being released right now" in second.stderr, second.stderr)
    deletion = daemon.ctl("quarantine", "delete", identity)
    equal(deletion.returncode, 1)
    check("is being released right now" in deletion.stderr, deletion.stderr)
    os.kill(daemon.pids("proxy")[0], signal.SIGKILL)
    thread.join()
    equal(answers[0].returncode, 3)
    check("broke the answer off" in answers[0].stderr, answers[0].stderr)
    wait_for("the new proxy", lambda: daemon.ctl("status").returncode == 0)
    equal(state(daemon, identity), "releasing?")
    equal(daemon.ctl("quarantine", "release", identity).returncode, 1)
    equal(daemon.ctl("quarantine", "delete", identity).returncode, 0)


@suite.test
def delete_removes_both_files():
    _, daemon = WORLD.get()
    identity = hold(daemon)
    done = daemon.ctl("quarantine", "delete", identity)
    equal((done.returncode, done.stdout), (0, f"{identity} deleted\n"))
    check(not [name for name in os.listdir(daemon.quarantine) if name.startswith(identity)], os.listdir(daemon.quarantine))
    check(daemon.wait_log(f"quarantine_delete: {identity}: deleted by uid={os.getuid()}"), "logged")
    for command in ("show", "release", "delete"):
        gone = daemon.ctl("quarantine", command, identity)
        equal((gone.returncode, gone.stdout), (1, ""), command)
        check(f"no message {identity}" in gone.stderr, gone.stderr)


@suite.test
def wrong_usage_and_unreachable_daemon_have_statuses_of_their_own():
    _, daemon = WORLD.get()
    for words in ((), ("quarantine",), ("quarantine", "list", "x"), ("status", "--again"), ("quarantine", "show"), ("--no-such",),
                  ("quarantine", "show", "../../etc/passwd"), ("quarantine", "delete", "1K0XC8BSAY2J8S", "--raw"), ("frobnicate",)):
        done = daemon.ctl(*words)
        equal((done.returncode, done.stdout), (2, ""), str(words))
        check(done.stderr, "no word about", words)
    missing = subprocess.run([program("sandwichctl"), "-s", "/nonexistent/control", "status"], capture_output=True, text=True, check=False)
    equal(missing.returncode, 3)
    check("nobody answers at /nonexistent/control" in missing.stderr, missing.stderr)
    equal(subprocess.run([program("sandwichctl"), "--help"], capture_output=True, check=False).returncode, 0)


@suite.test
def malformed_requests_are_refused_and_logged():
    _, daemon = WORLD.get()
    for request in (b"\n", b"frobnicate\n", b"show\n", b"show ../../etc/passwd\n", b"release 1K0XC8BSAY2J8S twice\n", b"list x\n",
                    b"\x1b[2J\n", b"show " + b"1" * 4000 + b"\n"):
        check(raw_request(daemon, request).startswith(b"error\n"), request)
    equal(raw_request(daemon, b"x" * 5000), b"")
    equal(raw_request(daemon, b"status\nstatus\n"), b"")
    daemon.wait_log("control_denied: .*malformed: frobnicate")
    daemon.wait_log("control_denied: .*request too long")
    daemon.wait_log("control_denied: .*more than one line")
    equal(daemon.ctl("status").returncode, 0)


@suite.test
def clients_are_bounded_and_leave_room_again():
    _, daemon = WORLD.get()
    idle = []
    try:
        for _ in range(40):
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(5)
            client.connect(daemon.control_socket)
            idle.append(client)
        daemon.wait_log("control_denied: more than 16 clients at once")
        equal(daemon.ctl("status").returncode, 3)
    finally:
        for client in idle:
            client.close()
    wait_for("room again", lambda: daemon.ctl("status").returncode == 0)


@suite.test
def list_waits_for_a_slow_reader():
    _, daemon = WORLD.get()
    clear(daemon)
    recipient = "r" * 60 + "@to.test"
    for _ in range(3):
        hold(daemon, [recipient])
    # A message of some MB through a reader that takes its time: the proxy holds what does not fit back, and serves others.
    big = INFECTED + b"".join(b"%076d\r\n" % number for number in range(60000))
    identity = hold(daemon, data=big)
    with socket.socket(socket.AF_UNIX) as slow:
        slow.connect(daemon.control_socket)
        slow.sendall(f"raw {identity}\n".encode())
        equal(slow.recv(3), b"ok\n")
        time.sleep(0.3)
        equal(daemon.ctl("status").returncode, 0)
        got = b""
        while piece := slow.recv(50000):
            got += piece
        check(len(got) > len(big), len(got), "octets")
        check(got.endswith(b"\n0\n"), got[-10:])
    clear(daemon)


@suite.test
def only_owner_and_group_may_connect():
    _, daemon = WORLD.get()
    equal(stat.S_IMODE(os.stat(daemon.control_socket).st_mode), 0o660)
    if os.getuid() != 0:
        return
    ctl = daemon.path("sandwichctl")
    with open(program("sandwichctl"), "rb") as source, open(ctl, "wb") as target:
        target.write(source.read())
    os.chmod(ctl, 0o755)
    for user, status in (("nobody", 3), ("daemon", 0)):
        done = subprocess.run([ctl, "-s", daemon.control_socket, "status"], capture_output=True, text=True, check=False, user=user,
                              group=user if user == "daemon" else "nogroup", extra_groups=[])
        equal(done.returncode, status, user)
    check("permission denied" in subprocess.run([ctl, "-s", daemon.control_socket, "status"], capture_output=True, text=True,
                                                check=False, user="nobody", group="nogroup", extra_groups=[]).stderr, "says why")


if __name__ == "__main__":
    suite.main(WORLD.close)
