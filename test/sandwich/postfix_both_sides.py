#!/usr/bin/python3
"""Real Postfix before and behind the proxy: mail goes through unharmed, and both know who the client was."""

import re

from daemon import Daemon, free_port
from samples import eicar, message, own_fields, with_attachment
from suite import Suite, check, equal, wait_for

from client import Client
from postfix import Postfix
from sink import Sink

suite = Suite()


class World:
    """sender -> Postfix -> sandwichd -> Postfix -> sink; made with the first test."""

    def __init__(self):
        self.sink = self.daemon = self.postfix = None

    def get(self):
        if self.daemon is None:
            ports = [free_port() for _ in range(3)]
            self.sink = Sink(keywords=("PIPELINING", "8BITMIME", "DSN", "SMTPUTF8", "SIZE"))
            self.daemon = Daemon(ports[2], {"general.threads": 1, "scanner.clamav.action": "reject",
                                            "smtp.downstream_xforward": "yes", "smtp.smtp_xclient_client_ip": "addr:127.0.0.1"})
            self.postfix = Postfix(ports, self.daemon.port, self.sink.port)
        self.sink.forget()
        return self

    def close(self):
        for one in (self.postfix, self.daemon, self.sink):
            if one:
                one.close()


WORLD = World()


def sender(port, address="203.0.113.9", helo="outside.test"):
    """A session with Postfix, as from that address."""
    c = Client(port)
    equal(c.ehlo().code, 250)
    equal(c.command(f"XCLIENT NAME=client.outside.test ADDR={address} HELO={helo}").code, 220)
    equal(c.ehlo(helo).code, 250)
    return c


def goes_through(port, address):
    world = WORLD.get()
    text = message(b"..dots\r\n.one\r\n8 bit: \xe4\r\n" + b"long " * 190 + b"\r\n")
    with sender(port(world), address) as c:
        reply = c.deliver(text, recipients=("b@to.test", "c@to.test"), mail_parameters=" BODY=8BITMIME")
        equal(reply.code, 250, reply)
    got = world.sink.wait(1, 20)[0]
    equal(len(got.recipients), 2)
    check(got.data.endswith(text.split(b"\r\n\r\n", 1)[1]), "the body is another one")
    shown = address.removeprefix("IPV6:")
    world.daemon.wait_log(rf"client=\[{re.escape(shown)}\].*stat=Sent")
    wait_for("the client in the log behind", lambda: re.search(
        rf"back/smtpd.*orig_client=client\.outside\.test\[{re.escape(shown)}\]", world.postfix.log()))
    equal(world.sink.faults, [])


@suite.test
def before_the_queue():
    goes_through(lambda world: world.postfix.port, "203.0.113.9")


@suite.test
def after_the_queue():
    goes_through(lambda world: world.postfix.queueing_port, "203.0.113.10")


@suite.test
def an_ipv6_client():
    goes_through(lambda world: world.postfix.port, "IPV6:2001:db8::9")


@suite.test
def one_session_with_several_clients_mails():
    world = WORLD.get()
    with sender(world.postfix.port, "203.0.113.20") as c:
        for _ in range(3):
            equal(c.deliver(message()).code, 250)
    world.sink.wait(3, 20)
    equal(len(world.daemon.wait_log(r"client=\[203\.0\.113\.20\].*stat=Sent", count=3)), 3)


@suite.test
def a_virus_is_refused_to_the_client_itself():
    world = WORLD.get()
    with sender(world.postfix.port) as c:
        equal(c.deliver(with_attachment(eicar(), "x.com")).code, 554)
        equal(c.deliver(message()).code, 250)
    equal(len(world.sink.wait(1, 20)), 1)


@suite.test
def internationalized_addresses():
    world = WORLD.get()
    with sender(world.postfix.queueing_port) as c:
        reply = c.deliver(message("gr\u00fc\u00dfe\r\n"), sender="j\u00fcrgen@from.test", recipients=("\u7528\u6237@to.test",),
                          mail_parameters=" SMTPUTF8 BODY=8BITMIME")
        equal(reply.code, 250, reply)
    got = world.sink.wait(1, 20)[0]
    check(got.mail.startswith("<j\u00fcrgen@from.test>") and " SMTPUTF8" in got.mail, got.mail)
    check(got.recipients[0].startswith("<\u7528\u6237@to.test>"), got.recipients)


if __name__ == "__main__":
    suite.main(WORLD.close)
