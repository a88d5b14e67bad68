#!/usr/bin/python3
"""What other mail servers say to their neighbours: XCLIENT and XFORWARD from the upstream, XFORWARD to the delivery server, and which
client address stands in the log."""

from daemon import HOSTNAME, Daemon
from samples import message
from suite import Suite, check, equal
from world import World

from client import Client
from sink import CLOSE, Sequence, Sink

suite = Suite()
KEYWORDS = ("PIPELINING", "8BITMIME", "DSN", "SMTPUTF8", "SIZE")
XFORWARD = (*KEYWORDS, "XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT")
TRUST = {"general.threads": 1, "scanner.clamav.enable": "no", "smtp.smtp_xclient_client_ip": "addr:127.0.0.1"}
WORLD = World(TRUST, keywords=KEYWORDS)
TELLING = World({**TRUST, "smtp.downstream_xforward": "yes"}, keywords=XFORWARD)
RECEIVED = "Received: from {} by mx.example.test with ESMTP id {}; Mon, 22 Jun 2026 04:23:52 GMT"


def client(daemon, name="mx.example.test"):
    connected = Client(daemon.port)
    connected.offer = connected.ehlo(name).lines
    return connected


def client_in_log(daemon, mark):
    """What the line of the message with that inbound id says."""
    line = daemon.wait_log(f"inbound={mark}, ")[0]
    return line.split(", client=[")[1].split("]")[0] if ", client=[" in line else None


_mark = [0]


def deliver(c, received="mx (mx [127.0.0.9])"):
    _mark[0] += 1
    mark = f"MARK{_mark[0]:05d}"
    equal(c.deliver(message(headers=(RECEIVED.format(received, mark),))).code, 250)
    return mark


@suite.test
def only_trusted_clients_may_speak_of_others():
    with Sink() as sink, Daemon(sink.port, {**TRUST, "smtp.smtp_xclient_client_ip": "addr:127.0.0.2",
                                               "smtp.smtp_allow_client_ip": "addr:127.0.0.0/8"}) as daemon:
        with client(daemon) as c:
            check(not any(line.startswith("X") for line in c.offer), c.offer)
            for verb in ("XCLIENT", "XFORWARD"):
                equal(c.command(f"{verb} ADDR=192.0.2.1").code, 500)
            equal(client_in_log(daemon, deliver(c)), "127.0.0.9")
        with Client(daemon.port, source="127.0.0.2") as c:
            check(any(line.startswith("XCLIENT ") for line in c.ehlo().lines))
            equal(c.command("XCLIENT ADDR=127.0.0.1").code, 220)  # trust follows the connection, not what is said on it
            equal(c.ehlo().code, 250)
            equal(c.command("XFORWARD ADDR=192.0.2.1").code, 250)


@suite.test
def it_is_offered_and_taken():
    _, daemon = WORLD.get()
    with client(daemon) as c:
        check({"XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT",
               "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE"} <= set(c.offer), c.offer)
        equal(c.command("XFORWARD NAME=a.test ADDR=192.0.2.1").code, 250)
        equal(c.command("XFORWARD HELO=a+2Btest IDENT=Q1 SOURCE=REMOTE").code, 250)
        equal(client_in_log(daemon, deliver(c)), "192.0.2.1")
        equal(client_in_log(daemon, deliver(c)), "127.0.0.9")  # for one mail only
        equal(c.command("XFORWARD ADDR=IPV6:2001:DB8::1").code, 250)
        c.command("RSET")
        equal(client_in_log(daemon, deliver(c)), "127.0.0.9")
        equal(c.command("XFORWARD ADDR=IPV6:2001:DB8::1").code, 250)
        equal(client_in_log(daemon, deliver(c)), "2001:db8::1")


@suite.test
def xclient_is_for_the_session():
    _, daemon = WORLD.get()
    with client(daemon) as c:
        reply = c.command("XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.5 LOGIN=joe")
        check(reply.code == 220 and reply.text.startswith(HOSTNAME), reply)
        equal(c.command("MAIL FROM:<a@from.test>").code, 503)
        equal(c.ehlo().code, 250)
        for _ in range(2):
            equal(client_in_log(daemon, deliver(c)), "192.0.2.5")
        equal(c.command("XFORWARD ADDR=192.0.2.6").code, 250)
        equal(client_in_log(daemon, deliver(c)), "192.0.2.6")
        equal(client_in_log(daemon, deliver(c)), "192.0.2.5")


@suite.test
def bad_ones_are_refused_and_change_nothing():
    _, daemon = WORLD.get()
    with client(daemon) as c:
        for argument in ("", "ADDR=host.test", "ADDR=1.2.3", "ADDR=192.0.2.1 FOO=1", "NAME=+0A", "ADDR=+5Bx", "PORT=x"):
            for verb in ("XCLIENT", "XFORWARD"):
                equal(c.command(f"{verb} {argument}").code, 501, f"{verb} {argument}")
        equal(client_in_log(daemon, deliver(c)), "127.0.0.9")
        c.envelope()
        equal(c.command("XFORWARD ADDR=192.0.2.1").code, 503)
        equal(c.text(message()).code, 250)


@suite.test
def the_client_of_the_topmost_received_field():
    _, daemon = WORLD.get()
    with client(daemon) as c:
        for received, wanted in (
                ("client.outside.test (client.outside.test [198.51.100.7])", "198.51.100.7"),
                ("h (IDENT:x@[6.6.6.6]@h.test [198.51.100.8] (may be forged))", "198.51.100.8"),
                ("[6.6.6.6] ([198.51.100.9])", "198.51.100.9"),
                ("by (h [IPv6:2001:db8::7])\r\n\t(authenticated bits=0)", "2001:db8::7"),
                ("root@localhost", None),
                ("h (h [999.1.1.1])", None)):
            equal(client_in_log(daemon, deliver(c, received)), wanted, received)


@suite.test
def the_delivery_server_is_told():
    sink, daemon = TELLING.get()
    with client(daemon) as c:
        equal(c.command("XFORWARD NAME=a.test ADDR=IPV6:2001:db8::1 HELO=x+20y IDENT=Q1 SOURCE=LOCAL PROTO=ESMTP").code, 250)
        deliver(c)
        equal(sink.lines("XFORWARD"), ["XFORWARD NAME=a.test ADDR=IPV6:2001:db8::1 PORT=[UNAVAILABLE] PROTO=ESMTP HELO=x+20y "
                                       "IDENT=Q1 SOURCE=LOCAL"])
        deliver(c)
        line = sink.lines("XFORWARD")[1]
        check("NAME=[UNAVAILABLE] ADDR=127.0.0.1 " in line and " HELO=mx.example.test IDENT=" in line, line)
    verbs = [line.split(" ")[0] for _, line in sink.commands]
    equal(verbs[-4:], ["XFORWARD", "MAIL", "RCPT", "DATA"])
    equal(sink.faults, [])


@suite.test
def the_delivery_server_is_not_told():
    for keywords, setting in ((KEYWORDS, "yes"), (XFORWARD, "no")):
        with Sink(keywords=keywords) as sink, Daemon(sink.port, {**TRUST, "smtp.downstream_xforward": setting}) as daemon:
            with client(daemon) as c:
                c.command("XFORWARD ADDR=192.0.2.1")
                deliver(c)
            equal(sink.lines("XFORWARD"), [])


@suite.test
def a_refused_xforward_stops_no_mail():
    sink, daemon = TELLING.get()
    with client(daemon) as c:
        for reply in ("501 5.5.4 no", "550 5.7.0 not you", "421 4.3.2 hm", "503 5.5.1 not now"):
            sink.react["XFORWARD"] = reply
            deliver(c)
        sink.react["XFORWARD"] = Sequence(CLOSE)  # a stale connection is replaced there, too
        deliver(c)
    equal(len(sink.messages), 5)


if __name__ == "__main__":
    try:
        suite.main(WORLD.close)
    finally:
        TELLING.close()
