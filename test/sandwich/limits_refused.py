#!/usr/bin/python3
"""Every limit on what a client may ask for: passed, it gives the right reply, its name in the log and a count in `status`; what was
taken is given back, which shows when it is passed a second time."""

import contextlib
import re
import socket
import time

from daemon import Daemon, memory_is_telling
from samples import message, own_fields
from suite import Suite, check, equal, wait_for

from client import Client, Closed, send_message
from sink import Sink

suite = Suite()
TEXT = message()


def client(daemon, **options):
    connected = Client(daemon.port, **options)
    connected.ehlo()
    return connected


def status(daemon):
    """`sandwichctl status` as a dictionary of its lines."""
    return dict(line.split(": ", 1) for line in daemon.ctl("status").stdout.splitlines())


def count(daemon, name):
    """How often that limit was reached."""
    for item in status(daemon)["limits"].split(", "):
        if item.rsplit(" ", 1)[0] == name:
            return int(item.rsplit(" ", 1)[1])
    return 0


def sessions(daemon):
    return int(status(daemon)["sessions"].split()[0])


def at_rest(daemon):
    wait_for("no session to be left", lambda: sessions(daemon) == 0)
    equal(status(daemon)["memory"], "0 octets of messages")


@contextlib.contextmanager
def limited(name, times, settings, log=None):
    """(sink, daemon) under these settings; after it that limit, and no other, was reached that often, and nothing is left taken."""
    with Sink() as sink, Daemon(sink.port, settings) as daemon:
        equal(status(daemon)["limits"], "none reached")
        yield sink, daemon
        equal(status(daemon)["limits"], f"{name} {times}")
        daemon.wait_log(rf"warning: limit_reached: {re.escape(name)}: {log or '127.0.0.1'}")
        at_rest(daemon)


def greeting(daemon, source=None):
    with Client(daemon.port, source=source) as c:
        return c.greeting.code


# ---- sessions


@suite.test
def sessions_in_all():
    with limited("max_connections", 4, {"smtp.max_connections": 3, "general.threads": 2}) as (_, daemon):
        for _ in range(2):
            at_rest(daemon)
            held = [client(daemon) for _ in range(3)]
            for _ in range(2):
                with Client(daemon.port) as c:
                    equal((c.greeting.code, c.at_end()), (421, True))
            equal([c.command("NOOP").code for c in held], [250] * 3)
            for c in held:
                c.close()
        at_rest(daemon)
        equal(send_message(daemon.port, TEXT).code, 250)


@suite.test
def sessions_of_one_client():
    settings = {"smtp.max_connections_per_client": 2, "smtp.smtp_allow_client_ip": "addr:127.0.0.0/24"}
    with limited("max_connections_per_client", 2, settings, "127.0.0.2") as (_, daemon):
        for _ in range(2):
            held = [client(daemon, source="127.0.0.2") for _ in range(2)]
            equal(greeting(daemon, "127.0.0.2"), 421)
            equal(greeting(daemon, "127.0.0.3"), 220, "another client")
            for c in held:
                c.command("QUIT")
                c.close()
            at_rest(daemon)


@suite.test
def rate_of_one_client():
    settings = {"smtp.max_connection_rate": 5, "smtp.smtp_allow_client_ip": "addr:127.0.0.0/24"}
    with limited("max_connection_rate", 2, settings, "127.0.0.2") as (_, daemon):
        equal([greeting(daemon, "127.0.0.2") for _ in range(7)], [220] * 5 + [421] * 2)
        equal([greeting(daemon, "127.0.0.3") for _ in range(5)], [220] * 5, "another client")


@suite.test
def a_rate_comes_back_evenly():
    with Sink() as sink, Daemon(sink.port, {"smtp.max_connection_rate": 30}) as daemon:
        equal([greeting(daemon) for _ in range(31)], [220] * 30 + [421])
        for _ in range(2):  # one every two seconds, and no more than that
            wait_for("a connection of the rate to be given back", lambda: greeting(daemon) == 220, 5)
            equal(greeting(daemon), 421, "a second one")
        check(count(daemon, "max_connection_rate") >= 3, daemon.ctl("status").stdout)


# ---- commands


@suite.test
def commands_of_one_session():
    with limited("max_commands", 2, {"smtp.max_commands": 100}) as (sink, daemon):
        for _ in range(2):
            with client(daemon) as c:
                c.envelope()
                c.send("NOOP\r\n" * 97)
                equal({reply.code for reply in c.replies(97)}, {250})
                equal((c.command("DATA").code, c.at_end()), (421, True))
        equal(send_message(daemon.port, TEXT).code, 250)
        equal(len(sink.messages), 1)


@suite.test
def bad_commands_of_one_session():
    with limited("max_errors", 2, {"smtp.max_errors": 3}) as (_, daemon):
        for _ in range(2):
            with client(daemon) as c:
                equal([c.command("WHAT").code for _ in range(4)], [500, 500, 500, 421])
                check(c.at_end())


@suite.test
def length_of_a_command():
    with limited("command_line", 2, {}) as (_, daemon):
        with client(daemon) as c:
            for _ in range(2):
                c.send("NOOP " + "x" * 10000 + "\r\n")
                equal(c.reply().code, 500)
            equal(c.deliver(TEXT).code, 250, "in step")


@suite.test
def recipients_of_one_message():
    with limited("max_recipients", 6, {"smtp.max_recipients": 100}) as (sink, daemon):
        with client(daemon) as c:
            for _ in range(2):
                replies = c.envelope(recipients=[f"r{number}@to.test" for number in range(103)])
                equal([reply.code for reply in replies], [250] * 101 + [452] * 3)
                equal(c.text(TEXT).code, 250)
        equal([len(m.recipients) for m in sink.wait(2)], [100, 100])


# ---- messages


@suite.test
def size_by_count_whatever_was_declared():
    with limited("message_size_limit", 4, {"smtp.message_size_limit": "64k"}) as (sink, daemon):
        with client(daemon) as c:
            for _ in range(2):
                equal(c.command("MAIL FROM:<a@from.test> SIZE=65537").code, 552)
                equal(c.deliver(TEXT + b"y" * 70000, mail_parameters=" SIZE=10").code, 552)
            equal(sink.messages, [])
            equal(c.deliver(TEXT).code, 250)


@suite.test
def header_of_a_message():
    with Sink() as sink, Daemon(sink.port, {"smtp.max_header_size": "64k", "smtp.max_header_fields": 100}) as daemon:
        field = b"X-Long: " + b"x" * 990 + b"\r\n"
        with client(daemon) as c:
            for _ in range(2):
                equal(c.deliver(field * 70 + b"\r\ntext\r\n").code, 552)
                equal(c.deliver(field * 70).code, 552, "a header without an end")
                equal(c.deliver(b"A: b\r\n" * 101 + b"\r\ntext\r\n").code, 552)
                equal(c.deliver(b"no field\r\n" * 101).code, 552)
            equal(sink.messages, [])
            for fits in (field * 60 + b"\r\n" + field * 90, b"A: b\r\n" * 100 + b"\r\n" + b"C: d\r\n" * 200):
                equal(c.deliver(fits).code, 250)
        equal((count(daemon, "max_header_size"), count(daemon, "max_header_fields")), (4, 4))
        for name in ("max_header_size", "max_header_fields"):
            daemon.wait_log(f"limit_reached: {name}: 127.0.0.1")
        equal(len(sink.wait(2)), 2)


@suite.test
def memory_of_messages():
    with limited("message_memory", 4, {"smtp.message_memory": "1m", "general.threads": 2}) as (sink, daemon):
        part = TEXT + b"m" * 600000 + b"\r\n"
        for round_number in range(2):
            begun = [client(daemon) for _ in range(2)]
            for c in begun:
                c.envelope()
                equal(c.command("DATA").code, 354)
                c.send(part)
            wait_for("the text to be there", lambda: int(status(daemon)["memory"].split()[0]) >= 1200000)
            with client(daemon) as c:
                for _ in range(2):
                    reply = c.command("MAIL FROM:<a@from.test>")
                    equal((reply.code, reply.text.split()[0]), (452, "4.3.1"))
                begun[0].close()  # what was taken is free again, whatever way it ended
                wait_for("memory", lambda: int(status(daemon)["memory"].split()[0]) < 700000)
                equal(c.deliver(TEXT).code, 250)
            begun[1].send(b".\r\n")
            equal(begun[1].reply().code, 250, "what was begun is finished")
            begun[1].close()
            at_rest(daemon)
            equal(len(sink.wait(2 * round_number + 2)), 2 * round_number + 2)


@suite.test
def large_messages_leave_memory():
    with Sink() as sink, Daemon(sink.port) as daemon, client(daemon) as c:
        c.envelope()
        c.command("DATA")
        c.send(TEXT + b"f" * 900000 + b"\r\n")
        wait_for("memory in use", lambda: not status(daemon)["memory"].startswith("0 "))
        c.send(b"f" * 900000 + b"\r\n")
        wait_for("the message to be in a file", lambda: status(daemon)["memory"].startswith("0 "))
        c.send(b".\r\n")
        equal(c.reply().code, 250)
        equal(len(sink.wait(1)), 1)


@suite.test
def disk_of_the_spool():
    with limited("spool_disk_floor", 4, {"smtp.spool_disk_floor": "1000000g"}) as (sink, daemon):
        with client(daemon) as c:
            for _ in range(2):
                for _ in range(2):
                    reply = c.command("MAIL FROM:<a@from.test>")
                    equal((reply.code, reply.text.split()[0]), (452, "4.3.1"))
                daemon.reload({"smtp.spool_disk_floor": "1m"})
                equal(c.deliver(TEXT).code, 250, "room again, in the same session")
                daemon.reload({"smtp.spool_disk_floor": "1000000g"})
        equal(len(sink.wait(2)), 2)


# ---- time


def ends_with_421(c):
    """The session's end, with 421 before it unless the reset came first."""
    try:
        equal(c.reply().code, 421)
    except Closed:
        pass
    check(c.at_end())


def trickle(c, octets, seconds):
    """One octet after the other until the connection breaks; how long that took."""
    begin = time.monotonic()
    c.socket.settimeout(0.05)
    for octet in octets:
        try:
            c.send(bytes([octet]))
            if c.socket.recv(1000) == b"" or time.monotonic() - begin > seconds:
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - begin


@suite.test
def time_for_a_command():
    """For the whole of it: who sends an octet now and then gains nothing."""
    with limited("command_timeout", 4, {"smtp.command_timeout": "1s"}) as (_, daemon):
        for _ in range(2):
            with client(daemon) as c:
                ends_with_421(c)
            with client(daemon) as c:
                took = trickle(c, b"NOOP " + b"x" * 200 + b"\r\n", 6)
                check(0.5 < took < 4, f"an unfinished command was waited for {took:.1f} s")


@suite.test
def time_between_two_pieces_of_text():
    with limited("data_timeout", 2, {"smtp.data_timeout": "1s"}) as (sink, daemon):
        for _ in range(2):
            with client(daemon) as c:
                c.envelope()
                c.command("DATA")
                c.send(TEXT)
                ends_with_421(c)
        equal((sink.messages, sink.texts), ([], 0))


@suite.test
def time_for_a_whole_text():
    with limited("data_total_timeout", 2, {"smtp.data_total_timeout": "1s"}) as (sink, daemon):
        for _ in range(2):
            with client(daemon) as c:
                equal(c.deliver(TEXT).code, 250, "in time")
                c.envelope()
                c.command("DATA")
                took = trickle(c, TEXT * 3, 6)
                check(0.5 < took < 4, f"a text was waited for {took:.1f} s")
        equal([own_fields(m.data)[1] for m in sink.messages], [TEXT, TEXT])


@suite.test
def time_for_a_session():
    with limited("session_timeout", 3, {"smtp.session_timeout": "1s"}) as (sink, daemon):
        for _ in range(2):
            with client(daemon) as c, contextlib.suppress(Closed):
                for _ in range(200):
                    reply = c.command("NOOP")
                    if reply.code != 250:
                        break
                    time.sleep(0.02)
                equal(reply.code, 421)
        at_rest(daemon)
        with client(daemon) as c:  # a text that has begun is finished first
            c.envelope()
            c.command("DATA")
            time.sleep(1.2)
            c.send(TEXT + b".\r\n")
            equal(c.reply().code, 250)
            c.socket.settimeout(5)
            equal((c.reply().code, c.at_end()), (421, True))
        equal(len(sink.messages), 1)


def resident(daemon):
    with open(f"/proc/{daemon.pids('proxy')[0]}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


def pour(daemon, seconds):
    """Sends commands and reads no reply, or an octet at a time; how long until the connection broke."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect(("127.0.0.1", daemon.port))
    begin, sent = time.monotonic(), 0
    with raw:
        raw.settimeout(0.05)
        while time.monotonic() - begin < seconds:
            try:
                sent += raw.send(b"HELP\r\n" * 2000)
            except TimeoutError:
                try:
                    raw.recv(1)
                except TimeoutError:
                    continue
                except OSError:
                    break
            except OSError:
                break
        return time.monotonic() - begin, sent


@suite.test
def a_client_that_does_not_read():
    with limited("command_timeout", 2, {"smtp.command_timeout": "1s", "smtp.max_commands": 1000000000,
                                             "smtp.message_size_limit": "64k"}) as (_, daemon):
        before = resident(daemon)
        for _ in range(2):
            took, sent = pour(daemon, 8)
            check(took < 6, f"a client that reads an octet now and then was served for {took:.1f} s")
            check(sent < 16 << 20, f"{sent} octets of commands were taken from a client that does not read")
        grown = resident(daemon) - before
        check(not memory_is_telling() or grown < 4 << 20, f"grew by {grown} octets")


@suite.test
def a_client_that_reads_late_gets_every_reply():
    with Sink() as sink, Daemon(sink.port) as daemon, client(daemon) as c:
        replies = 40000
        c.socket.setblocking(False)
        wire, got = b"HELP\r\n" * replies, 0
        begin = time.monotonic()
        while wire:
            try:
                wire = wire[c.socket.send(wire[:65536]):]
            except BlockingIOError:
                with contextlib.suppress(BlockingIOError):
                    got += c.socket.recv(65536).count(b"\n")
            check(time.monotonic() - begin < 20, f"stuck with {len(wire)} octets to send, {got} replies")
        c.socket.settimeout(5)
        while got < replies:
            piece = c.socket.recv(65536)
            check(piece, f"closed after {got} replies")
            got += piece.count(b"\n")
        equal(got, replies)
        equal(c.command("NOOP").code, 250)


# ---- the log


@suite.test
def a_flood_leaves_few_lines_and_all_counts():
    with limited("max_errors", 300, {"smtp.max_errors": 1}) as (_, daemon):
        for _ in range(300):
            with Client(daemon.port, greet=False) as c:
                c.send("A\r\nB\r\n")
                equal([reply.code for reply in c.replies(3)], [220, 500, 421])
        check(1 <= len(daemon.log_lines("limit_reached: max_errors")) <= 3, "one line for many")


if __name__ == "__main__":
    suite.main()
