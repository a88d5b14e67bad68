#!/usr/bin/python3
"""The quarantine through sandwichctl: what is held, shown, released once, deleted; limits, files, who may ask."""

import os
import re
import signal
import stat
import subprocess
import time

from daemon import Daemon, program
from samples import eicar, message, own_fields, with_attachment, zipped
from suite import Suite, check, equal, wait_for
from world import World

from client import Client, send_message
from sink import CLOSE, Delay, Sink

suite = Suite()
WORLD = World({"general.threads": 1})


def infected(name="x"):
    return message(eicar() + b"\r\n", message_id=f"<{name}@from.test>", headers=("X-Sandwich-Note: from outside",))


def hold(daemon, text=None, **options):
    """Sends an infected message and returns its id in the quarantine."""
    reply = send_message(daemon.port, text if text is not None else infected(), **options)
    equal(reply.code, 250)
    check("held in quarantine" in reply.text, reply)
    return reply.text.split()[1]


def states(daemon):
    """Of all held messages: id -> state."""
    result = daemon.ctl("quarantine", "list")
    equal(result.returncode, 0, result.stderr)
    found = re.findall(r"^(\w{10,})\s+(held|releasing\??|released)\b", result.stdout, re.M)
    return dict(found)


def ctl(daemon, *arguments, status=0):
    result = daemon.ctl("quarantine", *arguments)
    equal(result.returncode, status, f"quarantine {' '.join(arguments)}: {result.stdout}{result.stderr}")
    return result.stdout + result.stderr


ENVELOPE = {"sender": "s+tag@from.test", "recipients": ("b@to.test", '"c d"@to.test'), "mail_parameters": " BODY=8BITMIME RET=HDRS ENVID=e+2B1",
            "rcpt_parameters": " NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;o@to.test"}
ON_THE_WIRE = ("<s+tag@from.test> BODY=8BITMIME RET=HDRS ENVID=e+2B1",
               ["<b@to.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;o@to.test", '<"c d"@to.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;o@to.test'])


@suite.test
def listed_and_shown():
    sink, daemon = WORLD.get()
    received = b"Received: from a (b [192.0.2.1]) by mx with ESMTP id 6AM4NqxZ003998; date\r\n"
    name = hold(daemon, received + infected("show"), **ENVELOPE)
    equal(states(daemon).get(name), "held")
    line = next(line for line in ctl(daemon, "list").splitlines() if line.startswith(name))
    check("<s+tag@from.test>" in line and "Sandwich.Test.EICAR" in line and "<b@to.test>" in line, line)
    shown = ctl(daemon, "show", name)
    for text in (name, "held", "found Sandwich.Test.EICAR", "6AM4NqxZ003998", "<show@from.test>", "192.0.2.1", *ON_THE_WIRE[1], ON_THE_WIRE[0]):
        check(text in shown, f"{text!r} is missing in: {shown}")
    equal(sink.messages, [])


@suite.test
def released_once_as_it_came():
    sink, daemon = WORLD.get()
    texts = {"plain": infected("release"), "zipped": with_attachment(zipped(eicar()), "a.zip"),
             "base64": with_attachment(eicar(), "a.com")}
    for kind, text in texts.items():
        sink.forget()
        sink.react["dot"] = "250 2.0.0 REL0001 Message accepted for delivery"
        name = hold(daemon, text, **ENVELOPE)
        equal(sink.messages, [])
        check("REL0001" in ctl(daemon, "release", name), "the delivery server's reply is not told")
        got = sink.wait(1)
        time.sleep(0.1)
        equal(len(got), 1, kind)
        equal((got[0].mail, got[0].recipients), ON_THE_WIRE, kind)
        fields, rest = own_fields(got[0].data)
        equal(rest, text.replace(b"X-Sandwich-Note: from outside\r\n", b""), kind)
        check(fields[1].startswith("X-Sandwich-Verdict: released from quarantine"), fields)
        equal(states(daemon).get(name), "released")
        daemon.wait_log(f"quarantine_release: {name}: released by uid={os.getuid()}")

        again = ctl(daemon, "release", name, status=1)
        check("--again" in again, again)
        equal(len(sink.messages), 1, "a second release without --again")
        ctl(daemon, "release", name, "--again")
        equal(len(sink.wait(2)), 2)


@suite.test
def null_sender_is_released_as_such():
    sink, daemon = WORLD.get()
    name = hold(daemon, sender="")
    ctl(daemon, "release", name)
    equal(sink.wait(1)[0].mail, "<>")


@suite.test
def a_refused_release_leaves_it_held():
    sink, daemon = WORLD.get()
    name = hold(daemon, **ENVELOPE)
    for stage, refusal in (("RCPT", "550 5.1.1 gone"), ("RCPT", "450 4.2.1 busy"), ("MAIL", "553 5.1.8 no"), ("DATA", "452 4.3.1 full"),
                           ("dot", "554 5.7.1 never"), ("RCPT", CLOSE), ("dot", "421 4.3.2 bye")):
        sink.react = {stage: refusal}
        told = ctl(daemon, "release", name, status=1)
        if refusal != CLOSE:
            check(refusal[:9] in told or "451" in told or "421" in told, told)
        equal(states(daemon).get(name), "held", f"{refusal} at {stage}")
    # One of two refused: none gets it now, or the other would get it twice later.
    sink.react = {"RCPT": lambda session, argument: "550 5.1.1 gone" if "c d" in argument else None}
    ctl(daemon, "release", name, status=1)
    equal((sink.messages, states(daemon).get(name)), ([], "held"))
    sink.react = {}
    ctl(daemon, "release", name)
    equal((sink.wait(1)[0].mail, sink.messages[0].recipients), ON_THE_WIRE)


@suite.test
def a_release_without_an_answer_is_not_repeated_silently():
    sink, daemon = WORLD.get()
    name = hold(daemon)
    sink.react = {"dot": CLOSE}
    told = ctl(daemon, "release", name, status=1)
    check("possibly" in told, told)
    sink.react = {}
    check(states(daemon).get(name).startswith("releasing"), states(daemon))
    told = ctl(daemon, "release", name, status=1)
    check("--again" in told, told)
    equal(sink.messages, [])
    ctl(daemon, "release", name, "--again")
    equal(len(sink.wait(1)), 1)
    equal(states(daemon).get(name), "released")


@suite.test
def two_releases_at_once_deliver_once():
    sink, daemon = WORLD.get()
    name = hold(daemon)
    sink.react = {"dot": Delay(0.5)}
    runs = [subprocess.Popen([program("sandwichctl"), "-c", daemon.ini, "quarantine", "release", name], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL) for _ in range(4)]
    statuses = sorted(run.wait(20) for run in runs)
    equal(statuses, [0, 1, 1, 1])
    time.sleep(0.3)
    equal(len(sink.messages), 1)


@suite.test
def a_proxy_killed_within_a_release_does_not_repeat_it():
    with Sink() as sink, Daemon(sink.port) as daemon:
        name = hold(daemon)
        sink.react = {"dot": Delay(1.5)}
        run = subprocess.Popen([program("sandwichctl"), "-c", daemon.ini, "quarantine", "release", name], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        sink.wait_until("the dot", lambda: sink.texts == 1)
        os.kill(daemon.pids("proxy")[0], signal.SIGKILL)
        check(run.wait(20) != 0, "sandwichctl says all is well")
        wait_for("a new proxy", lambda: daemon.ctl("quarantine", "list").returncode == 0)
        check(states(daemon).get(name, "").startswith("releasing"), states(daemon))
        sink.react = {}
        check("--again" in ctl(daemon, "release", name, status=1))


@suite.test
def deleted():
    sink, daemon = WORLD.get()
    name = hold(daemon)
    ctl(daemon, "delete", name)
    check(name not in states(daemon), "still listed")
    equal([entry for entry in os.listdir(daemon.quarantine) if entry.startswith(name)], [])
    for command in ("show", "release", "delete"):
        ctl(daemon, command, name, status=1)
    daemon.wait_log(f"quarantine_delete: {name}")
    equal(sink.messages, [])


@suite.test
def nonsense_is_refused():
    _, daemon = WORLD.get()
    before = states(daemon)
    for name in ("", "..", "../../etc/passwd", "x" * 5000, "-", "AAAAAAAAAAAAAAAA", "*", "a b", "a\nlist"):
        for command in ("show", "release", "delete"):
            result = daemon.ctl("quarantine", command, name)
            check(result.returncode not in (0, -11, -6), f"{command} {name!r}: {result.returncode}")
    equal(states(daemon), before)


@suite.test
def files_are_private_and_the_socket_is_the_groups():
    _, daemon = WORLD.get()
    hold(daemon)
    owner = os.stat(daemon.quarantine).st_uid
    equal(stat.S_IMODE(os.stat(daemon.quarantine).st_mode), 0o700)
    names = os.listdir(daemon.quarantine)
    check(len(names) >= 2)
    for name in names:
        info = os.lstat(os.path.join(daemon.quarantine, name))
        if stat.S_ISREG(info.st_mode):
            equal((stat.S_IMODE(info.st_mode), info.st_uid), (0o600, owner), name)
    mode = os.stat(daemon.control_socket).st_mode
    check(stat.S_ISSOCK(mode))
    equal(stat.S_IMODE(mode), 0o660, "control socket")


@suite.test
def full_is_deferred():
    with Sink() as sink, Daemon(sink.port, {"quarantine.max_size": "20k"}) as daemon:
        text = message(eicar() + b"\r\n" + b"filler of some length\r\n" * 300)
        codes = []
        for _ in range(6):
            reply = send_message(daemon.port, text)
            codes.append(reply.code)
        equal(sorted(set(codes)), [250, 451], "replies")
        check(codes == sorted(codes), f"{codes}: full, and then not")
        equal(len(states(daemon)), codes.count(250))
        daemon.wait_log("quarantine_full")
        equal(send_message(daemon.port, message()).code, 250, "clean mail goes on")
        equal(len(sink.wait(1)), 1)
        ctl(daemon, "delete", next(iter(states(daemon))))
        equal(send_message(daemon.port, text).code, 250, "there is room again")


@suite.test
def the_disk_floor_defers():
    with Sink() as sink, Daemon(sink.port, {"quarantine.disk_floor": "1000000g"}) as daemon:
        equal(send_message(daemon.port, infected()).code, 451)
        equal((states(daemon), sink.messages), ({}, []))
        equal(send_message(daemon.port, message()).code, 250)


@suite.test
def held_mail_survives_a_restart():
    with Sink() as sink, Daemon(sink.port) as daemon:
        name = hold(daemon, **ENVELOPE)
        daemon.stop()
        daemon.start()
        equal(states(daemon), {name: "held"})
        ctl(daemon, "release", name)
        equal((sink.wait(1)[0].mail, sink.messages[0].recipients), ON_THE_WIRE)


@suite.test
def damaged_entries_are_not_released():
    with Sink() as sink, Daemon(sink.port) as daemon:
        names = [hold(daemon) for _ in range(3)]
        with open(os.path.join(daemon.quarantine, names[0] + ".eml"), "r+b") as file:
            file.seek(50)
            file.write(b"!")
        with open(os.path.join(daemon.quarantine, names[1] + ".meta"), "r+b") as file:
            file.seek(60)
            file.write(b"!")
        ctl(daemon, "release", names[0], status=1)
        ctl(daemon, "release", names[1], status=1)
        equal(sink.messages, [])
        ctl(daemon, "release", names[2])
        equal(len(sink.wait(1)), 1)


@suite.test
def old_mail_expires():
    """An entry is made old by its metadata: the time and the checksum over it."""
    import hashlib

    with Sink() as sink, Daemon(sink.port, {"quarantine.expire_days": 2}) as daemon:
        old, young = hold(daemon), hold(daemon)
        daemon.stop()
        path = os.path.join(daemon.quarantine, old + ".meta")
        with open(path, "rb") as file:
            lines = file.read().splitlines(keepends=True)
        at = next(number for number, line in enumerate(lines) if line.startswith(b"time="))
        value = lines[at][5:].strip()
        check(value.isdigit(), f"unknown form of time: {value!r}")
        day = 86400 * 10 ** (len(value) - 10)  # whatever its unit is
        lines[at] = b"time=%d\n" % (int(value) - 3 * day)
        body = b"".join(lines[:-1])
        check(lines[-1].startswith(b"sum="), lines[-1])
        with open(path, "wb") as file:
            file.write(body + b"sum=" + hashlib.sha256(body).hexdigest().encode() + b"\n")
        daemon.start()
        wait_for("the old one to go", lambda: old not in states(daemon))
        equal(states(daemon), {young: "held"})
        daemon.wait_log(f"quarantine_delete: {old}: expired")


@suite.test
def status_counts():
    with Sink() as sink, Daemon(sink.port) as daemon:
        hold(daemon)
        equal(send_message(daemon.port, message()).code, 250)
        result = daemon.ctl("status")
        equal(result.returncode, 0, result.stderr)
        for text in ("1 delivered", "1 quarantined", "quarantine: 1 messages", "lost"):
            check(text in result.stdout, text, result.stdout)


@suite.test
def without_a_daemon_it_says_so():
    with Daemon(start=False) as daemon:
        result = daemon.ctl("quarantine", "list")
        check(result.returncode not in (0, -11, -6) and daemon.control_socket in result.stderr, result)


if __name__ == "__main__":
    suite.main(WORLD.close)
