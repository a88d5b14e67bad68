#!/usr/bin/python3
"""TLS towards the delivery server: the four modes, what proves a server, injection, cut connections. The peer is Python's ssl module."""

import random
import ssl
import warnings

from certificates import Certificates, server_context
from daemon import Daemon
from samples import message, own_fields
from suite import Suite, check, equal, wait_for

from client import Client, send_message
from sink import CLOSE, RESET, SILENCE, Sink

suite = Suite()
MADE = Certificates()
CA = MADE.authority("ca")
OTHER_CA = MADE.authority("other-ca")
GOOD = MADE.certificate("good", CA, ["DNS:mx.test"])
BY_ADDRESS = MADE.certificate("by-address", CA, ["IP:127.0.0.1"])
OTHER_NAME = MADE.certificate("other-name", CA, ["DNS:other.test", "DNS:mx.test.example"])
EXPIRED = MADE.certificate("expired", CA, ["DNS:mx.test"], "20200101000000Z", "20200201000000Z")
FUTURE = MADE.certificate("future", CA, ["DNS:mx.test"], "20480101000000Z", "20480201000000Z")
STRANGER = MADE.certificate("stranger", OTHER_CA, ["DNS:mx.test"])

VERIFIED = {"tls.downstream": "verified", "tls.downstream_ca_file": CA.certificate, "tls.downstream_name": "mx.test"}


def rig(pair, settings, version=None, **options):
    """A sink with that certificate (None: without TLS), and a daemon before it."""
    sink = Sink(tls=server_context(pair, version) if pair else None, **options)
    try:
        return sink, Daemon(sink.port, {"general.threads": 1, **settings})
    except BaseException:
        sink.close()
        raise


def deferred(daemon, sink, what=""):
    """The message gets 4xx, at EHLO already or later, and nothing of it goes anywhere."""
    with Client(daemon.port) as client:
        reply = client.ehlo()
        if reply.code == 250:
            reply = client.deliver(message())
    check(400 <= reply.code < 500, what, reply)
    equal(sink.messages, [], what)
    equal(sink.lines("MAIL"), [], what)


@suite.test
def none_asks_for_none():
    sink, daemon = rig(GOOD, {})
    with sink, daemon:
        equal(send_message(daemon.port, message()).code, 250)
        equal((len(sink.wait(1)), sink.tls_sessions), (1, []))


@suite.test
def every_other_mode_uses_what_is_offered():
    for mode in ({"tls.downstream": "opportunistic"}, {"tls.downstream": "required"}, VERIFIED):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            sink, daemon = rig(GOOD, mode, version)
            with sink, daemon:
                for number in range(2):  # the second one over the same connection
                    equal(send_message(daemon.port, message(f"{number}\r\n")).code, 250, mode)
                got = sink.wait(2)
                equal([own_fields(m.data)[1] for m in got], [message("0\r\n"), message("1\r\n")])
                equal(len(sink.tls_sessions), 1, mode)
                equal([line.split()[0] for _, line in sink.commands[:3]], ["EHLO", "STARTTLS", "EHLO"])
                check(daemon.wait_log("downstream_tls.*TLSv1.[23]/"), "not logged")
                equal(sink.faults + sink.tls_faults, [])


@suite.test
def a_big_message_is_the_same_octet_for_octet():
    sink, daemon = rig(GOOD, VERIFIED)
    random.seed(8446)
    lines = [bytes(random.choices(range(32, 127), k=random.randrange(0, 200))) for _ in range(80_000)]
    data = message(b"\r\n".join(lines) + b"\r\n")
    with sink, daemon:
        equal(send_message(daemon.port, data).code, 250)
        check(own_fields(sink.wait(1, 20)[0].data)[1] == data, "changed on the way")


@suite.test
def where_it_is_not_offered():
    for mode, taken in (("opportunistic", True), ("required", False), ("verified", False)):
        sink, daemon = rig(None, {**(VERIFIED if mode == "verified" else {}), "tls.downstream": mode})
        with sink, daemon:
            if taken:
                equal(send_message(daemon.port, message()).code, 250)
                daemon.wait_log("downstream_clear.*does not offer STARTTLS")
            else:
                deferred(daemon, sink, mode)
                daemon.wait_log(r"downstream_down.*does not offer STARTTLS, but \[tls\] downstream demands it")


@suite.test
def what_is_no_proof():
    cases = (
        (STRANGER, VERIFIED, "certificate verify failed"),
        (OTHER_NAME, VERIFIED, "hostname mismatch"),
        (EXPIRED, VERIFIED, "certificate has expired"),
        (FUTURE, VERIFIED, "not yet valid"),
        (GOOD, {**VERIFIED, "tls.downstream_name": None}, "IP address mismatch"),
        (GOOD, {**VERIFIED, "tls.downstream_fingerprint": OTHER_NAME.fingerprint()}, "another fingerprint"),
        (STRANGER, {**VERIFIED, "tls.downstream_fingerprint": STRANGER.fingerprint()}, "certificate verify failed"),
        (GOOD, {"tls.downstream": "verified", "tls.downstream_fingerprint": STRANGER.fingerprint()}, "another fingerprint"),
    )
    for pair, settings, why in cases:
        sink, daemon = rig(pair, settings)
        with sink, daemon:
            deferred(daemon, sink, why)
            check(why in daemon.wait_log("downstream_down")[0], why, daemon.log_lines("downstream_down"))


@suite.test
def what_is_proof():
    cases = (
        (BY_ADDRESS, {**VERIFIED, "tls.downstream_name": None}),
        (EXPIRED, {"tls.downstream": "verified", "tls.downstream_fingerprint": EXPIRED.fingerprint()}),
        (STRANGER, {"tls.downstream": "verified", "tls.downstream_fingerprint": STRANGER.fingerprint().replace(":", "").lower()}),
        (GOOD, {**VERIFIED, "tls.downstream_fingerprint": GOOD.fingerprint()}),
        (STRANGER, {"tls.downstream": "required"}),
    )
    for pair, settings in cases:
        sink, daemon = rig(pair, settings)
        with sink, daemon:
            equal(send_message(daemon.port, message()).code, 250, settings)
            equal((len(sink.wait(1)), len(sink.tls_sessions)), (1, 1), settings)


@suite.test
def replies_behind_the_220_end_the_connection():
    """What somebody on the way puts behind it would be taken for the server's EHLO reply under TLS."""
    for settings in ({"tls.downstream": "opportunistic"}, {"tls.downstream": "required"}, VERIFIED):
        sink, daemon = rig(GOOD, settings, react={"STARTTLS": "220 go ahead\n250 evil.test"})
        with sink, daemon:
            deferred(daemon, sink, settings)
            daemon.wait_log("downstream_down.*in the clear behind its answer to STARTTLS")


@suite.test
def a_refused_starttls():
    """Whatever the code: it speaks of the connection, and no mail bounces for it."""
    for refusal in ("454 4.7.0 not now", "502 5.5.1 unknown", "554 5.7.1 never"):
        sink, daemon = rig(GOOD, {"tls.downstream": "required"}, react={"STARTTLS": refusal})
        with sink, daemon:
            deferred(daemon, sink, refusal)
            check(refusal[:3] in daemon.wait_log("downstream_down.*demands it")[0], refusal)
    sink, daemon = rig(GOOD, {"tls.downstream": "opportunistic"}, react={"STARTTLS": "454 4.7.0 not now"})
    with sink, daemon:
        equal(send_message(daemon.port, message()).code, 250)
        equal((len(sink.wait(1)), sink.connections), (1, 1), "goes on where it is")


@suite.test
def a_handshake_that_fails():
    """The server says 220 and then closes, resets, is silent, or talks on in the clear."""
    def go_clear(session, argument):
        session.transport.write(b"220 go ahead\r\n")
        session.sink.loop.call_later(0.1, lambda: session.transport.write(b"250-evil.test\r\n250 HELP\r\n"))
        return SILENCE

    def after_220(then):
        def react(session, argument):
            session.transport.write(b"220 go ahead\r\n")
            session.sink.loop.call_later(0.05, lambda: session.end(then == RESET))
            return SILENCE

        return react

    def silent(session, argument):
        session.transport.write(b"220 go ahead\r\n")
        return SILENCE

    for name, react in (("clear", go_clear), ("close", after_220(CLOSE)), ("reset", after_220(RESET)), ("silent", silent)):
        for mode in ("opportunistic", "required"):
            sink, daemon = rig(GOOD, {"tls.downstream": mode, "smtp.downstream_connect_timeout": "1s"}, react={"STARTTLS": react})
            with sink, daemon:
                if mode == "required":
                    deferred(daemon, sink, name)
                    continue
                equal(send_message(daemon.port, message()).code, 250, name)
                equal((sink.wait(1)[0].connection, sink.connections), (2, 2), f"{name}: a fresh connection")
                daemon.wait_log("downstream_clear")


@suite.test
def a_server_that_speaks_only_an_old_version():
    old = server_context(GOOD)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # so it is
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    sink = Sink(tls=old)
    with sink, Daemon(sink.port, {"tls.downstream": "required"}) as daemon:
        deferred(daemon, sink)
        daemon.wait_log("downstream_down.*demands it")
        wait_for("the server's own word of it", lambda: "UNSUPPORTED_PROTOCOL" in "".join(sink.tls_faults))


@suite.test
def a_connection_cut_before_the_end_of_the_final_reply_is_no_receipt():
    """With and without close_notify, before the reply and in the middle of it."""
    def half(way):
        def react(session, argument):
            session.transport.write(b"250 2.0.0 SK000001 Mess")
            session.sink.loop.call_later(0.05, lambda: session.end(way == RESET))
            return SILENCE

        return react

    for way in (CLOSE, RESET):
        for reaction in (way, half(way)):
            sink, daemon = rig(GOOD, VERIFIED, react={"dot": reaction})
            with sink, daemon:
                reply = send_message(daemon.port, message())
                equal(reply.code, 451, reply)
                daemon.wait_log("possible_duplicate")


@suite.test
def stale_connections_are_replaced_unnoticed():
    sink, daemon = rig(GOOD, VERIFIED)
    with sink, daemon:
        for with_reset in (False, True):
            equal(send_message(daemon.port, message()).code, 250)
            sink.end_all(with_reset)
        equal(send_message(daemon.port, message()).code, 250)
        equal([version[1] for version in sink.tls_sessions], ["TLSv1.3"] * 3)


@suite.test
def what_was_offered_in_the_clear_is_forgotten():
    """The second EHLO counts: a keyword that only the first one had is not offered to clients."""
    def offer(session, argument):
        keywords = ["PIPELINING", "SIZE"] if session.secured else ["PIPELINING", "SIZE", "DSN", "8BITMIME", "STARTTLS"]
        return "\n".join(["250-sink.test"] + [f"250-{keyword}" for keyword in keywords] + ["250 HELP"])

    sink, daemon = rig(GOOD, VERIFIED, react={"EHLO": offer})
    with sink, daemon, Client(daemon.port) as client:
        offered = client.ehlo().lines
        check("DSN" not in offered and "8BITMIME" not in offered and "STARTTLS" not in offered, offered)


@suite.test
def a_reload_changes_the_mode():
    sink, daemon = rig(GOOD, {})
    with sink, daemon:
        equal(send_message(daemon.port, message()).code, 250)
        equal(sink.tls_sessions, [])
        daemon.reload(VERIFIED)
        equal(send_message(daemon.port, message()).code, 250)
        equal(len(sink.tls_sessions), 1, "no idle connection in the clear is used any more")
        daemon.reload({"tls.downstream_ca_file": OTHER_CA.certificate})
        with Client(daemon.port) as client:
            client.ehlo()
            equal(client.deliver(message()).code, 451)
        equal(len(sink.wait(2)), 2)


if __name__ == "__main__":
    suite.main(MADE.__exit__)
