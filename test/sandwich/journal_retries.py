#!/usr/bin/python3
"""A retry is recognised, and nothing else is taken for one.

The upstream here is a client that writes its own Received field, as every relay does; its name in EHLO is the one in "by"."""

import os
import re
import signal
import threading
import time

from daemon import Daemon, need_test_hooks
from samples import eicar
from suite import Suite, check, equal, wait_for
from world import World

from client import Client
from sink import CLOSE, Delay, Sink

suite = Suite()
WORLD = World({"general.threads": 2})
HOST = "mx.upstream.test"
TO = ("one@to.test", "two@to.test")
numbers = iter(range(1000000))


def mail(queue_id, body=b"text\r\n", host=HOST, above=b"", date="Mon, 23 Nov 2026 05:11:00 +0000"):
    received = f"Received: from client.test ([192.0.2.1])\r\n\tby {host} (8.17) with ESMTP id {queue_id};\r\n\t{date}\r\n" if queue_id else ""
    return above + received.encode() + b"Subject: a retry\r\nFrom: <a@from.test>\r\n\r\n" + body


def new_id():
    return f"6AM{next(numbers):06d}"


def submit(daemon, text, recipients=TO, sender="a@from.test", host=HOST):
    """One try; the final reply."""
    with Client(daemon.port) as client:
        client.ehlo(host)
        reply = client.deliver(text, sender, recipients)
        client.command("QUIT")
        return reply


def try_and_lose_the_answer(sink, daemon, text, recipients=TO, dots=1):
    """The delivery server takes the mail when the upstream has gone: the answer reaches nobody."""
    before = len(sink.messages)
    sink.react["dot"] = lambda session, argument: Delay(0.3)
    client = Client(daemon.port)
    client.ehlo(HOST)
    replies = client.envelope("a@from.test", recipients)
    check(all(reply.code == 250 for reply in replies), replies)
    equal(client.command("DATA").code, 354)
    dot = sink.texts
    client.send(text + b".\r\n")
    sink.wait_until("the text", lambda: sink.texts == dot + dots)
    client.reset_connection()
    sink.wait(before + dots)
    sink.react.clear()


def accounts(sink):
    return sorted(recipient.strip("<>") for message in sink.messages for recipient in message.recipients)


def id_of(reply):
    return reply.text.split()[1]


# ---- what is recognised


@suite.test
def a_delivered_mail_is_not_delivered_again():
    sink, daemon = WORLD.get()
    text = mail(new_id())
    try_and_lose_the_answer(sink, daemon, text)
    first = sink.messages[0]
    reply = submit(daemon, text)
    equal(reply.code, 250, str(reply))
    check("delivered earlier as" in reply.text, reply)
    equal(accounts(sink), sorted(TO))
    earlier = re.search(r"earlier as (\w+)", reply.text).group(1)
    check(earlier.encode() in first.data, "the id named is that of the mail that was delivered")
    equal(len(daemon.wait_log(rf"retry_recognised: {id_of(reply)}: delivered earlier as {earlier}", count=2)), 2)
    line = daemon.wait_log(rf"{id_of(reply)}: inbound=\S+ from=")[0]
    check("stat=Sent (delivered earlier as" in line and "mailer=none" in line, line)


@suite.test
def a_receipt_that_arrived_is_remembered_too():
    """The upstream may lose it after it has read it."""
    sink, daemon = WORLD.get()
    text = mail(new_id())
    for _ in range(3):
        equal(submit(daemon, text).code, 250)
    equal(accounts(sink), sorted(TO))


@suite.test
def what_was_held_or_discarded_is_not_held_again():
    sink, daemon = WORLD.get()
    for action, word in (("quarantine", "quarantined"), ("discard", "discarded")):
        daemon.reload({"scanner.clamav.action": action})
        text = mail(new_id(), eicar() + b"\r\n")
        equal(submit(daemon, text).code, 250)
        held = len(os.listdir(daemon.quarantine))
        reply = submit(daemon, text)
        check(reply.code == 250 and f"{word} earlier as" in reply.text, reply)
        equal(len(os.listdir(daemon.quarantine)), held)
    daemon.reload({"scanner.clamav.action": None})
    equal(sink.messages, [])


@suite.test
def only_the_recipients_that_have_it_not_get_it():
    sink, daemon = WORLD.get()
    text = mail(new_id())
    equal(submit(daemon, text, TO[:1]).code, 250)
    sink.commands.clear()
    reply = submit(daemon, text, TO)
    equal(reply.code, 250, str(reply))
    check("accepted for delivery" in reply.text and "delivered earlier as" in reply.text, reply)
    equal(accounts(sink), sorted(TO))
    lines = [line for _, line in sink.commands if line.split(":")[0] in ("MAIL FROM", "RCPT TO", "RSET", "DATA")]
    at = lines.index("RSET")
    equal([line.split(" ")[0] for line in lines[at:]][:4], ["RSET", "MAIL", "RCPT", "DATA"])
    check(TO[1] in lines[at + 2], lines)


@suite.test
def a_recipient_that_is_refused_at_the_second_look_comes_again():
    sink, daemon = WORLD.get()
    text = mail(new_id())
    three = (*TO, "three@to.test")
    equal(submit(daemon, text, TO[:1]).code, 250)
    seen = []

    def second_time(session, argument):
        seen.append(argument)
        return "550 5.1.1 gone" if TO[1] in argument and len([a for a in seen if TO[1] in a]) == 2 else None

    sink.react["RCPT"] = second_time
    equal(submit(daemon, text, three).code, 451)
    sink.react.clear()
    equal(accounts(sink), ["one@to.test", "three@to.test"])
    equal(submit(daemon, text, three).code, 250)
    equal(accounts(sink), sorted(three))


@suite.test
def it_is_known_after_a_restart_and_after_the_death_of_the_proxy():
    with Sink() as sink, Daemon(sink.port) as daemon:
        texts = [mail(new_id()) for _ in range(3)]
        equal(submit(daemon, texts[0]).code, 250)
        daemon.stop()
        daemon.start()
        equal(submit(daemon, texts[1]).code, 250)
        # The record of an end is written behind the reply: once a retry is recognised it is there.
        check("earlier as" in submit(daemon, texts[1]).text)
        old = daemon.pids("proxy")
        os.kill(old[0], signal.SIGKILL)
        wait_for("another proxy", lambda: (new := daemon.pids("proxy")) and new != old, 10)
        equal(submit(daemon, texts[2]).code, 250)
        for text in texts:
            check("earlier as" in submit(daemon, text).text)
        equal(accounts(sink), sorted(TO * 3))
        check("6 recipients recognised" in daemon.ctl("status").stdout, daemon.ctl("status").stdout)


@suite.test
def a_retry_that_comes_while_the_first_try_runs_waits():
    sink, daemon = WORLD.get()
    text = mail(new_id())
    sink.react["dot"] = lambda session, argument: Delay(2.0)
    client = Client(daemon.port)
    client.ehlo(HOST)
    client.envelope("a@from.test", TO)
    client.command("DATA")
    before = sink.texts
    client.send(text + b".\r\n")
    sink.wait_until("the text", lambda: sink.texts > before)
    client.reset_connection()
    reply = submit(daemon, text)
    equal(reply.code, 451, str(reply))
    check(daemon.wait_log("retry_early"))
    sink.wait(1)
    wait_for("the end of the first try", lambda: submit(daemon, text).code == 250)
    equal(accounts(sink), sorted(TO))


@suite.test
def after_an_unknown_end_it_is_sent_again_and_that_is_said():
    sink, daemon = WORLD.get()
    text = mail(new_id())
    sink.react["dot"] = CLOSE
    equal(submit(daemon, text).code, 451)
    sink.react.clear()
    before = len(daemon.log_lines("possible_duplicate"))
    equal(submit(daemon, text).code, 250)
    equal(accounts(sink), sorted(TO))
    equal(len(daemon.log_lines("possible_duplicate")) - before, 2, "one for each recipient")


@suite.test
def a_refusal_leaves_nothing_behind():
    sink, daemon = WORLD.get()
    for stage, answer in (("dot", "452 4.3.1 full"), ("DATA", "451 4.3.0 no"), ("dot", "550 5.7.1 never")):
        text = mail(new_id())
        sink.react[stage] = answer
        equal(submit(daemon, text).code, int(answer[:3]))
        sink.react.clear()
        before = len(daemon.log_lines("possible_duplicate|retry_"))
        equal(submit(daemon, text).code, 250)
        equal(len(daemon.log_lines("possible_duplicate|retry_")), before, answer)


# ---- what is not


@suite.test
def two_mails_are_two_mails():
    """Whatever of the key differs, it is another mail."""
    sink, daemon = WORLD.get()
    one = new_id()
    tries = [dict(text=mail(one)), dict(text=mail(new_id())), dict(text=mail(one, b"text!\r\n")), dict(text=mail(one), sender="b@from.test"),
             dict(text=mail(one, host="mx2.upstream.test"), host="mx2.upstream.test"), dict(text=mail(one), recipients=("three@to.test",)),
             dict(text=mail(one), sender="")]
    for arguments in tries:
        reply = submit(daemon, **arguments)
        check(reply.code == 250 and "earlier" not in reply.text, arguments, reply)
    equal(len(sink.messages), len(tries))


@suite.test
def without_an_id_of_the_upstream_nothing_is_suppressed():
    sink, daemon = WORLD.get()
    one = new_id()
    texts = {"no Received field": mail(None), "no id": mail(one).replace(b" id " + one.encode(), b""),
             "a field of the hop before": mail(one, host="elsewhere.test"),
             "an id that stands in a comment": mail(one).replace(b" id " + one.encode(), b" (id " + one.encode() + b")")}
    for name, text in texts.items():
        sink.forget()
        for _ in range(2):
            reply = submit(daemon, text)
            check(reply.code == 250 and "earlier" not in reply.text, name, reply)
        equal(len(sink.messages), 2, name)
    check(daemon.wait_log("same_mail", count=len(texts)))


@suite.test
def what_the_upstream_writes_above_may_change():
    """A date of the queue run, a Return-Path: the mail below is the same."""
    sink, daemon = WORLD.get()
    one = new_id()
    equal(submit(daemon, mail(one)).code, 250)
    for text in (mail(one, date="Tue, 24 Nov 2026 05:11:00 +0000"), mail(one, above=b"Return-Path: <a@from.test>\r\n")):
        check("earlier as" in submit(daemon, text).text)
    equal(accounts(sink), sorted(TO))


def submit_in_pieces(daemon, pieces, size=None):
    """One try, with a pause behind each piece but the last; the final reply. `size`: announced with MAIL."""
    with Client(daemon.port) as client:
        client.ehlo(HOST)
        for line in (f"MAIL FROM:<a@from.test>{f' SIZE={size}' if size else ''}", *(f"RCPT TO:<{one}>" for one in TO)):
            equal(client.command(line).code, 250)
        equal(client.command("DATA").code, 354)
        for piece in pieces[:-1]:
            client.send(piece)
            time.sleep(0.1)
        client.send(pieces[-1] + b".\r\n")
        return client.reply()


@suite.test
def a_large_mail_is_the_same_however_it_comes():
    """What it is known by is made while it comes in, where its first piece shows where that begins."""
    sink, daemon = WORLD.get()
    for size in (20000, 300000, 2000000):
        one = new_id()
        text = mail(one, b"a line of text, and no other line\r\n" * (size // 35))
        equal(submit_in_pieces(daemon, [text], len(text)).code, 250)
        in_by, in_id, in_date = (text.index(mark) + 3 for mark in (b"by " + HOST.encode(), one.encode(), b"23 Nov"))
        for name, pieces, announced in (
                ("in one piece, not announced", [text], None), ("announced as small", [text], 100),
                *((f"cut at {at}", [text[:at], text[at:]], len(text))
                  for at in (1, in_by, in_id, in_date, text.index(b"Subject:"), text.index(b"Subject:") + 5, len(text) - 1)),
                ("with another date, and a field above",
                 [mail(one, text[text.index(b"\r\n\r\n") + 4:], above=b"Return-Path: <a@from.test>\r\n", date="now")], len(text))):
            reply = submit_in_pieces(daemon, pieces, announced)
            check("earlier as" in reply.text, f"{size}: {name}", reply)
        for name, other in (("the first octet below", text.replace(b"Subject:", b"subject:")), ("the last octet", text[:-3] + b"X\r\n"),
                            ("a line more", text + b"a line of text, and no other line\r\n")):
            reply = submit_in_pieces(daemon, [other], len(other))
            check(reply.code == 250 and "earlier as" not in reply.text, f"{size}: {name}", reply)
        equal(len(sink.messages), 4, size)
        sink.forget()


# ---- bounds


@suite.test
def the_journal_is_bounded_on_disk():
    with Sink(keep=False) as sink, Daemon(sink.port, {"journal.max_size": "1m", "smtp.max_recipients": 5000}) as daemon:
        many = [f"r{n}@to.test" for n in range(2000)]
        for _ in range(8):  # 8 × 2,000 × 2 records of 64 octets: 2 MiB
            equal(submit(daemon, mail(new_id()), many).code, 250)
        sizes = [os.path.getsize(os.path.join(daemon.path("journal"), name)) for name in ("journal", "journal.old")]
        check(sum(sizes) <= 1 << 20, sizes)
        check(sum(sizes) > 1 << 19, sizes)


@suite.test
def a_journal_that_cannot_be_opened_stops_the_start():
    daemon = Daemon(start=False)
    try:
        os.mkdir(daemon.path("journal"))
        os.mkdir(daemon.path("journal") + "/journal")
        try:
            daemon.start()
        except Exception as failure:
            check("journal" in str(failure), failure)
        else:
            check(False, "it started")
    finally:
        daemon.close()


# ---- messages that kill


@suite.test
def a_message_that_kills_workers_is_set_aside():
    need_test_hooks()
    with Sink() as sink, Daemon(sink.port, {"worker.count": 2, "worker.crash_limit": 3}) as daemon:
        poison = mail(new_id()).replace(b"Subject:", b"X-Sandwich-Test: crash\r\nSubject:")
        equal([submit(daemon, poison).code for _ in range(2)], [451, 451])
        daemon.stop()
        daemon.start()
        equal(submit(daemon, poison).code, 451)
        reply = submit(daemon, poison)
        check(reply.code == 250 and "held in quarantine" in reply.text, reply)
        check("scanner crash" in daemon.ctl("quarantine", "show", id_of(reply)).stdout)
        equal(len(daemon.wait_log("set_aside")), 1)
        equal(len(daemon.log_lines("worker_lost.*the scanner worker died")), 3)
        # The next one like it, and whoever has nothing to do with it.
        check("held" in submit(daemon, poison, ("other@to.test",)).text)
        equal(submit(daemon, mail(new_id())).code, 250)
        equal(len(sink.messages), 1)


@suite.test
def a_message_that_kills_workers_of_the_policy_alone_is_set_aside():
    """No scanner is on, and a worker is asked all the same, for what the rules want to know."""
    need_test_hooks()
    settings = {"worker.count": 2, "worker.crash_limit": 1, "scanner.clamav.enable": "no"}
    with Sink() as sink, Daemon(sink.port, settings, start=False) as daemon:
        daemon.write_policy("[rule r]\nif = extension exe\ndo = reject\n")
        daemon.start()
        poison = mail(new_id()).replace(b"Subject:", b"X-Sandwich-Test: crash\r\nSubject:")
        equal(submit(daemon, poison).code, 451)
        reply = submit(daemon, poison)
        check(reply.code == 250 and "held in quarantine" in reply.text, reply)


@suite.test
def a_worker_that_is_killed_with_its_zygote_is_no_fault_of_the_message():
    need_test_hooks()
    settings = {"worker.count": 1, "worker.crash_limit": 1, "worker.scan_timeout": "20s"}
    with Sink() as sink, Daemon(sink.port, settings) as daemon:
        text = mail(new_id()).replace(b"Subject:", b"X-Sandwich-Test: hang\r\nSubject:")
        replies = []
        thread = threading.Thread(target=lambda: replies.append(submit(daemon, text)))
        thread.start()
        wait_for("the scan", lambda: "(1 busy)" in daemon.ctl("status").stdout)
        os.kill(daemon.pids("zygote")[0], signal.SIGKILL)
        thread.join(20)
        equal([reply.code for reply in replies], [451])
        check(not daemon.log_lines("set_aside"))
        equal(sink.messages, [])


if __name__ == "__main__":
    suite.main(WORLD.close)
