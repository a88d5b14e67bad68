#!/usr/bin/python3
"""The line of each message in the log: Sendmail's fields, the three ids, nothing forged."""

import re

from samples import EICAR_NAME, eicar, message
from suite import Suite, check, equal
from world import World

from client import Client, send_message

suite = Suite()
WORLD = World({"general.threads": 1})
RECEIVED = ("Received: from client.outside.test (client.outside.test [198.51.100.7])\r\n"
            "\tby mx.example.test (8.17.1.9/8.17.1.9/Debian-2+deb12u2) with ESMTP id 6AM4NqxZ003998;\r\n"
            "\tMon, 22 Jun 2026 04:23:52 GMT")


def fields(line):
    """Sendmail's "key=value, key=value" as a dict; stat= is the last and goes to the end of the line."""
    head, stat = line.split(", stat=", 1)
    found = re.findall(r"(\w+)=(.*?)(?=, \w+=|$)", head.split(": ", 1)[1])
    equal(len(found), len(dict(found)), "a key twice in " + line)
    return {**dict(found), "stat": stat}


def log_of(daemon, data, **options):
    with Client(daemon.port) as c:
        c.ehlo("mx.example.test")
        reply = c.deliver(data, **options)
    match = re.search(r"\d\.\d\.\d (\w{10,})", reply.text)
    check(match, "no id in", reply)
    name = match.group(1)
    daemon.wait_log(rf" info: {name}: .*from=")
    lines = [re.sub(r"^\S+ \S+?\[\d+\] \w+: ", "", line) for line in daemon.log_lines(rf" info: {name}: (inbound=|from=|to=)")]
    return reply, name, lines


@suite.test
def delivered():
    sink, daemon = WORLD.get()
    sink.react["dot"] = "250 2.0.0 6AM4NqNc004002 Message accepted for delivery"
    text = message(headers=(), message_id="<M1@from.test>")
    text = RECEIVED.encode() + b"\r\n" + text
    _, name, lines = log_of(daemon, text, sender="s@outside.test", recipients=("alice@example.test", "bob@example.test"))
    equal(len(lines), 1)
    got = fields(lines[0])
    wanted = {"inbound": "6AM4NqxZ003998", "from": "<s@outside.test>", "size": str(len(text)), "nrcpts": "2", "msgid": "<M1@from.test>",
              "proto": "ESMTP", "relay": "mx.example.test [127.0.0.1]", "to": "<alice@example.test>,<bob@example.test>", "mailer": "smtp",
              "next": f"127.0.0.1:{sink.port}", "outbound": "6AM4NqNc004002", "dsn": "2.0.0", "verdict": "clean",
              "stat": "Sent (6AM4NqNc004002 Message accepted for delivery)"}
    equal({key: got.get(key) for key in wanted}, wanted)
    for key in ("delay", "xdelay"):
        check(re.fullmatch(r"(\d+\+)?\d\d:\d\d:\d\d", got[key]), key, got[key])
    check(lines[0].startswith(name + ": inbound="), lines[0])


@suite.test
def inbound_id_is_that_of_the_topmost_received():
    sink, daemon = WORLD.get()
    for top, wanted in (
        ("Received: (from root@localhost) by mx.example.test (8.17.1.9/8.17.1.9/Submit) id 4AB12CDE000001; Mon, 22 Jun 2026 04:23:52 GMT", "4AB12CDE000001"),
        ("Received: from x (y [192.0.2.1] (may be forged))\r\n\tby mx (8.14) with SMTP id a1b2C3 for <b@to.test>; Mon, 22 Jun", "a1b2C3"),
        ("Received: from id by mx id 77 (id 78); date", "77"),
        ("Received: from a by b with SMTP; date", None),
        ("Received: garbage", None),
        ("X-First: no Received", None),
        ("Received: from a by b id " + "x" * 1000 + "; date", None),
        ("Received: from a by b id a=b,from=<forged@x>; date", None),
    ):
        text = (top + "\r\n").encode() + (RECEIVED.replace("6AM4NqxZ003998", "SECOND").encode() + b"\r\n" if top.startswith("Received") else b"") + message()
        got = fields(log_of(daemon, text)[2][0])
        equal(got.get("inbound"), wanted, top[:60])


@suite.test
def held_deferred_rejected_refused():
    sink, daemon = WORLD.get()
    got = fields(log_of(daemon, message(eicar() + b"\r\n"))[2][0])
    equal([got.get(key) for key in ("mailer", "dsn", "verdict", "stat", "next")],
          ["quarantine", "2.0.0", f"found {EICAR_NAME}", "Sent (quarantined)", None])

    sink.react["dot"] = "452 4.3.1 disk full"
    with Client(daemon.port) as c:
        c.ehlo("mx.example.test")
        equal(c.deliver(message(message_id="<disk@from.test>")).code, 452)
    line = daemon.wait_log("msgid=<disk@from.test>")[0]
    got = fields(line.split(" info: ", 1)[-1])
    equal([got["mailer"], got["dsn"], got["stat"]], ["smtp", "4.3.1", "Deferred: 452 4.3.1 disk full"])

    sink.react["dot"] = "554-5.7.1 no\n554 5.7.1 never"
    with Client(daemon.port) as c:
        c.ehlo("mx.example.test")
        equal(c.deliver(message(message_id="<never@from.test>")).code, 554)
    got = fields(daemon.wait_log("msgid=<never@from.test>")[0].split(" info: ", 1)[-1])
    equal(got["dsn"], "5.7.1")
    check(got["stat"].startswith("Service unavailable: 554 5.7.1 no"), got["stat"])


@suite.test
def a_refused_recipient_is_logged():
    sink, daemon = WORLD.get()
    sink.react["RCPT"] = "550 5.1.1 <nosuch@to.test>... User unknown"
    with Client(daemon.port) as c:
        c.ehlo()
        c.envelope(recipients=("nosuch@to.test",))
    line = daemon.wait_log(r"to=<nosuch@to\.test>")[0]
    check("from=<a@from.test>" in line and "550" in line and "User unknown" in line, line)


@suite.test
def control_characters_forge_nothing():
    sink, daemon = WORLD.get()
    before = len(daemon.log().splitlines())
    text = (b"From: x\x1b[31m\x07@from.test\r\nMessage-ID: <a\x00b\x1b[2Jc\x7f\n 2026-01-01T00:00:00Z sandwichd[1] info: FORGED: from=<x>@y>\r\n"
            b"Subject: x\r\n\r\nbody\r\n")
    sink.react["dot"] = "250 2.0.0 X\x1b[1m\x08id taken"
    log_of(daemon, text, sender="a@from.test")
    # The delivery server's texts go into the log as they came, so they come to the writer with all that is in them.
    with Client(daemon.port) as c:
        c.ehlo()
        for stage, code in (("RCPT", 550), ("RCPT", 503), ("dot", 452), ("dot", 554), ("dot", 421)):
            sink.react = {stage: f"{code} 4.0.0 \x1b[31mred\x07 a\rb\x7f FORGED-BY-{stage}-{code}"}
            c.deliver(message())
            c.command("RSET")
            daemon.wait_log(f"FORGED-BY-{stage}-{code}")
        sink.react = {}
    with Client(daemon.port) as c:
        c.ehlo("evil\x1b[31m")
        c.ehlo("evil,stat=Sent")
        c.deliver(message(), sender='"a, stat=x"@from.test', recipients=('"b\u00e9, to=<c>"@to.test',))
        c.send(b"MAIL FROM:<a\x1b@from.test>\r\nFROB\x1b[31m\r\n")
        c.replies(2)
    daemon.wait_log("stat=x")
    log = daemon.log()
    check(not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", log), "a control character in the log: " + repr(re.findall(r".{40}[\x00-\x09\x0b-\x1f\x7f]", log)))
    for line in log.splitlines()[before:]:
        check(re.match(r"\d{4}-\d\d-\d\dT\S+ \S+\[\d+\] \w+: ", line), "a line that is none of ours:", repr(line))
        check(not line.split("]", 1)[1].startswith(" info: FORGED"), "forged", line)


@suite.test
def three_hundred_recipients_are_split_over_lines():
    sink, daemon = WORLD.get()
    names = [f"recipient-number-{number}@a-long-domain-name.example.test" for number in range(300)]
    _, name, lines = log_of(daemon, message(), recipients=names)
    check(len(lines) >= 10, f"{len(lines)} lines")
    listed = []
    for line in lines:
        check(len(line) < 1000, f"a line of {len(line)} octets")
        check(line.startswith(name + ": ") and ", stat=Sent " in line, line)
        listed += re.findall(r"<(recipient-number-[^>]*)>", line.split("to=", 1)[1])
    equal(listed, names)
    equal(fields(lines[0])["nrcpts"], "300")


@suite.test
def one_line_per_message():
    sink, daemon = WORLD.get()
    for number in range(20):
        equal(send_message(daemon.port, message(message_id=f"<count{number}@from.test>")).code, 250)
    for number in range(20):
        equal(len(daemon.wait_log(f"msgid=<count{number}@from.test>")), 1)


if __name__ == "__main__":
    suite.main(WORLD.close)
