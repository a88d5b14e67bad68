#!/usr/bin/python3
"""The text of a message on its way: dots, line ends, and sequences that look like an end of data to somebody."""

import base64
import itertools
import os
import re
import time
from random import Random

import corpus
from canonical import decode, end_of_data
from daemon import Daemon
from samples import message, own_fields
from suite import Suite, check, equal
from world import World

from client import Client, stuff
from sink import Sink

suite = Suite()
WORLD = World({"general.threads": 1})
HEAD = b"Subject: outer\r\n\r\nfirst line\r\n"
SMUGGLED = b"MAIL FROM:<attacker@evil.test>\r\nRCPT TO:<victim@to.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nsmuggled"


def client(daemon):
    connected = Client(daemon.port)
    connected.ehlo()
    return connected


def send_wire(c, wire, piecewise=0):
    """Sends these very octets after DATA (the end of data is in them); the final reply."""
    c.envelope()
    equal(c.command("DATA").code, 354)
    if piecewise:
        for at in range(0, len(wire), piecewise):
            c.send(wire[at:at + piecewise])
            if at % 16 == 0:
                time.sleep(0.0002)
    else:
        c.send(wire)
    return c.reply()


@suite.test
def lines_that_begin_with_dots():
    sink, daemon = WORLD.get()
    texts = [message(body) for body in (
        b".\r\n", b"..\r\n", b"...\r\n", b".\r\n.\r\n.\r\n", b".a\r\n..b\r\n...c\r\n", b"a\r\n.\r\nb\r\n", b"\r\n.\r\n\r\n",
        b"x" * 65530 + b"\r\n.\r\n", b"." * 70000 + b"\r\n", b"\r\n" * 1000 + b".\r\n" * 1000)]
    texts += [b".\r\n", b".Subject: x\r\n\r\ny\r\n", b"\r\n", b""]
    with client(daemon) as c:
        for text in texts:
            c.envelope()
            equal(c.command("DATA").code, 354)
            c.send((stuff(text) if text else b"") + b".\r\n")
            equal(c.reply().code, 250, text[:50])
    got = sink.wait(len(texts))
    for text, arrived in zip(texts, got):
        equal(own_fields(arrived.data)[1], text, "dots")


@suite.test
def every_octet_survives():
    sink, daemon = WORLD.get()
    octets = bytes(octet for octet in range(256) if octet not in (10, 13))
    text = message(octets + b"\r\n" + octets[::-1] + b"\r\n", headers=("Content-Type: application/octet-stream",))
    with client(daemon) as c:
        equal(c.deliver(text, mail_parameters=" BODY=8BITMIME").code, 250)
    equal(own_fields(sink.wait(1)[0].data)[1], text)


@suite.test
def long_lines_are_not_broken():
    sink, daemon = WORLD.get()
    text = message(b"x" * 998 + b"\r\n" + b"y" * 5000 + b"\r\n" + b"z" * 3000000 + b"\r\n", headers=("X-Long: " + "h" * 20000,))
    with client(daemon) as c:
        equal(c.deliver(text).code, 250)
    equal(own_fields(sink.wait(1)[0].data)[1], text)


@suite.test
def large_messages_are_identical():
    """Below and above the size at which a message goes to a file."""
    sink, daemon = WORLD.get()
    line = bytes(range(33, 111)) + b"\r\n"  # no blank at its start: libclamav has a limit for folded lines
    texts = [message((line * (size // 80 + 1))[:size] + b"\r\n") for size in (1 << 20, (1 << 20) + 1, (1 << 20) - 400, 20 << 20)]
    with client(daemon) as c:
        for text in texts:
            equal(c.deliver(text).code, 250, f"{len(text)} octets")
    for text, arrived in zip(texts, sink.wait(len(texts))):
        check(own_fields(arrived.data)[1] == text, f"a message of {len(text)} octets has changed")


def any_text(random):
    """What a client sends, up to the end of data: plain, or with dots and strange line ends, rarely or often."""
    size = random.choice((40_000, 70_000, 90_000, 300_000, 1_000_000, 1_150_000, 1_250_000, 1_400_000)) + random.randrange(30_000)
    line = bytes(random.randrange(33, 127) for _ in range(random.randrange(1, 200)))
    odd = random.choice(((), (b"..\r\n", b"..x\r\n"), (b".a\r\n",), (b"a\n", b"b\rc"), (b"..\r\n", b"a\nb\r\n", b"\r\r\n", b"\n..\r\n", b"\r.")))
    every = random.choice((1, 30, 1000, 20_000))
    text = bytearray(HEAD)
    while len(text) < size:
        text += random.choice(odd) if odd and random.randrange(every) == 0 else line.replace(b".", b"") + b"\r\n"
    return bytes(text) + (b"" if text.endswith(b"\r\n") else b"\r\n")


@suite.test
def texts_of_all_kinds_however_they_are_cut():
    """Three connections at once that take turns, so that each is interrupted everywhere; what a mail before has left shows in none. Not
    scanned, so that memory is used again."""
    random = Random(5321)
    with Sink() as sink, Daemon(sink.port, {"general.threads": 1, "scanner.clamav.enable": "no"}) as daemon:
        clients = [client(daemon) for _ in range(3)]
        for _ in range(25):
            sink.forget()
            wires = {}
            for number, c in enumerate(clients):
                wires[c] = any_text(random)
                announced = random.choice((f" SIZE={len(wires[c])}", "", " SIZE=10", " SIZE=5000000"))
                c.envelope(sender=f"{number}@from.test", mail_parameters=announced)
                equal(c.command("DATA").code, 354)
            left = {c: wire + b".\r\n" for c, wire in wires.items()}
            while left:
                c = random.choice(list(left))
                octets = random.choice((1, 2, 500, 5_000, 70_000, 300_000))
                c.send(left[c][:octets])
                left[c] = left[c][octets:]
                if not left[c]:
                    del left[c]
            for c in clients:
                equal(c.reply().code, 250)
            got = {arrived.mail.split()[0]: arrived for arrived in sink.wait(len(clients))}
            for number, c in enumerate(clients):
                arrived = got[f"<{number}@from.test>"]
                check(own_fields(arrived.data)[1] == decode(wires[c]), f"a text of {len(wires[c])} octets has changed")
                check(not re.search(rb"(?<!\r)\n|\r(?!\n)", arrived.wire), "bare CR or LF left the proxy")
        for c in clients:
            c.close()


@suite.test
def what_comes_with_the_end_of_a_large_message_is_read():
    """Received in one piece with the text, it stands in the same memory, and that is cut off when a scanner gets the message."""
    sink, daemon = WORLD.get()
    for size in (90_000, 95_000, 300_000, 1_100_000):
        text = message(b"line of text\r\n" * (size // 14))
        with client(daemon) as c:
            c.envelope()
            equal(c.command("DATA").code, 354)
            c.send(stuff(text) + b".\r\nQUIT\r\n")
            equal((c.reply().code, c.reply().code), (250, 221))
            check(c.at_end(), "the connection is closed")
        check(own_fields(sink.wait(1)[0].data)[1] == text, f"a text of {len(text)} octets has changed")
        sink.forget()


@suite.test
def bare_line_ends_follow_the_rule():
    sink, daemon = WORLD.get()
    wires = [HEAD + middle + b"\r\n.\r\n" for middle in (
        b"a\nb", b"a\rb", b"a\r\rb", b"a\n\nb", b"a\n\rb", b"a\r\r\nb", b"a\r", b"a\n", b"\n", b"\r", b"a\n.b", b"a\r.b", b".\rb", b".\nb", b"..\rb")]
    wires.append(b"Subject: x\ry: z\n\nbody\r\n.\r\n")
    with client(daemon) as c:
        for wire in wires:
            equal(send_wire(c, wire).code, 250)
    for wire, arrived in zip(wires, sink.wait(len(wires))):
        equal(own_fields(arrived.data)[1], decode(wire[:end_of_data(wire)]), repr(wire))
        check(not re.search(rb"(?<!\r)\n|\r(?!\n)", arrived.wire), "bare CR or LF left the proxy", wire)


def one_in_one_out(sequences, lenient, piecewise=0):
    """Each sequence stands before an attempt to smuggle; the sink may be one that takes all kinds of ends for real."""
    sink, daemon = WORLD.get()
    sink.lenient = lenient
    try:
        with client(daemon) as c:
            for sequence in sequences:
                sink.forget()
                wire = HEAD + sequence + SMUGGLED + b"\r\n.\r\n"
                equal(end_of_data(wire), len(wire) - 3, f"{sequence!r} is an end of data: not for this test")
                reply = send_wire(c, wire, piecewise)
                equal(reply.code, 250, repr(sequence))
                equal(c.command("NOOP").code, 250, f"in step after {sequence!r}")
                equal([m.mail for m in sink.messages], ["<a@from.test>"], f"messages at the sink after {sequence!r}")
                equal(own_fields(sink.messages[0].data)[1], decode(wire[:-3]), repr(sequence))
                equal(sink.faults, [])
    finally:
        sink.lenient = False


def generated():
    before = (b"\r\n", b"\n", b"\r", b"\r\r\n", b"\n\r", b"\x00\r\n", b"\r\x00\n", b"\r\n\r", b"\x85", b"")
    dot = (b".", b"..", b".\x00", b"\x00.", b" .", b". ")
    after = (b"\r\n", b"\n", b"\r", b"\r\r\n", b"\n\r\n", b"\r\x00\n", b"\x00\r\n", b"\x85", b"")
    for parts in itertools.product(before, dot, after):
        sequence = b"x" + b"".join(parts)
        if end_of_data(HEAD + sequence + SMUGGLED) is None:
            yield sequence


@suite.test
def generated_sequences_strict_downstream():
    one_in_one_out(generated(), lenient=False)


@suite.test
def generated_sequences_lenient_downstream():
    one_in_one_out(generated(), lenient=True)


@suite.test
def generated_sequences_in_small_pieces():
    one_in_one_out(list(generated())[::7], lenient=True, piecewise=3)


@suite.test
def collected_sequences():
    """Thirteen, each before an attempt to smuggle. Some are a real end of data with a NUL beside it, or are one for everybody: then what
    follows is held back with the message, which leaves nothing to be delivered."""
    path = os.path.join(corpus.directory(), "smuggling", "smtp-smuggling-lab", "payloads.yaml")
    with open(path, encoding="utf-8") as file:
        payloads = [base64.b64decode(match) for match in re.findall(r'bytes_b64: "([^"]+)"', file.read())]
    equal(len(payloads), 13)
    attempts = [b"x" + payload for payload in payloads]
    texts = [one for one in attempts if end_of_data(HEAD + one + SMUGGLED) is None]
    ends = [one for one in attempts if one not in texts]
    check(len(texts) >= 9 and len(ends) >= 3, f"{len(texts)} are text and {len(ends)} are ends")
    for piecewise in (0, 1):
        one_in_one_out(texts, lenient=True, piecewise=piecewise)
    one_in_one_held(ends)


def one_in_one_held(sequences):
    sink, daemon = WORLD.get()
    for sequence in sequences:
        wire = HEAD + sequence + SMUGGLED + b"\r\n.\r\n"
        with client(daemon) as c:
            reply = send_wire(c, wire)
            check("held in quarantine" in reply.text, repr(sequence), reply)
            check(c.at_end(), "the connection is closed")
    equal(sink.messages, [], "messages at the sink")


@suite.test
def a_real_end_with_nul_beside_it_ends_the_message():
    sink, daemon = WORLD.get()
    with client(daemon) as c:
        equal(send_wire(c, HEAD + b"x\x00\r\n.\r\n").code, 250)
        equal(c.command("NOOP").code, 250)
    equal(own_fields(sink.wait(1)[0].data)[1], HEAD + b"x\x00\r\n")
    one_in_one_held([b"x\x00\r\n.\r\n", b"x\r\n.\r\n\x00"])


@suite.test
def bare_line_ends_are_refused_where_that_is_wanted():
    with Sink() as sink, Daemon(sink.port, {"smtp.bare_newline": "reject"}) as daemon, client(daemon) as c:
        for body in (b"a\nb", b"a\rb", b"a\r", b"\n.\n", b"\r.\r", b"a\r\n.\nb"):
            reply = send_wire(c, HEAD + body + b"\r\n.\r\n")
            equal((reply.code, reply.text.split()[0]), (550, "5.5.2"), repr(body))
        daemon.wait_log(r"bare_newline: \w+: 1 from 127\.0\.0\.1: refused")
        daemon.wait_log(r"dsn=5\.5\.2.*stat=Service unavailable: bare CR or LF")
        equal(sink.messages, [])
        equal(c.deliver(message(b".a\r\n")).code, 250, "canonical text")
        equal(len(sink.wait(1)), 1)
        c.envelope(sender="")
        c.command("DATA")
        c.send(HEAD + b"a\nb\r\n.\r\n")
        check("held in quarantine" in c.reply().text, "a bounce that is refused is lost")
    equal(len(sink.messages), 1)


@suite.test
def a_message_too_big_is_swallowed_to_its_real_end():
    with Sink() as sink:
        with Daemon(sink.port, {"smtp.message_size_limit": "64k"}) as daemon, client(daemon) as c:
            wire = HEAD + b"b" * 70000 + b"\n.\nHELP\r\nHELP\r\n" + SMUGGLED + b"\r\n.\r\n"
            equal(send_wire(c, wire).code, 552)
            equal(c.command("NOOP").code, 250)
            equal(sink.messages, [])


if __name__ == "__main__":
    suite.main(WORLD.close)
