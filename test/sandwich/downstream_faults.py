#!/usr/bin/python3
"""Every fault of a delivery server at every stage: what the upstream is told, whether another server is asked, that nothing is lost or
doubled, and that the next mail passes. The cases are made from two tables and run side by side on a few daemons."""

import concurrent.futures
import queue
import socket
import sys
import time

from daemon import Daemon
from samples import message, own_fields
from suite import Suite, check, equal, wait_for

from client import Client, send_message
from sink import CLOSE, RESET, SILENCE, Delay, Dribble, Sink

suite = Suite()

STAGES = ("connect", "greeting", "EHLO", "MAIL", "first RCPT", "second RCPT", "DATA", "body", "dot")
FAULTS = ("refuse", "4xx", "5xx", "421", "503", "close", "reset", "silence", "garbage", "megabyte", "octets", "trickle")
HASTY = {"silence", "trickle"}  # need a proxy with short time-outs; the others shall not depend on the clock
USUAL = {"greeting": "220 sink.test ESMTP", "EHLO": "250-sink.test\n250-PIPELINING\n250 DSN", "MAIL": "250 2.1.0 ok",
         "RCPT": "250 2.1.5 ok", "DATA": "354 go on", "dot": "250 2.0.0 SK1 taken"}
LANES = 4  # of each of the four kinds: most of a case is waiting
RECIPIENTS = ("r1@to.test", "r2@to.test", "r3@to.test")


def applies(stage, fault):
    if stage == "connect":
        return fault in ("refuse", "silence")
    if stage == "body":
        return fault not in ("refuse", "503", "octets", "trickle")
    return fault != "refuse" and (stage, fault) != ("greeting", "503")


def expected(stage, fault, pair):
    """(replies to the recipients, final reply or None when it does not come to DATA, who has the mail: "A", "B" or None)."""
    if fault == "octets":
        return [250, 250, 250], 250, "A"
    relayed = {"4xx": 450, "5xx": 554}.get(fault)
    if stage in ("connect", "greeting", "EHLO"):
        return ([250, 250, 250], 250, "B") if pair else ([451, 451, 451], None, None)
    if stage in ("MAIL", "first RCPT") and pair and not relayed:
        return [250, 250, 250], 250, "B"
    if stage == "MAIL":
        return [relayed or 451] * 3, None, None
    if stage == "first RCPT":
        if relayed or fault == "503":  # the conversation goes on
            return [relayed or 451, 250, 250], 250, "A"
        return [451, 451, 451], None, None
    if stage == "second RCPT":
        if relayed or fault == "503":
            return [250, relayed or 451, 250], 250, "A"
        return [250, 451, 451], 451, None
    return [250, 250, 250], relayed or 451, None


class Lane:
    """One proxy with its delivery servers A and perhaps B; runs one case at a time."""

    def __init__(self, pair, hasty):
        self.pair = pair
        self.a, self.b = small_buffers(Sink(name="a.test")), Sink(name="b.test")
        times = {"smtp.downstream_" + key + "_timeout": "1s" for key in ("connect", "command", "final")} if hasty else {}
        servers = f"127.0.0.1:{self.a.port} 127.0.0.1:{self.b.port}" if pair else f"127.0.0.1:{self.a.port}"
        self.daemon = Daemon(settings={"general.threads": 1, "scanner.clamav.enable": "no", **times,
                                       "smtp.downstream_smtp_server_addr": servers})

    def close(self):
        self.daemon.close()
        self.a.close()
        self.b.close()

    def run(self, stage, fault):
        self.a_is_first()
        duplicates = len(self.daemon.log_lines("possible_duplicate"))
        with Client(self.daemon.port) as c:
            equal(c.ehlo().code, 250)
            for sink in (self.a, self.b):
                sink.forget()
                sink.end_all()
            # Each case a mail of its own: one that comes again is logged as a possible duplicate, too.
            text = message(f"{stage} {fault}\r\n".encode() + (b"x" * 78 + b"\r\n") * (80000 if stage == "body" else 10))
            restore = self.break_a(stage, fault)
            replies = [reply.code for reply in c.envelope(recipients=RECIPIENTS)]
            equal(replies[0], 250)
            final = c.text(text).code
            wanted_replies, wanted_final, winner = expected(stage, fault, self.pair)
            equal(replies[1:], wanted_replies, "recipients")
            if wanted_final:
                equal(final, wanted_final, "final")
            else:
                check(final in (503, 554), "DATA without a recipient:", final)
            equal((len(self.a.messages), len(self.b.messages)), (int(winner == "A"), int(winner == "B")), "delivered by A, B")
            if winner:
                got = (self.a if winner == "A" else self.b).messages[0]
                equal(len(got.recipients), wanted_replies.count(250))
                equal(own_fields(got.data)[1], text)
            after_the_dot = stage == "dot" and fault in ("close", "reset", "silence", "garbage", "megabyte", "trickle")
            if after_the_dot:
                self.daemon.wait_log("possible_duplicate", count=duplicates + 1)
            check(self.a.texts <= 1 and self.b.texts <= 1, "sent again after the dot")
            restore()
            self.next_mail(c, stage)
            equal(len(self.daemon.log_lines("possible_duplicate")) - duplicates, int(after_the_dot), "logged as possible duplicate")
        for sink in (self.a, self.b):
            equal(sink.faults, [])

    def next_mail(self, c, stage):
        self.a.forget()
        self.b.forget()
        if not self.pair and stage in ("connect", "greeting", "EHLO"):
            self.daemon.wait_downstream()
        c.command("RSET")
        reply = c.deliver(message())  # on the same session: our side stays open
        equal(reply.code, 250, f"the next mail: {reply.text}")
        equal(len(self.a.messages) + len(self.b.messages), 1)

    def a_is_first(self):
        """It is in first place again as soon as it answers, at the latest when its back-off of a second or two is over."""
        self.a.forget()
        self.b.forget()

        def used():
            return send_message(self.daemon.port, message()).code == 250 and self.a.messages

        wait_for("A to be in first place again", used, 8)
        self.a.texts = self.b.texts = 0

    def break_a(self, stage, fault):
        """Makes A do that from now on; the function that ends it."""
        if stage == "connect":
            return self.unreachable(full=fault == "silence")
        if stage == "body":
            self.break_body(fault)
        else:
            name = stage.split()[-1]
            reaction = make(fault, USUAL[name])
            if name == "RCPT":
                self.a.react[name] = lambda session, argument: reaction_for(reaction, session, argument, "r1" if "first" in stage else "r2")
            else:
                self.a.react[name] = reaction

        def restore():
            self.a.react, self.a.early = {}, None
            self.a.end_all()

        return restore

    def break_body(self, fault):
        if fault == "silence":
            self.a.react["DATA"] = lambda session, argument: session.transport.pause_reading()
            return
        reply = {"4xx": "450 4.2.0 no", "5xx": "554 5.7.1 no", "421": "421 4.3.2 leaving", "close": CLOSE, "reset": RESET,
                 "garbage": "hello?", "megabyte": make("megabyte", "")}[fault]
        self.a.early = (20000, reply, "drain" if reply in (CLOSE, RESET) else "stop")

    def unreachable(self, full):
        port = self.a.port
        self.a.close()
        blocked = []
        if full:  # a queue of waiting connections that is full: the system answers no more
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
            listener.listen(0)
            blocked.append(listener)
            for _ in range(4):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
                blocked.append(filler)

        def restore():
            for one in blocked:
                one.close()
            self.a = small_buffers(Sink(name="a.test", port=port))

        return restore


def small_buffers(sink):
    """So that a server that stops reading is noticed within a few megabytes."""
    sink._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    return sink


def make(fault, usual):
    """A reaction of the sink."""
    code = "554"
    return {
        "4xx": "450 4.2.0 not now",
        "5xx": "554 5.7.1 never",
        "421": leaving,
        "503": "503 5.5.1 bad sequence",
        "close": CLOSE,
        "reset": RESET,
        "silence": SILENCE,
        "garbage": "hello?",
        "megabyte": "\n".join([f"{code}-" + "m" * 60] * 16000 + [f"{code} end"]),
        "octets": Dribble(usual, 0.001),
        "trickle": Dribble(usual.split("\n", maxsplit=1)[0] + " " + "t" * 100, 0.1),
    }[fault]


def leaving(session, _):
    session.transport.write(b"421 4.3.2 leaving\r\n")
    return CLOSE


def reaction_for(reaction, session, argument, recipient):
    if f"<{recipient}@" not in argument:
        return None
    return reaction(session, argument) if callable(reaction) else reaction


class Matrix:
    """Runs the wanted cases side by side when the first of them is asked for."""

    def __init__(self):
        self.cases = {}
        self.results = None
        for stage in STAGES:
            for fault in FAULTS:
                for pair in (False, True):
                    if applies(stage, fault):
                        name = f"{stage}_{fault}_{'of_two' if pair else 'alone'}".replace(" ", "_")
                        self.cases[name] = (stage, fault, pair)
                        suite.add(name, lambda name=name: self.result(name))

    def result(self, name):
        if self.results is None:
            self.results = {}
            self.run_all()
        if (problem := self.results[name]) is not None:
            raise problem

    def run_all(self):
        wanted = sys.argv[1:]
        lanes = {}
        for name, (stage, fault, pair) in self.cases.items():
            if not wanted or any(part in name for part in wanted):
                lanes.setdefault((pair, fault in HASTY), queue.Queue()).put(name)
        with concurrent.futures.ThreadPoolExecutor(4 * LANES) as pool:
            list(pool.map(self.run_lane, [(kind, work) for kind, work in lanes.items() for _ in range(LANES)]))

    def run_lane(self, kind_and_work):
        kind, work = kind_and_work
        lane = None
        try:
            while True:
                name = work.get_nowait()
                try:
                    lane = lane or Lane(*kind)
                    lane.run(*self.cases[name][:2])
                    self.results[name] = None
                except Exception as problem:  # shown where its turn is; the next case gets a lane of its own
                    self.results[name] = problem
                    if lane:
                        lane.close()
                        lane = None
        except queue.Empty:
            if lane:
                lane.close()


Matrix()


# ---- the pool


@suite.test
def a_stale_pooled_connection_is_retried_once_and_on_the_same_server():
    with Sink() as a, Sink() as b, pair_of(a, b) as daemon:
        for way in (CLOSE, RESET, leaving):
            equal(send_message(daemon.port, message()).code, 250)
            pooled = a.connections

            def stale(session, argument, pooled=pooled, way=way):
                return (way(session, argument) if callable(way) else way) if session.number <= pooled else None

            a.react["MAIL"] = stale
            equal(send_message(daemon.port, message()).code, 250)
            equal(a.connections, pooled + 1)
            a.react.clear()
        equal((len(a.messages), len(b.messages)), (6, 0))


@suite.test
def a_pooled_connection_is_not_retried_after_the_dot():
    with Sink() as a, Sink() as b, pair_of(a, b) as daemon:
        equal(send_message(daemon.port, message()).code, 250)
        for way in (CLOSE, RESET):
            a.react["dot"] = way
            texts = a.texts
            equal(send_message(daemon.port, message()).code, 451)
            equal((a.texts, b.texts), (texts + 1, 0))
            a.react.clear()


# ---- several servers


def pair_of(a, b, **settings):
    return Daemon(settings={"general.threads": 2, "scanner.clamav.enable": "no", **settings,
                            "smtp.downstream_smtp_server_addr": f"127.0.0.1:{a.port} 127.0.0.1",
                            "smtp.downstream_smtp_server_port": b.port})


@suite.test
def the_first_server_that_answers_takes_the_mail_and_is_shown_and_logged():
    b = Sink()
    with Sink() as a, b, pair_of(a, b) as daemon:
        equal(send_message(daemon.port, message()).code, 250)
        equal((len(a.messages), len(b.messages)), (1, 0))
        status = daemon.ctl("status").stdout
        check(f"delivery server: 127.0.0.1:{a.port}: up\ndelivery server: 127.0.0.1:{b.port}: " in status, status)
        port = a.port
        a.close()
        for number in range(3):
            equal(send_message(daemon.port, message()).code, 250)
            equal(len(b.messages), number + 1)
        daemon.wait_log(f"downstream_down: 127.0.0.1:{port}: .*refused")
        status = daemon.ctl("status").stdout
        check(f"127.0.0.1:{port}: down for" in status and "refused" in status, status)
        with Sink(port=port) as again:
            wait_for("mail at the first again", lambda: send_message(daemon.port, message()).code == 250 and again.messages, 10)
            equal(len(daemon.log_lines("downstream_down")), 1)
            daemon.wait_log(f"downstream_up: 127.0.0.1:{port}")
        equal(daemon.log_lines("stat=Deferred"), [])


@suite.test
def nobody_waits_for_a_server_that_is_silent():
    """Only the mail that finds it out does; the trials after that run beside the mail."""
    with Sink(react={"greeting": SILENCE}) as a, Sink() as b, pair_of(a, b, **{"smtp.downstream_connect_timeout": "2s"}) as daemon:
        equal(send_message(daemon.port, message()).code, 250)
        begin = time.monotonic()
        while a.connections < 4:
            one = time.monotonic()
            equal(send_message(daemon.port, message()).code, 250)
            if daemon.log_lines("downstream_down"):
                check(time.monotonic() - one < 1.5, "a mail waited for the trial")
            check(time.monotonic() - begin < 12, "no trial in time")
            time.sleep(0.05)
        check(len(b.messages) > 5)


@suite.test
def when_all_are_away_the_answer_comes_at_once_and_without_a_connection():
    with Sink(react={"greeting": CLOSE}) as a, Sink(react={"greeting": CLOSE}) as b, pair_of(a, b) as daemon:
        with Client(daemon.port) as c:
            equal(c.ehlo().code, 421)
        connections = a.connections + b.connections
        for _ in range(20):
            with Client(daemon.port) as c:
                c.command("HELO x")
                equal(c.envelope()[1].code, 451)
            with Client(daemon.port) as c:
                equal(c.ehlo().code, 421)
        check(a.connections + b.connections <= connections + 6, "back-off:", a.connections + b.connections - connections)
        a.react.clear()
        b.react.clear()
        daemon.wait_downstream()
        equal(send_message(daemon.port, message()).code, 250)


@suite.test
def what_is_offered_is_what_all_servers_offer():
    with Sink(keywords=("PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "SIZE 5000000")) as a, \
            Sink(keywords=("PIPELINING", "8BITMIME", "SIZE 4000000")) as b, pair_of(a, b) as daemon:

        def offer():
            with Client(daemon.port) as c:
                return set(c.ehlo().lines[1:])

        wait_for("both to have been asked", lambda: offer() == {"PIPELINING", "8BITMIME", "SIZE 4000000"})


# ---- patience and the point of no return


@suite.test
def after_the_dot_the_patience_is_another_one():
    times = {"smtp.downstream_command_timeout": "1s", "smtp.downstream_final_timeout": "30s"}
    with Sink(react={"dot": Delay(2.0)}) as sink, Daemon(sink.port, {"scanner.clamav.enable": "no", **times}) as daemon:
        equal(send_message(daemon.port, message()).code, 250)
        c = Client(daemon.port)
        c.ehlo()
        c.envelope()
        c.command("DATA")
        c.send(message() + b".\r\n")
        sink.wait_until("the dot", lambda: sink.texts == 2)
        c.reset_connection()
        equal(len(sink.wait(2, 5)), 2)
        daemon.wait_log("stat=Sent", count=2)
        equal(daemon.log_lines("possible_duplicate"), [])


@suite.test
def the_patience_after_the_dot_ends_also_when_the_upstream_has_gone():
    with Sink(react={"dot": SILENCE}) as sink, \
            Daemon(sink.port, {"scanner.clamav.enable": "no", "smtp.downstream_final_timeout": "1s"}) as daemon:
        c = Client(daemon.port)
        c.ehlo()
        c.envelope()
        c.command("DATA")
        c.send(message() + b".\r\n")
        sink.wait_until("the dot", lambda: sink.texts == 1)
        c.close()
        daemon.wait_log("possible_duplicate: .*no answer in time")
        wait_for("the session to be gone", lambda: "sessions: 0 now" in daemon.ctl("status").stdout)


if __name__ == "__main__":
    suite.main()
