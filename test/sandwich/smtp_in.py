#!/usr/bin/python3
"""The upstream side: what is offered, commands right and wrong, limits, who may connect."""

import time

from daemon import HOSTNAME, Daemon, free_port
from samples import message, own_fields
from suite import Skip, Suite, check, equal, wait_for
from world import World

from client import Client, Closed, send_message
from sink import Sink

suite = Suite()
MEGABYTES_100 = 100 << 20


WORLD = World()


def client(daemon, **options):
    connected = Client(daemon.port, **options)
    connected.ehlo()
    return connected


# ---- greeting and offer


@suite.test
def greeting_has_name_and_esmtp():
    _, daemon = WORLD.get()
    with Client(daemon.port) as c:
        equal(c.greeting.code, 220)
        words = c.greeting.text.split()
        equal(words[0], HOSTNAME)
        check("ESMTP" in words, "no ESMTP in", c.greeting)


@suite.test
def greeting_is_configurable():
    with Sink() as sink, Daemon(sink.port, {"smtp.smtp_greeting_msg": "at your service ESMTP"}) as daemon, Client(daemon.port) as c:
        equal(c.greeting.text, f"{HOSTNAME} at your service ESMTP")


def offered(daemon):
    with Client(daemon.port) as c:
        reply = c.ehlo()
        equal(reply.code, 250)
        equal(reply.lines[0].split()[0], HOSTNAME)
        keywords = reply.lines[1:]
        equal(len(keywords), len(set(keywords)), "a keyword twice")
        return set(keywords)


OFFERS = (
    # what the delivery server offers, what we do
    ((), {"PIPELINING", f"SIZE {MEGABYTES_100}"}),
    (("PIPELINING",), {"PIPELINING", f"SIZE {MEGABYTES_100}"}),
    (("DSN",), {"PIPELINING", f"SIZE {MEGABYTES_100}", "DSN"}),
    (("8BITMIME",), {"PIPELINING", f"SIZE {MEGABYTES_100}", "8BITMIME"}),
    (("ENHANCEDSTATUSCODES",), {"PIPELINING", f"SIZE {MEGABYTES_100}", "ENHANCEDSTATUSCODES"}),
    (("SMTPUTF8", "8BITMIME"), {"PIPELINING", f"SIZE {MEGABYTES_100}", "SMTPUTF8", "8BITMIME"}),
    (("SIZE",), {"PIPELINING", f"SIZE {MEGABYTES_100}"}),
    (("SIZE 0",), {"PIPELINING", f"SIZE {MEGABYTES_100}"}),
    (("SIZE 1000000",), {"PIPELINING", "SIZE 1000000"}),
    (("SIZE 99999999999",), {"PIPELINING", f"SIZE {MEGABYTES_100}"}),
    (("dsn", "8bitmime", "size 5000000"), {"PIPELINING", "SIZE 5000000", "DSN", "8BITMIME"}),
    (("AUTH PLAIN LOGIN", "AUTH=LOGIN", "STARTTLS", "CHUNKING", "BINARYMIME", "ETRN", "XCLIENT NAME", "DELIVERBY", "VERB", "DSN"),
     {"PIPELINING", f"SIZE {MEGABYTES_100}", "DSN"}),
)


@suite.test
def ehlo_offers_what_both_can():
    # Every message takes a new connection, and the offer follows what the newest one said.
    with Sink(keywords=OFFERS[0][0]) as sink, Daemon(sink.port, {"smtp.downstream_idle_timeout": 0, "general.threads": 1}) as daemon:
        for number, (theirs, ours) in enumerate(OFFERS):
            if number > 0:
                sink.keywords = theirs
                equal(send_message(daemon.port, message()).code, 250)
            equal(offered(daemon), ours, f"with {theirs} downstream")


@suite.test
def helo_gets_one_line_and_delivers():
    sink, daemon = WORLD.get()
    with Client(daemon.port) as c:
        reply = c.command("HELO old.test")
        equal((reply.code, len(reply.lines)), (250, 1))
        equal(c.deliver(message()).code, 250)
    fields, rest = own_fields(sink.wait(1)[0].data)
    equal(rest, message())
    check(" with SMTP id " in fields[0] and "from old.test ([127.0.0.1])" in fields[0], fields[0])


@suite.test
def downstream_hears_our_name():
    with Sink() as sink, Daemon(sink.port) as daemon:
        equal(send_message(daemon.port, message()).code, 250)
        names = {line for line in sink.lines("EHLO")}
        equal(names, {f"EHLO {HOSTNAME}"})


# ---- commands


@suite.test
def whole_mail_in_one_segment():
    sink, daemon = WORLD.get()
    with client(daemon) as c:
        c.send(b"MAIL FROM:<a@from.test>\r\nRCPT TO:<b@to.test>\r\nRCPT TO:<c@to.test>\r\nDATA\r\n" + message() + b".\r\nQUIT\r\n")
        equal([reply.code for reply in c.replies(6)], [250, 250, 250, 354, 250, 221])
        check(c.at_end())
    got = sink.wait(1)
    equal((len(got), got[0].recipients), (1, ["<b@to.test>", "<c@to.test>"]))
    equal(own_fields(got[0].data)[1], message())


@suite.test
def two_mails_in_one_segment():
    """For a client that is known to do so; see text_after_dot.py for all others."""
    settings = {"smtp.smtp_pipelining_client_ip": "addr:127.0.0.1"}
    with Sink() as sink, Daemon(sink.port, settings) as daemon, client(daemon) as c:
        one = b"MAIL FROM:<a@from.test>\r\nRCPT TO:<b@to.test>\r\nDATA\r\n" + message() + b".\r\n"
        c.send(one + one.replace(b"b@to", b"c@to") + b"QUIT\r\n")
        equal([reply.code for reply in c.replies(9)], [250, 250, 354, 250, 250, 250, 354, 250, 221])
        equal([m.recipients for m in sink.wait(2)], [["<b@to.test>"], ["<c@to.test>"]])


@suite.test
def octet_by_octet():
    sink, daemon = WORLD.get()
    text = message("one\r\n..two\r\n")
    with Client(daemon.port) as c:
        for line in (b"EHLO x\r\n", b"MAIL FROM:<a@from.test>\r\n", b"RCPT TO:<b@to.test>\r\n", b"DATA\r\n", text + b".\r\n", b"QUIT\r\n"):
            for octet in line:
                c.send(bytes([octet]))
                time.sleep(0.0003)
            check(c.reply().code in (250, 354, 221))
    equal(own_fields(sink.wait(1)[0].data)[1], text.replace(b"..two", b".two"))


@suite.test
def data_in_the_pipe_after_refused_recipients():
    sink, daemon = WORLD.get()
    sink.react["RCPT"] = lambda session, argument: "550 5.1.1 not here" if "nobody" in argument else None
    with client(daemon) as c:
        c.send("MAIL FROM:<a@from.test>\r\nRCPT TO:<nobody1@to.test>\r\nRCPT TO:<nobody2@to.test>\r\nDATA\r\n")
        replies = c.replies(4)
        equal([reply.code for reply in replies[:3]], [250, 550, 550])
        check(replies[3].code in (503, 554), "DATA got", replies[3])
        equal(c.command("RSET").code, 250)
        equal(c.deliver(message()).code, 250, "the session goes on")
    equal(len(sink.wait(1)), 1)


@suite.test
def rset_forgets_the_transaction():
    sink, daemon = WORLD.get()
    with client(daemon) as c:
        c.envelope(recipients=("gone@to.test",))
        equal(c.command("RSET").code, 250)
        equal(c.command("RCPT TO:<b@to.test>").code, 503)
        equal(c.command("DATA").code, 503)
        equal(c.deliver(message()).code, 250)
    equal([m.recipients for m in sink.wait(1)], [["<b@to.test>"]])
    equal(sink.faults, [])


@suite.test
def ehlo_forgets_the_transaction():
    sink, daemon = WORLD.get()
    with client(daemon) as c:
        c.envelope(recipients=("gone@to.test",))
        equal(c.ehlo().code, 250)
        equal(c.command("DATA").code, 503)
        equal(c.deliver(message()).code, 250)
    equal([m.recipients for m in sink.wait(1)], [["<b@to.test>"]])


@suite.test
def small_commands():
    _, daemon = WORLD.get()
    with Client(daemon.port) as c:
        equal(c.command("NOOP").code, 250)
        equal(c.command("NOOP with words").code, 250)
        equal(c.command("HELP").code, 214)
        c.ehlo()
        equal(c.command("VRFY b@to.test").code, 252)
        equal(c.command("EXPN list").code, 502)
        equal(c.command("noop").code, 250)
        equal(c.command("RSET").code, 250)
        equal(c.command("QUIT").code, 221)
        check(c.at_end())


@suite.test
def what_is_not_offered_is_refused():
    sink, daemon = WORLD.get()
    with client(daemon) as c:
        for line in ("AUTH PLAIN AGEAYg==", "STARTTLS", "BDAT 10 LAST", "ETRN x"):
            check(c.command(line).code in (500, 502, 504), line)
        equal(c.deliver(message()).code, 250)
    equal(len(sink.wait(1)), 1)


@suite.test
def wrong_commands_get_one_reply_each():
    _, daemon = WORLD.get()
    with client(daemon) as c:
        for line, codes in (
            (b"FROB x\r\n", (500,)),
            (b"\r\n", (500,)),
            (b"X" * 5000 + b"\r\n", (500,)),
            (b"NOOP\nMAIL FROM:<smuggled@from.test>\r\n", (500,)),
            (b"NOOP\rRSET\r\n", (500, 501)),
            (b"NO\x00OP\r\n", (500, 501)),
            (b"MAIL FROM:a@from.test\r\n", (501,)),
            (b"MAIL FROM:<a@from.test\r\n", (501,)),
            (b"MAIL TO:<a@from.test>\r\n", (501,)),
            (b"MAIL FROM:<a@from.test>SIZE=5\r\n", (501,)),
            (b"RCPT TO:<b@to.test>\r\n", (503,)),
            (b"DATA\r\n", (503,)),
        ):
            c.send(line)
            check(c.reply().code in codes, line[:40])
            equal(c.command("NOOP").code, 250, f"in step after {line[:40]!r}")


@suite.test
def commands_out_of_order():
    _, daemon = WORLD.get()
    with Client(daemon.port) as c:
        equal(c.command("MAIL FROM:<a@from.test>").code, 503)
        c.ehlo()
        equal(c.command("MAIL FROM:<a@from.test>").code, 250)
        equal(c.command("MAIL FROM:<a@from.test>").code, 503)
        equal(c.command("DATA").code, 503)
        check(c.command("RCPT TO:<>").code in (501, 553))
        equal(c.command("RCPT TO:<b@to.test>").code, 250)
        equal(c.command("QUIT").code, 221)


@suite.test
def too_many_errors_end_the_session():
    _, daemon = WORLD.get()
    with client(daemon) as c:
        for count in range(100):
            if c.command("FROB").code == 421:
                break
        check(5 <= count < 100, f"421 after {count} errors")
        check(c.at_end())
    equal(send_message(daemon.port, message()).code, 250)


@suite.test
def endless_line_is_bounded():
    _, daemon = WORLD.get()
    with client(daemon) as c:
        for _ in range(64):
            c.send(b"x" * 65536)
        c.send(b"\r\n")
        equal(c.reply().code, 500)
        equal(c.command("NOOP").code, 250)


@suite.test
def two_messages_in_one_session():
    sink, daemon = WORLD.get()
    with client(daemon) as c:
        for name in ("one", "two"):
            equal(c.deliver(message(name + "\r\n"), recipients=(name + "@to.test",)).code, 250)
    got = sink.wait(2)
    equal([m.recipients for m in got], [["<one@to.test>"], ["<two@to.test>"]])
    equal([own_fields(m.data)[1] for m in got], [message("one\r\n"), message("two\r\n")])


@suite.test
def paths_stay_as_they_are():
    sink, daemon = WORLD.get()
    paths = ('"a>b\\"c"@to.test', "postmaster", "@relay.test:b@to.test", "b+tag@to.test", "'|x@to.test", "b@[127.0.0.1]", "B@TO.Test")
    with client(daemon) as c:
        equal(c.deliver(message(), sender='"q q"@from.test', recipients=paths).code, 250)
        equal(c.deliver(message(), sender="").code, 250)
        c.send(b"MAIL FROM: <a@from.test>\r\nrcpt to: <b@to.test>\r\nRSET\r\n")  # as many clients write it
        equal([reply.code for reply in c.replies(3)], [250, 250, 250])
    got = sink.wait(2)
    equal(got[0].mail, '<"q q"@from.test>')
    equal(got[0].recipients, [f"<{path}>" for path in paths])
    equal(got[1].mail, "<>")


@suite.test
def hostile_client_name_stays_out_of_the_header():
    sink, daemon = WORLD.get()
    with Client(daemon.port) as c:
        c.ehlo("x(y) by evil; <z>\t\xff")
        equal(c.deliver(message()).code, 250)
    received = own_fields(sink.wait(1)[0].data)[0][0]
    check("evil" not in received and "(y)" not in received, received)


# ---- limits


LIMITS = {"smtp.message_size_limit": "64k", "smtp.max_recipients": 100, "smtp.max_connections": 3, "general.threads": 2,
          "smtp.smtp_allow_client_ip": "addr:127.0.0.1 addr:127.0.1.0/24"}


@suite.test
def limits():
    with Sink() as sink, Daemon(sink.port, LIMITS) as daemon:
        _declared_size(sink, daemon)
        _body_above_the_limit(sink, daemon)
        _too_many_recipients(sink, daemon)
        _foreign_clients(daemon)
        _too_many_connections(daemon)


def _declared_size(sink, daemon):
    with client(daemon) as c:
        equal(c.command("MAIL FROM:<a@from.test> SIZE=65537").code, 552)
        equal(c.command("MAIL FROM:<a@from.test> SIZE=99999999999999999999999").code // 100, 5)
        equal(c.command("MAIL FROM:<a@from.test> SIZE=65536").code, 250)
    check(not sink.lines("MAIL"), "the delivery server heard of a message that is too big")


def _body_above_the_limit(sink, daemon):
    fits = message(b"x" * 70 + b"\r\n")
    fits += b"y" * (65536 - len(fits) - 2) + b"\r\n"
    equal(len(fits), 65536)
    with client(daemon) as c:
        for text in (fits + b"z\r\n", fits * 20):
            equal(c.deliver(text).code, 552)
        equal(sink.messages, [], "too big, and delivered")
        equal(sink.lines("DATA"), [])
        equal(c.deliver(fits).code, 250, "exactly the limit")
    equal([own_fields(m.data)[1] for m in sink.wait(1)], [fits])
    check(daemon.wait_log(r"nrcpts=1.*dsn=5\.3\.4"))


@suite.test
def header_section_above_a_mebibyte():
    """Whoever walks the fields of a header does so on a loop; no mail has such a header, and a long body is none."""
    with Sink() as sink, Daemon(sink.port, {"content.limit_headers": 2000}) as daemon:
        field = b"X-Long: " + b"x" * 990 + b"\r\n"
        with client(daemon) as c:
            equal(c.deliver(field * 1100 + b"\r\ntext\r\n").code, 552)
            equal(c.deliver(field * 1100).code, 552, "a header without an end")
            equal(sink.messages, [], "refused, and delivered")
            equal(c.deliver(field * 900 + b"\r\n" + field * 900).code, 250, "a long body")
            equal(c.deliver(b"\r\n" + field * 1100).code, 250, "no header at all")


def _too_many_recipients(sink, daemon):
    sink.forget()
    names = tuple(f"r{number}@to.test" for number in range(103))
    with client(daemon) as c:
        replies = c.envelope(recipients=names)
        equal([reply.code for reply in replies], [250] * 101 + [452] * 3)
        equal(c.text(message()).code, 250)
    equal(sink.wait(1)[0].recipients, [f"<{name}>" for name in names[:100]])


def _foreign_clients(daemon):
    with Client(daemon.port, source="127.0.1.9") as c:
        equal(c.greeting.code, 220, "127.0.1.0/24 is listed")
    with Client(daemon.port, source="127.0.0.2") as c:
        equal(c.greeting.code, 421)
        check(c.at_end())
    daemon.wait_log(r"client_refused: 127\.0\.0\.2 ")


def _too_many_connections(daemon):
    wait_for("sessions of before to end", lambda: _sessions_now(daemon) == 0)
    held = [client(daemon) for _ in range(3)]
    with Client(daemon.port) as c:
        equal(c.greeting.code, 421)
        check(c.at_end())
    daemon.wait_log("limit_reached: max_connections: 127.0.0.1")
    held.pop().close()
    wait_for("a place", lambda: _greeting(daemon.port) == 220)
    for c in held:
        equal(c.command("NOOP").code, 250)
        c.close()


def _sessions_now(daemon):
    status = daemon.ctl("status").stdout
    return int(status.split("sessions: ")[1].split()[0])


def _greeting(port):
    with Client(port) as c:
        return c.greeting.code


@suite.test
def silence_is_bounded():
    with Sink() as sink, Daemon(sink.port, {"smtp.command_timeout": "1s", "smtp.data_timeout": "1s"}) as daemon:
        with client(daemon) as idle, client(daemon) as within:
            within.envelope()
            equal(within.command("DATA").code, 354)
            within.send(b"Subject: never ends\r\n")
            for c in (idle, within):
                try:
                    equal(c.reply().code, 421)
                except Closed:
                    pass
                check(c.at_end())
        equal(sink.messages, [])
        equal(sink.texts, 0, "text at the delivery server")


@suite.test
def ipv6_listener():
    try:
        port = free_port("::1") if _has_ipv6() else None
    except OSError:
        port = None
    if port is None:
        raise Skip("no ::1 here")
    with Sink() as sink, Daemon(sink.port, {"socket_2.proxy_addr": "::1", "socket_2.proxy_port": port}) as daemon:
        with Client(port, address="::1") as c:
            equal(c.greeting.code, 220)
            c.ehlo()
            equal(c.deliver(message()).code, 250)
        equal(send_message(daemon.port, message()).code, 250)
        check("([IPv6:::1])" in own_fields(sink.wait(2)[0].data)[0][0], sink.messages[0].data[:200])


def _has_ipv6():
    import socket

    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


# ---- without a delivery server


@suite.test
def downstream_down_is_421_at_ehlo():
    with Daemon() as daemon:
        with Client(daemon.port) as c:
            equal(c.greeting.code, 220)
            equal(c.ehlo().code, 421)
            check(c.at_end())
        with Client(daemon.port) as c:  # HELO promises nothing that has to be asked for
            equal(c.command("HELO old.test").code, 250)
            replies = c.envelope()
            equal([reply.code for reply in replies], [250, 451])
            check(c.command("DATA").code in (503, 554))
            equal(c.command("NOOP").code, 250)
        daemon.wait_log("downstream_down")
        with Sink(port=daemon.downstream) as sink:
            daemon.wait_downstream()
            equal(send_message(daemon.port, message()).code, 250, "when it is back")
            equal(len(sink.wait(1)), 1)
            daemon.wait_log("downstream_up")


@suite.test
def downstream_that_greets_as_we_do():
    with Sink(name=HOSTNAME) as sink, Daemon(sink.port) as daemon:
        with Client(daemon.port) as c:
            equal(c.ehlo().code, 421)
        with Client(daemon.port) as c:
            c.command("HELO old.test")
            equal(c.envelope()[1].code // 100, 4)
        daemon.wait_log(r"critical: downstream_loop: ")
        equal(sink.lines("MAIL"), [])


@suite.test
def downstream_that_refuses_to_talk():
    for greeting in ("554 5.3.2 go away", "421 4.3.2 busy", "550 no", "nonsense"):
        with Sink(react={"greeting": greeting}) as sink, Daemon(sink.port) as daemon:
            with Client(daemon.port) as c:
                equal(c.ehlo().code, 421, f"greeting {greeting!r}")
            with Client(daemon.port) as c:
                c.command("HELO old.test")
                equal(c.envelope()[1].code, 451, f"greeting {greeting!r}")


if __name__ == "__main__":
    suite.main(WORLD.close)
