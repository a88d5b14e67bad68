#!/usr/bin/python3
"""What stands behind the end of data before its answer: QUIT, or a client known to pipeline, or the mark of an upstream that doubles no
dots. Then the message is held, nothing of the rest is carried out, and the connection is closed."""

import os
import re
import signal

from daemon import Daemon, need_test_hooks
from samples import eicar, message, own_fields
from suite import Suite, check, equal, wait_for
from world import World

from client import Client
from sink import Delay, Sink

suite = Suite()
WORLD = World({"general.threads": 1})
TEXT = message()
SMUGGLED = b"MAIL FROM:<attacker@evil.test>\r\nRCPT TO:<victim@to.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nsmuggled\r\n.\r\n"


def in_data(daemon, **options):
    """A client that has got its 354."""
    connected = Client(daemon.port, **options)
    connected.ehlo()
    connected.envelope()
    equal(connected.command("DATA").code, 354)
    return connected


def held(daemon, reply):
    """The quarantine's entry of the message that got this reply, as `show` prints it."""
    equal(reply.code, 250)
    check("held in quarantine" in reply.text, reply)
    name = reply.text.split()[1]
    daemon.wait_log(rf"critical: data_after_dot: {name}: 127\.0\.0\.1 .*the message is held")
    return daemon.ctl("quarantine", "show", name).stdout


def kept_text(daemon, shown):
    """With LF for CRLF: that is how text is read from a program."""
    return daemon.ctl("quarantine", "show", re.search(r"^id: +(\w+)", shown, re.M).group(1), "--raw").stdout.encode()


def nothing_smuggled(sink, daemon):
    equal(sink.messages, [], "messages at the delivery server")
    check(not any("attacker" in line or "victim" in line for _, line in sink.commands), "smuggled commands", sink.commands)
    check(not daemon.log_lines(r"from=<attacker"), "a transaction of the attacker")


@suite.test
def the_rest_in_one_segment_with_the_dot():
    sink, daemon = WORLD.get()
    with in_data(daemon) as c:
        c.send(TEXT + b".\r\n" + SMUGGLED)
        shown = held(daemon, c.reply())
        check(c.at_end())
    check(re.search(r"^rule: +data_after_dot$", shown, re.M), shown)
    check(re.search(r"^verdict: +data_after_dot\b", shown, re.M), shown)
    equal(kept_text(daemon, shown), TEXT.replace(b"\r\n", b"\n"), "what came before the dot, and no more")
    nothing_smuggled(sink, daemon)


@suite.test
def a_message_is_held_whole_also_when_the_delivery_server_broke_off_before():
    sink, daemon = WORLD.get()
    with in_data(daemon) as c:
        c.send(TEXT[:100])
        sink.end_all()
        daemon.wait_log("downstream_fault: ")
        c.send(TEXT[100:] + b".\r\n" + SMUGGLED)
        shown = held(daemon, c.reply())
    equal(kept_text(daemon, shown), TEXT.replace(b"\r\n", b"\n"))
    nothing_smuggled(sink, daemon)
    daemon.wait_downstream()


@suite.test
def every_other_octet_there():
    sink, daemon = WORLD.get()
    for stray in (b"\r\n", b"x", b"\0", b".", b"NOOP\r\n", b"RSET\r\n", b"MAIL FROM:<a@b>\r\n", b"EHLO x\r\n", b"quit\r\n", b"QUIT\n", b"QUIT \r\n",
                  b"QUIT\r\nx", b"QUIT\r\nQUIT\r\n", b" QUIT\r\n", b"QU\0", b"text of a body, long or not\r\n" * 4000):
        with in_data(daemon) as c:
            c.send(TEXT + b".\r\n" + stray)
            held(daemon, c.reply())
            check(c.at_end(), stray[:20])
    nothing_smuggled(sink, daemon)


@suite.test
def a_dot_at_any_place_of_a_read():
    """The dot may be the last octet of one read, and the rest wait in the kernel."""
    sink, daemon = WORLD.get()
    line = b"y" * 62 + b"\r\n"
    for size in (65536 - 3, 65536 - 2, 65536, 131072 - 3, 131072 + 5, (1 << 20) + 7):
        text = TEXT + line * ((size - len(TEXT)) // len(line) - 1)
        text += b"z" * (size - len(text) - 2) + b"\r\n"
        equal(len(text), size)
        with in_data(daemon) as c:
            c.send(text + b".\r\n" + SMUGGLED)
            held(daemon, c.reply())
    nothing_smuggled(sink, daemon)


@suite.test
def what_has_arrived_and_was_not_read():
    """The dot is the last octet that one read takes in, and nothing scans: the decision is made within that read."""
    with Sink() as sink, Daemon(sink.port, {"scanner.clamav.enable": "no", "general.threads": 1}) as daemon:
        line = b"y" * 62 + b"\r\n"
        with in_data(daemon) as c:
            c.send(TEXT + line * 6000)
            wait_for("the text to be there", lambda: f"memory: {len(TEXT) + 64 * 6000} " in daemon.ctl("status").stdout)
            proxy = daemon.pids("proxy")[0]
            os.kill(proxy, signal.SIGSTOP)
            try:
                c.send(line * 1023 + b"z" * 59 + b"\r\n.\r\n" + SMUGGLED)
            finally:
                os.kill(proxy, signal.SIGCONT)
            held(daemon, c.reply())
            check(c.at_end())
        nothing_smuggled(sink, daemon)


def slow_settings(**more):
    return {"worker.count": 1, "worker.scan_timeout": "2s", "worker.total_timeout": "4s", "general.threads": 1} | more


@suite.test
def later_and_octet_by_octet_while_the_scan_runs():
    """The scan fails, too: what is held is held whatever the scanners say."""
    need_test_hooks()
    with Sink() as sink, Daemon(sink.port, slow_settings()) as daemon:
        with in_data(daemon) as c:
            c.send(message(headers=("X-Sandwich-Test: hang",)) + b".\r\n")
            for octet in b"MAIL FROM:<attacker@evil.test>\r\n":
                c.send(bytes([octet]))
                check(not c.pending(0.001), "answered before the scan was over")
            daemon.wait_log("data_after_dot")  # at once, not after the scan
            check(not daemon.log_lines("scan_failed"), "the scan was over: nothing is shown by that")
            shown = held(daemon, c.reply())
            check(c.at_end())
        check("cannot tell (timeout)" in shown, shown)
        nothing_smuggled(sink, daemon)


@suite.test
def held_whatever_the_scan_would_do():
    with Sink() as sink:
        infected = message(eicar() + b"\r\n")
        for settings, text in (({"scanner.clamav.action": "reject"}, infected), ({"scanner.clamav.action": "discard"}, infected),
                               ({"scanner.clamav.enable": "no"}, TEXT), ({"smtp.bare_newline": "reject"}, TEXT + b"a\nb\r\n")):
            with Daemon(sink.port, settings) as daemon, in_data(daemon) as c:
                c.send(text + b".\r\n" + SMUGGLED)
                held(daemon, c.reply())
                check(c.at_end())
                nothing_smuggled(sink, daemon)


@suite.test
def held_although_the_delivery_server_is_gone():
    sink, daemon = WORLD.get()
    with in_data(daemon) as c:
        c.send(TEXT)
        sink.end_all()
        daemon.wait_log("downstream_fault")
        c.send(b".\r\n" + SMUGGLED)
        held(daemon, c.reply())
    nothing_smuggled(sink, daemon)


@suite.test
def in_lmtp_every_recipient_is_answered():
    sink, daemon = WORLD.get()
    with Client(daemon.port) as c:
        equal(c.command("LHLO client.test").code, 250)
        c.envelope(recipients=("b@to.test", "c@to.test"))
        equal(c.command("DATA").code, 354)
        c.send(TEXT + b".\r\n" + SMUGGLED)
        replies = c.replies(2)
        check(c.at_end())
    check(all("held in quarantine" in reply.text for reply in replies), replies)
    shown = held(daemon, replies[0])
    equal(re.findall(r"^to: +(\S+)", shown, re.M), ["<b@to.test>", "<c@to.test>"])
    nothing_smuggled(sink, daemon)


@suite.test
def on_its_way_and_held_after_all():
    """Until the final dot has gone downstream, a message can be held that was found clean."""
    sink, daemon = WORLD.get()
    sink.react["DATA"] = Delay(0.5)
    with in_data(daemon) as c:
        c.send(TEXT + b".\r\n")
        sink.wait_until("DATA", lambda: sink.lines("DATA"))
        c.send(SMUGGLED)
        shown = held(daemon, c.reply())
        check(c.at_end())
    check(re.search(r"^verdict: +data_after_dot, clean$", shown, re.M), shown)
    daemon.wait_log(r"mailer=quarantine, .*verdict=data_after_dot, clean, .*stat=Sent \(quarantined\)")
    wait_for("the delivery server's connection to end", lambda: all(session.mail is None for session in sink.sessions))
    nothing_smuggled(sink, daemon)


@suite.test
def too_late_to_hold():
    """Past the final dot downstream the message is delivered; nothing that follows is carried out, and it is told."""
    sink, daemon = WORLD.get()
    before = sink.texts
    sink.react["dot"] = Delay(0.5)
    with in_data(daemon) as c:
        c.send(TEXT + b".\r\n")
        sink.wait_until("the end of data", lambda: sink.texts > before)
        c.send(SMUGGLED)
        equal(c.reply().code, 250)
        check(c.at_end())
    equal(sink.texts, before + 1, "texts at the delivery server")
    daemon.wait_log("critical: data_after_dot: .*too late to hold")
    equal([m.mail for m in sink.messages], ["<a@from.test>"])
    check(not any("attacker" in line for _, line in sink.commands), sink.commands)


@suite.test
def quit_is_always_allowed():
    sink, daemon = WORLD.get()
    sink.react["dot"] = lambda session, argument: Delay(0.05)
    for pieces in ((b".\r\nQUIT\r\n",), (b".\r\nQ", b"UIT\r", b"\n"), (b".\r", b"\nQUIT\r\n")):
        with in_data(daemon) as c:
            c.send(TEXT)
            for piece in pieces:
                c.send(piece)
                check(not c.pending(0.005), "too early")
            equal([reply.code for reply in c.replies(2)], [250, 221])
            check(c.at_end())
    equal([own_fields(m.data)[1] for m in sink.messages], [TEXT] * 3)


@suite.test
def a_client_known_to_pipeline():
    settings = {"smtp.smtp_pipelining_client_ip": "addr:127.0.0.2", "smtp.smtp_allow_client_ip": "addr:127.0.0.0/24", "general.threads": 1}
    mail = b"MAIL FROM:<second@from.test>\r\nRCPT TO:<b@to.test>\r\nDATA\r\n"
    with Sink() as sink, Daemon(sink.port, settings) as daemon:
        for behind, codes in ((mail, [250, 250, 250, 354]), (b"RSET\r\n" + mail.lower(), [250, 250, 250, 250, 354])):
            with in_data(daemon, source="127.0.0.2") as c:
                c.send(TEXT + b".\r\n" + behind)
                equal([reply.code for reply in c.replies(len(codes))], codes)
                c.send(TEXT + b".\r\nQUIT\r\n")
                equal([reply.code for reply in c.replies(2)], [250, 221])
        equal([m.mail for m in sink.wait(4)], ["<a@from.test>", "<second@from.test>"] * 2)
        sink.forget()
        for stray in (b"NOOP\r\n", b"RCPT TO:<b@to.test>\r\n", b"MAIL\r\n", b"RSET x\r\n"):
            with in_data(daemon, source="127.0.0.2") as c:
                c.send(TEXT + b".\r\n" + stray)
                reply = c.reply()
                check("held in quarantine" in reply.text, stray, reply)
                check(c.at_end())
        with in_data(daemon) as c:  # who is not in the list
            c.send(TEXT + b".\r\n" + mail)
            held(daemon, c.reply())
        equal(sink.messages, [])


@suite.test
def too_big_and_more_behind_it():
    with Sink() as sink, Daemon(sink.port, {"smtp.message_size_limit": "64k"}) as daemon:
        with in_data(daemon) as c:
            c.send(TEXT + b"b" * 70000 + b"\r\n.\r\n" + SMUGGLED)
            equal(c.reply().code, 552)
            check(c.at_end())
        nothing_smuggled(sink, daemon)


@suite.test
def the_next_session_is_as_usual():
    sink, daemon = WORLD.get()
    with in_data(daemon) as c:
        c.send(TEXT + b".\r\n")
        equal(c.reply().code, 250)
        equal(c.deliver(TEXT).code, 250, "and the next mail of the same session")
    equal(len(sink.wait(2)), 2)


if __name__ == "__main__":
    suite.main(WORLD.close)
