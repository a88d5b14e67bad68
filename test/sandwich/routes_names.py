#!/usr/bin/python3
"""Names in routes: addresses, MX and SRV records from a DNS server that the test has in hand; outages of DNS."""

import os

from certificates import Certificates, server_context
from daemon import Daemon
from samples import message
from suite import PerThread, Suite, check, equal, wait_for

from client import Client
from dns import DnsServer
from sink import CLOSE, Sink

suite = Suite()


class Named:
    def __init__(self):
        self.dns = DnsServer(ttl=300)
        self.usual, self.a, self.b = (Sink(name=f"{name}.sink.test") for name in ("usual", "a", "b"))
        self.daemon = Daemon(self.usual.port, {
            "general.threads": 2,
            "scanner.clamav.enable": "no",
            "routing.dns_servers": f"127.0.0.1:{self.dns.port}",
            "routing.dns_timeout": "1s",
        })

    def get(self, domains):
        """With these domains: name -> routes."""
        self.dns.mode, self.dns.records = "answer", {}
        self.dns.questions.clear()
        settings = {name: None for name in self.daemon.settings if name.startswith("domain ")}
        for domain, routes in domains.items():
            settings |= {f"domain {domain}.route_{i + 1}": route for i, route in enumerate(routes)}
        self.daemon.reload(settings)
        for sink in (self.usual, self.a, self.b):
            sink.forget()
        return self

    def close(self):
        self.daemon.close()
        for one in (self.usual, self.a, self.b, self.dns):
            one.close()


WORLD = PerThread(Named)
servers = WORLD.get


def world(domains):
    return servers().get(domains)


def submit(daemon, *recipients):
    """(replies to the recipients, final code)"""
    with Client(daemon.port) as up:
        equal(up.ehlo().code, 250)
        replies = up.envelope("s@from.test", recipients)[1:]
        if not any(reply.code == 250 for reply in replies):
            return replies, None
        return replies, up.text(message()).code


def delivered(w, recipient):
    replies, final = submit(w.daemon, recipient)
    equal(([reply.code for reply in replies], final), ([250], 250), [reply.text for reply in replies])


@suite.test_apart
def a_name_is_looked_up_once_for_its_time():
    w = world({"a.test": [f"10 one.name.test:{servers().a.port}"], "alias.test": [f"10 alias.name.test:{servers().a.port}"]})
    w.dns.records["one.name.test"] = [("A", "127.0.0.1")]
    w.dns.records["alias.name.test"] = [("CNAME", "one.name.test")]
    for _ in range(3):
        delivered(w, "1@a.test")
    equal(w.dns.asked("one.name.test", "A"), 1)
    delivered(w, "1@alias.test")
    equal(len(w.a.messages), 4)
    shown = w.daemon.ctl("routes", "a.test").stdout
    check("one.name.test" in shown and f"127.0.0.1:{w.a.port}: up" in shown, shown)


@suite.test_apart
def several_recipients_wait_for_one_question():
    w = world({"a.test": [f"10 wait.name.test:{servers().a.port}"]})
    w.dns.records["wait.name.test"] = [("A", "127.0.0.1")]
    with Client(w.daemon.port) as up:
        equal(up.ehlo().code, 250)
        up.send(b"MAIL FROM:<s@from.test>\r\nRCPT TO:<1@a.test>\r\nRCPT TO:<2@other.test>\r\nRCPT TO:<3@a.test>\r\n")
        equal([reply.code for reply in up.replies(4)], [250] * 4)
        equal(up.text(message()).code, 250)
    equal(w.dns.asked("wait.name.test", "A"), 1)
    equal(([len(m.recipients) for m in w.a.messages], [len(m.recipients) for m in w.usual.messages]), ([2], [1]))


@suite.test_apart
def mx_records_count_in_their_order():
    w = world({"a.test": [f"10 mx:mx.name.test:{servers().a.port}"]})
    w.dns.records["mx.name.test"] = [("MX", 20, "second.name.test"), ("MX", 10, "first.name.test"), ("MX", 5, "none.name.test")]
    w.dns.records["first.name.test"] = [("A", "127.0.0.1")]
    w.dns.records["second.name.test"] = [("A", "127.0.0.2")]
    delivered(w, "1@a.test")
    equal(len(w.a.messages), 1)
    shown = w.daemon.ctl("routes", "a.test").stdout
    check(shown.index(f"    127.0.0.1:{w.a.port}") < shown.index(f"    127.0.0.2:{w.a.port}"), shown)


@suite.test_apart
def a_domain_without_mx_is_its_own():
    w = world({"a.test": [f"10 mx:self.name.test:{servers().a.port}"]})
    w.dns.records["self.name.test"] = [("A", "127.0.0.1")]
    delivered(w, "1@a.test")
    equal(len(w.a.messages), 1)


@suite.test_apart
def a_null_mx_leads_nowhere():
    w = world({"a.test": [f"10 mx:null.name.test:{servers().a.port}"], "b.test": [f"10 mx:null.name.test:{servers().a.port}",
                                                                             f"20 127.0.0.1:{servers().b.port}"]})
    w.dns.records["null.name.test"] = [("MX", 0, "")]
    reply, = submit(w.daemon, "1@a.test")[0]
    check(reply.code == 451 and "4.4.3" in reply.text, reply)
    delivered(w, "1@b.test")  # the next route
    equal((len(w.a.messages), len(w.b.messages)), (0, 1))


@suite.test_apart
def srv_records_have_ports_priorities_and_weights():
    w = world({"a.test": ["10 srv:_smtp._tcp.name.test"], "b.test": ["10 srv:_smtp._tcp.heavy.test"]})
    # Of equals one has all the weight: the other has one of millions of mails.
    w.dns.records["_smtp._tcp.heavy.test"] = [("SRV", 3, 0, w.a.port, "host.name.test"), ("SRV", 3, 65535, w.b.port, "host.name.test")]
    w.dns.records["_smtp._tcp.name.test"] = [("SRV", 7, 1, w.b.port, "host.name.test"), ("SRV", 3, 1, w.a.port, "host.name.test")]
    w.dns.records["host.name.test"] = [("A", "127.0.0.1")]
    for _ in range(12):
        delivered(w, "1@b.test")
    equal((len(w.a.messages), len(w.b.messages)), (0, 12))
    w.b.forget()
    delivered(w, "1@a.test")
    equal((len(w.a.messages), len(w.b.messages)), (1, 0))
    w.a.react["greeting"] = CLOSE
    w.a.end_all()
    delivered(w, "1@a.test")
    equal((len(w.a.messages), len(w.b.messages)), (1, 1))


@suite.test_apart
def a_name_that_dns_denies_is_a_temporary_failure():
    w = world({"a.test": [f"10 no.such.test:{servers().a.port}"]})
    with Client(w.daemon.port) as up:
        equal(up.ehlo().code, 250)
        replies = up.envelope("s@from.test", ("1@a.test", "2@other.test", "3@a.test"))[1:]
        equal([reply.code for reply in replies], [451, 250, 451])
        check("4.4.3" in replies[0].text, replies[0])
        equal(up.text(message()).code, 250)
    equal(len(w.usual.messages), 1)
    w.daemon.wait_log("route_name: no.such.test")


@suite.test_apart
def the_last_good_answer_outlives_an_outage_of_dns():
    modes = ("fail", "silent", "garbage")
    w = world({f"{mode}.test": [f"10 mx:{mode}.outage.test:{servers().a.port}"] for mode in modes})
    w.dns.ttl = 0
    for mode in modes:
        w.dns.records[f"{mode}.outage.test"] = [("MX", 10, f"host.{mode}.outage.test")]
        w.dns.records[f"host.{mode}.outage.test"] = [("A", "127.0.0.1")]
        delivered(w, f"1@{mode}.test")
    for mode in modes:
        w.dns.mode = mode
        before = w.dns.asked(f"{mode}.outage.test", "MX")

        def asked_again():
            delivered(w, f"1@{mode}.test")
            return w.dns.asked(f"{mode}.outage.test", "MX") > before

        wait_for("the answer to be out of date", asked_again, 15)
        delivered(w, f"1@{mode}.test")
        w.daemon.wait_log(f"route_name: mx:{mode}.outage.test.*the last good answer is used")
    w.dns.ttl = 300


@suite.test_apart
def while_dns_is_silent_others_are_served():
    w = world({"a.test": [f"10 silent.never.test:{servers().a.port}"]})
    w.dns.mode = "silent"
    with Client(w.daemon.port) as waits:
        equal(waits.ehlo().code, 250)
        waits.send(b"MAIL FROM:<s@from.test>\r\nRCPT TO:<1@a.test>\r\n")
        equal(waits.reply().code, 250)
        wait_for("the question", lambda: w.dns.asked("silent.never.test", "A"))
        delivered(w, "1@other.test")
        reply = waits.reply()
        check(reply.code == 451 and "4.4.3" in reply.text, reply)
    equal(len(w.usual.messages), 1)


@suite.test_apart
def an_upstream_that_leaves_while_a_name_is_looked_up_is_no_harm():
    w = world({"a.test": [f"10 gone.never.test:{servers().a.port}"]})
    w.dns.mode = "silent"
    up = Client(w.daemon.port)
    equal(up.ehlo().code, 250)
    up.send(b"MAIL FROM:<s@from.test>\r\nRCPT TO:<1@a.test>\r\n")
    wait_for("the question", lambda: w.dns.asked("gone.never.test", "A"))
    up.reset_connection()
    w.daemon.wait_log("route_name: gone.never.test")
    delivered(w, "1@other.test")


@suite.test_apart
def the_default_route_may_be_a_name():
    w = world({"default": [f"10 usual.name.test:{servers().a.port}"]})
    w.dns.records["usual.name.test"] = [("A", "127.0.0.1")]
    delivered(w, "1@anything.test")
    equal((len(w.a.messages), len(w.usual.messages)), (1, 0))
    check("delivery server: 127.0.0.1" in w.daemon.ctl("status").stdout)


@suite.test_apart
def each_route_has_tls_of_its_own_and_is_verified_by_the_name_it_gives():
    w = world({})
    with Certificates() as made:
        authority = made.authority("ca")
        good = made.certificate("good", authority, ["DNS:good.tls.test"])
        with Sink(tls=server_context(good)) as sink:
            own_tls(w, sink, authority)


def own_tls(w, sink, authority):
    for name in ("good", "bad"):
        w.dns.records[f"{name}.tls.test"] = [("A", "127.0.0.1")]
    path = w.daemon.path("domains")
    with open(path, "w", encoding="ascii") as file:
        file.write(f"plain.test 10 127.0.0.1:{sink.port}\n# and\ngood.test 10 good.tls.test:{sink.port} tls=verify\n"
                   f"*.good.test as main.test\nbad.test 10 bad.tls.test:{sink.port} tls=verify\n")
    os.chmod(path, 0o644)
    try:
        w.daemon.reload({"domain main.test.route_1": f"10 127.0.0.1:{w.b.port}", "routing.domain_file": path,
                         "tls.downstream_ca_file": authority.certificate})
        reply, = submit(w.daemon, "1@bad.test")[0]
        equal((reply.code, len(sink.tls_sessions), sink.messages), (451, 0, []), reply)
        delivered(w, "1@good.test")
        equal((len(sink.tls_sessions), len(sink.messages)), (1, 1))
        delivered(w, "1@plain.test")
        equal((len(sink.tls_sessions), len(sink.messages)), (1, 2))
        delivered(w, "1@x.good.test")
        equal(len(w.b.messages), 1)
        shown = w.daemon.ctl("routes", "bad.test").stdout
        check("down" in shown and "tls=verified" in shown, shown)
    finally:
        w.daemon.reload({"routing.domain_file": None, "tls.downstream_ca_file": None, "domain main.test.route_1": None})


suite.main(WORLD.close)
