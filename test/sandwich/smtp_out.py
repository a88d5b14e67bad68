#!/usr/bin/python3
"""The downstream side as a connection: pooling, servers that break, hang, dribble or vanish, and who is told what, when."""

import re
import time

from daemon import Daemon
from samples import message, own_fields
from suite import Suite, check, equal, wait_for
from world import World

from client import Client, Closed, send_message
from sink import CLOSE, RESET, SILENCE, Delay, Dribble, Sequence, Sink

suite = Suite()
WORLD = World({"general.threads": 1})
AT_ONCE = 2.0  # seconds


def client(daemon):
    connected = Client(daemon.port)
    connected.ehlo()
    return connected


def timed(action):
    begin = time.monotonic()
    return action(), time.monotonic() - begin


# ---- the pool


@suite.test
def one_connection_for_five_messages():
    with Sink() as sink, Daemon(sink.port, {"general.threads": 1}) as daemon:
        for number in range(5):
            equal(send_message(daemon.port, message(f"{number}\r\n")).code, 250)
        got = sink.wait(5)
        equal({m.connection for m in got}, {1})
        equal(sink.connections, 1)
        equal([own_fields(m.data)[1] for m in got], [message(f"{number}\r\n") for number in range(5)])


@suite.test
def a_connection_is_worn_after_so_many_messages():
    with Sink() as sink, Daemon(sink.port, {"general.threads": 1, "smtp.downstream_max_messages": 2}) as daemon:
        for _ in range(6):
            equal(send_message(daemon.port, message()).code, 250)
        equal([m.connection for m in sink.wait(6)], [1, 1, 2, 2, 3, 3])
        sink.wait_until("the worn ones to be closed", lambda: sink.open_connections == 0, 5)
        equal(len(sink.lines("QUIT")), 3, "QUIT on the worn ones")


@suite.test
def an_idle_connection_is_closed_in_time():
    with Sink() as sink, Daemon(sink.port, {"smtp.downstream_idle_timeout": "1s"}) as daemon:
        equal(send_message(daemon.port, message()).code, 250)
        sink.wait_until("the idle connection to be closed", lambda: sink.open_connections == 0, 5)
        check(sink.lines("QUIT"), "no QUIT")


@suite.test
def stale_connections_are_replaced_unnoticed():
    sink, daemon = WORLD.get()
    for with_reset in (False, True):
        for _ in range(3):
            equal(send_message(daemon.port, message()).code, 250)
            sink.end_all(with_reset)
            equal(send_message(daemon.port, message()).code, 250, f"after an idle end, reset={with_reset}")
    equal(len(sink.wait(12)), 12)
    equal(daemon.log_lines("Deferred"), [])


@suite.test
def a_pooled_connection_that_dies_on_use_is_replaced():
    """The server closes when the next MAIL comes, as one does whose time-out has just run out."""
    sink, daemon = WORLD.get()
    for way in (CLOSE, RESET):
        equal(send_message(daemon.port, message()).code, 250)
        used = []

        def once(session, argument, way=way, used=used):
            if not used:
                used.append(session.number)
                return way
            return None

        sink.react["MAIL"] = once
        equal(send_message(daemon.port, message()).code, 250, f"{way}")
        check(used, "the pooled connection was not used")
        sink.react.clear()


@suite.test
def an_idle_server_that_says_421():
    sink, daemon = WORLD.get()
    equal(send_message(daemon.port, message()).code, 250)
    sink.say_all("421 4.4.2 idle for too long")
    time.sleep(0.1)
    sink.end_all()
    equal(send_message(daemon.port, message()).code, 250)
    equal(len(sink.wait(2)), 2)


@suite.test
def a_pooled_connection_that_says_421_to_mail():
    """RFC 5321 section 3.8: any command may be answered by 421; on a connection that idled it speaks of that only."""
    sink, daemon = WORLD.get()
    equal(send_message(daemon.port, message()).code, 250)
    sink.react["MAIL"] = Sequence("421 4.4.2 idle for too long")
    reply = send_message(daemon.port, message())
    equal(reply.code, 250, reply)  # tried again on a fresh connection
    sink.react.clear()
    equal(send_message(daemon.port, message()).code, 250)


# ---- breaking off


@suite.test
def the_answer_comes_at_once_when_downstream_breaks():
    sink, daemon = WORLD.get()
    for way in (CLOSE, RESET):
        for stage in ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "dot"):
            sink.forget()
            sink.end_all()
            time.sleep(0.05)
            with client(daemon) as c:
                sink.end_all()
                time.sleep(0.05)
                sink.react[stage] = way
                reply, seconds = timed(lambda: c.deliver(message()))
                equal(reply.code, 451, f"{way} at {stage}")
                check(seconds < AT_ONCE, f"{way} at {stage}: after {seconds:.1f} s")
                equal(sink.messages, [])
                sink.react.clear()
                c.command("RSET")
                if stage in ("greeting", "EHLO"):
                    daemon.wait_downstream()
                equal(c.deliver(message()).code, 250, f"the mail after {way} at {stage}")
                equal(len(sink.messages), 1)
    check(daemon.log_lines("possible_duplicate"), "a break after the dot is not logged as possible duplicate")


@suite.test
def a_break_within_the_text_is_answered_at_once():
    sink, daemon = WORLD.get()
    text = message(b"x" * 78 + b"\r\n") + (b"y" * 78 + b"\r\n") * 60000
    for then in ("close", "reset"):
        sink.forget()
        sink.react["body"] = None
        sink.early = (100000, "451 4.3.0 never heard", then)
        with client(daemon) as c:
            reply, seconds = timed(lambda: c.deliver(text))
            equal(reply.code, 451, then)
            check(seconds < AT_ONCE + 3, f"after {seconds:.1f} s")
            sink.early = None
            equal(c.deliver(message()).code, 250)
        equal(len(sink.messages), 1)


@suite.test
def an_early_452_within_five_megabytes():
    sink, daemon = WORLD.get()
    text = message(b"x" * 78 + b"\r\n") + (b"y" * 78 + b"\r\n") * 64000
    for then in ("close", "drain"):
        sink.forget()
        sink.early = (200000, "452 4.3.1 disk full", then)
        with client(daemon) as c:
            reply, seconds = timed(lambda: c.deliver(text))
            equal((reply.code, reply.text), (452, "4.3.1 disk full"), then)
            check(seconds < 10, f"{then}: after {seconds:.1f} s")
            sink.early = None
            equal(c.deliver(message()).code, 250, f"the mail after, {then}")
        equal(len(sink.messages), 1)


@suite.test
def downstream_that_breaks_while_the_text_comes_in():
    sink, daemon = WORLD.get()
    with client(daemon) as c:
        c.envelope()
        equal(c.command("DATA").code, 354)
        c.send(message())
        sink.end_all()
        time.sleep(0.2)
        c.send(b".\r\n")
        reply, seconds = timed(c.reply)
        equal(reply.code, 451)
        check(seconds < AT_ONCE, f"after {seconds:.1f} s")
        equal(c.deliver(message()).code, 250)
    equal(len(sink.messages), 1)


@suite.test
def downstream_that_breaks_between_rcpt_and_data():
    sink, daemon = WORLD.get()
    with client(daemon) as c:
        equal([reply.code for reply in c.envelope()], [250, 250])
        sink.end_all()
        time.sleep(0.2)
        reply = c.command("DATA")
        if reply.code == 354:
            c.send(message() + b".\r\n")
            reply = c.reply()
        equal(reply.code, 451)
        equal(c.deliver(message()).code, 250)
    equal(len(sink.messages), 1)


@suite.test
def second_recipient_meets_a_broken_connection():
    sink, daemon = WORLD.get()
    with client(daemon) as c:
        equal([reply.code for reply in c.envelope()], [250, 250])
        sink.end_all()
        time.sleep(0.2)
        equal(c.command("RCPT TO:<c@to.test>").code, 451)
        check(c.command("DATA").code in (451, 503, 554))
        c.command("RSET")
        equal(c.deliver(message()).code, 250)


# ---- slow ones


@suite.test
def a_slow_server_is_waited_for():
    sink, daemon = WORLD.get()
    for stage in ("MAIL", "RCPT", "DATA", "dot"):
        sink.react[stage] = Delay(0.4)
    with client(daemon) as c:
        reply, seconds = timed(lambda: c.deliver(message()))
        equal(reply.code, 250)
        check(seconds > 1.2, f"answered after {seconds:.1f} s: before the server")
    equal(len(sink.messages), 1)


@suite.test
def replies_octet_by_octet():
    sink, daemon = WORLD.get()
    sink.end_all()
    sink.react.update(greeting=Dribble("220-sink.test\n220 ESMTP", 0.002), MAIL=Dribble("250 2.1.0 ok", 0.002),
                      RCPT=Dribble("550-5.1.1 a\n550 5.1.1 b", 0.002))
    with client(daemon) as c:
        reply = c.envelope()[1]
        equal((reply.code, reply.lines), (550, ["5.1.1 a", "5.1.1 b"]))
        sink.react.update(RCPT=Dribble("250 2.1.5 ok", 0.002), DATA=Dribble("354 go", 0.002),
                          dot=Dribble("250-2.0.0 X1\n250 2.0.0 taken", 0.002))
        c.command("RSET")
        reply = c.deliver(message())
        check(reply.code == 250 and "(X1 taken)" in reply.text, reply)


@suite.test
def silence_is_bounded():
    times = {"smtp.downstream_connect_timeout": "1s", "smtp.downstream_command_timeout": "1s", "smtp.downstream_final_timeout": "1s"}
    with Sink() as sink, Daemon(sink.port, times) as daemon:
        with client(daemon) as c:
            for stage in ("MAIL", "RCPT", "DATA", "dot"):
                sink.react = {stage: SILENCE}
                reply, seconds = timed(lambda: c.deliver(message()))
                equal(reply.code, 451, stage)
                check(0.5 < seconds < 4, f"{stage}: after {seconds:.1f} s")
                sink.react = {}
                c.command("RSET")
                equal(c.deliver(message()).code, 250, f"the mail after silence at {stage}")
        # When the answer did not come, and when the same mail came again.
        equal(len(daemon.log_lines("possible_duplicate")), 2, "silence after the dot")
        for stage in ("greeting", "EHLO"):
            sink.end_all()
            sink.react = {stage: SILENCE}
            with Client(daemon.port) as c:
                c.command("HELO x")
                reply, seconds = timed(lambda: c.envelope()[1])
                equal(reply.code, 451, stage)
                check(0.5 < seconds < 4, f"{stage}: after {seconds:.1f} s")
            sink.react = {}
            daemon.wait_downstream()


@suite.test
def a_server_that_reads_slowly():
    """Backpressure: a big message to a server that stops reading for a while is not buffered without end, nor given up."""
    sink, daemon = WORLD.get()
    text = message(b"x" * 78 + b"\r\n") + (b"z" * 78 + b"\r\n") * 100000
    sink.react["DATA"] = Delay(0.1)
    with client(daemon) as c:
        c.envelope()
        equal(c.command("DATA").code, 354)
        c.send(text)
        sink.wait_until("a connection", lambda: sink.sessions)
        for session in list(sink.sessions):
            sink.loop.call_soon_threadsafe(session.transport.pause_reading)
        c.send(b".\r\n")
        time.sleep(1)
        for session in list(sink.sessions):
            sink.loop.call_soon_threadsafe(session.transport.resume_reading)
        equal(c.reply().code, 250)
    equal(own_fields(sink.wait(1)[0].data)[1], text)


# ---- the upstream vanishes


def vanish_before_the_dot(reset):
    sink, daemon = WORLD.get()
    for last in ("envelope", "DATA", "text", "almost"):
        c = client(daemon)
        c.envelope()
        if last != "envelope":
            equal(c.command("DATA").code, 354)
        if last in ("text", "almost"):
            c.send(message())
        if last == "almost":
            c.send(b".\r")
        if reset:
            c.reset_connection()
        else:
            c.close()
    time.sleep(0.5)
    equal(sink.messages, [], "delivered although the end of data never came")
    equal(sink.lines("DATA"), [])
    equal(send_message(daemon.port, message()).code, 250)


@suite.test
def an_upstream_that_closes_before_the_dot_delivers_nothing():
    vanish_before_the_dot(False)


@suite.test
def an_upstream_that_resets_before_the_dot_delivers_nothing():
    vanish_before_the_dot(True)


@suite.test
def an_upstream_that_vanishes_after_the_dot_went_downstream():
    for end in ("close", "reset"):
        with Sink(react={"dot": Delay(1.0)}) as sink, Daemon(sink.port) as daemon:
            c = client(daemon)
            c.envelope()
            c.command("DATA")
            c.send(message() + b".\r\n")
            sink.wait_until("the dot", lambda: sink.texts == 1)
            if end == "close":
                c.close()
            else:
                c.reset_connection()
            equal(len(sink.wait(1, 5)), 1)
            time.sleep(0.2)
            equal(len(sink.messages), 1)
            lines = daemon.wait_log(r"from=<a@from\.test>.*stat=Sent")
            equal(len(lines), 1)
            wait_for("the session to be gone", lambda: "sessions: 0 now" in daemon.ctl("status").stdout)


@suite.test
def an_upstream_that_vanishes_while_data_is_asked_downstream():
    """The dot has not left yet: nothing may be delivered, for the upstream will send it again."""
    with Sink(react={"DATA": Delay(0.7)}) as sink, Daemon(sink.port) as daemon:
        c = client(daemon)
        c.envelope()
        c.command("DATA")
        c.send(message() + b".\r\n")
        sink.wait_until("DATA", lambda: sink.lines("DATA"))
        c.close()
        time.sleep(1.2)
        equal((sink.messages, sink.texts), ([], 0))
        daemon.wait_log("session_error: .*went away")


@suite.test
def many_sessions_with_all_kinds_of_ends():
    """A mix that once shook things loose must leave a daemon that works, with nothing left over."""
    sink, daemon = WORLD.get()
    turn = [0]

    def mixed(session, argument):
        turn[0] += 1
        return (None, CLOSE, None, RESET, "421 4.3.2 no", None, "550 5.1.1 no", None, "nonsense", None)[turn[0] % 10]

    sink.react.update(MAIL=mixed, RCPT=mixed, DATA=mixed, dot=mixed)
    for number in range(120):
        c = client(daemon)
        try:
            if number % 4 == 0:
                c.send("MAIL FROM:<a@from.test>\r\nRCPT TO:<b@to.test>\r\nDATA\r\n")
                c.reset_connection()
                continue
            reply = c.deliver(message())
            check(reply.code in (250, 451, 550), reply)
        except Closed:
            raise AssertionError("our side closed") from None
        finally:
            c.close()
    sink.react.clear()
    wait_for("all sessions to end", lambda: "sessions: 0 now" in daemon.ctl("status").stdout)
    equal(send_message(daemon.port, message()).code, 250)


if __name__ == "__main__":
    suite.main(WORLD.close)
