"""Mail of every usual kind arrives once and whole."""

import random
import re

from lab import mail
from lab.case import expect, expect_equal, need_networks, need_system
from lab.mail import Refused
from lab.sandwich import wait_for


def _lf(data):
    return data.replace(b"\r\n", b"\n")


def case_local_recipient(lab):
    mark = mail.token()
    sent = mail.message(mark)
    lab.send("s@outside.test", ["alice@example.test"], sent)
    stored = lab.sandwich.delivered("alice", mark)[0]
    expect_equal(mail.body_of(stored), b"Good day.\n", "body")
    expect_equal(mail.header_of(stored, "Return-Path"), ["<s@outside.test>"], "Return-Path")
    expect(stored.endswith(_lf(sent)), "the message is what was sent, but for the trace fields at its top")


def case_remote_recipient(lab):
    mark = mail.token()
    sent = mail.message(mark, to="ann@remote.test")
    lab.send("alice@example.test", ["ann@remote.test"], sent, from_mx=True)
    found = lab.arrived(lab.sink, mark)[0]
    expect(found.mail.startswith("<alice@example.test>"), found.mail)
    expect_equal([r.split()[0] for r in found.recipients], ["<ann@remote.test>"], "recipients")
    expect(found.data.endswith(sent), "the message is what was sent, but for the trace fields at its top")


def case_relay_refused_for_strangers(lab):
    need_networks(lab)
    with lab.session() as client:
        client.mail_from("s@outside.test")
        try:
            client.rcpt_to("ann@remote.test")
        except Refused as refusal:
            expect_equal(refusal.code, 550, "reply")
        else:
            raise AssertionError("an outside client may relay")


def case_several_local_and_remote(lab):
    mark = mail.token()
    local = ["alice", "bob", "dave"]
    remote = ["ann@remote.test", "ben@remote.test", "cat@remote2.test"]
    recipients = [f"{user}@example.test" for user in local] + remote
    lab.send("erin@example.test", recipients, mail.message(mark), from_mx=True)
    for user in local:
        lab.sandwich.delivered(user, mark)
    wait_for(lambda: sum(len(m.recipients) for m in lab.sink.find(mark.encode())) >= 3, 30, "three remote recipients")
    lab.sandwich.settle()
    found = sorted(r.split()[0].strip("<>") for m in lab.sink.find(mark.encode()) for r in m.recipients)
    expect_equal(found, remote, "remote recipients")
    for user in local:
        lab.sandwich.delivered(user, mark)


def case_alias(lab):
    lab.sandwich.make_maps("team: alice, bob, ann@remote.test\nerin: \\erin, bob\n")
    mark = mail.token()
    lab.send("s@outside.test", ["team@example.test"], mail.message(mark))
    for user in ("alice", "bob"):
        lab.sandwich.delivered(user, mark)
    lab.arrived(lab.sink, mark)
    lab.sandwich.settle()
    for user in ("alice", "bob"):
        lab.sandwich.delivered(user, mark)
    lab.arrived(lab.sink, mark)


def case_alias_that_keeps_a_copy(lab):
    lab.sandwich.make_maps("erin: \\erin, bob\n")
    mark = mail.token()
    lab.send("s@outside.test", ["erin@example.test"], mail.message(mark))
    lab.sandwich.delivered("erin", mark)
    lab.sandwich.delivered("bob", mark)
    lab.sandwich.settle()
    lab.sandwich.delivered("erin", mark)
    lab.sandwich.delivered("bob", mark)


def case_forward_that_keeps_a_copy(lab):
    lab.sandwich.root.write("/home/carol/.forward", "\\carol, keep@remote.test\n", "carol", "carol")
    mark = mail.token()
    lab.send("s@outside.test", ["carol@example.test"], mail.message(mark))
    lab.sandwich.delivered("carol", mark)
    lab.arrived(lab.sink, mark)
    lab.sandwich.settle()
    lab.sandwich.delivered("carol", mark)
    lab.arrived(lab.sink, mark)


def case_plus_detail_and_postmaster(lab):
    for address, user in (("alice+list@example.test", "alice"), ("postmaster@example.test", "frank")):
        mark = mail.token()
        lab.send("s@outside.test", [address], mail.message(mark))
        lab.sandwich.delivered(user, mark)


def case_eight_bit_body(lab):
    mark = mail.token()
    body = "Grüße aus Köln, Ωμέγα\r\n".encode() + bytes(range(0x80, 0x100)) + b"\r\n"
    headers = ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]
    data = mail.message(mark, body, to="ann@remote.test", headers=headers)
    lab.send("alice@example.test", ["bob@example.test", "ann@remote.test"], data, from_mx=True, mail_parameters="BODY=8BITMIME")
    expect_equal(mail.body_of(lab.sandwich.delivered("bob", mark)[0]), _lf(body), "body in the mailbox")
    found = lab.arrived(lab.sink, mark)[0]
    expect(found.data.endswith(data), "bytes at the remote host")
    expect("BODY=8BITMIME" in found.mail, f"BODY=8BITMIME is passed on: {found.mail}")


def case_twenty_megabytes(lab):
    mark = mail.token()
    source = random.Random(20)
    printable = bytes(32 + octet % 95 for octet in range(256))
    lines = [source.randbytes(source.randint(0, 200)).translate(printable) for _ in range(205_000)]
    body = b"\r\n".join(lines) + b"\r\n"
    expect(len(body) > 20_000_000, f"only {len(body)} octets")
    lab.send("s@outside.test", ["dave@example.test"], mail.message(mark, body))
    lab.sandwich.delivered("dave", mark, patience=120)
    whole = lambda: mail.body_of(lab.sandwich.delivered("dave", mark)[0])  # noqa: E731
    wait_for(lambda: len(whole()) >= len(_lf(body)), 60, "20 MB are written")  # they are seen while they come in
    expect(whole() == _lf(body), "20 MB differ")
    (lab.sandwich.mailbox_path("dave")).write_bytes(b"")  # later cases need not read it again


def case_long_lines(lab):
    mark = mail.token()
    body = b"".join(bytes([65 + n % 26]) * n + b"\r\n" for n in (989, 990, 991, 997, 998))
    lab.send("alice@example.test", ["bob@example.test"], mail.message(mark, body), from_mx=True)
    expect_equal(mail.body_of(lab.sandwich.delivered("bob", mark)[0]), _lf(body), "body")


def case_dots(lab):
    mark = mail.token()
    body = b".one\r\n..two\r\n...three\r\n. \r\n.\tx\r\nend\r\n"
    data = mail.message(mark, body)
    lab.send("alice@example.test", ["bob@example.test", "ann@remote.test"], data, from_mx=True)
    expect_equal(mail.body_of(lab.sandwich.delivered("bob", mark)[0]), _lf(body), "body in the mailbox")
    expect(lab.arrived(lab.sink, mark)[0].data.endswith(data), "bytes at the remote host")


def case_lone_dot_smuggles_nothing(lab):
    mark, smuggled = mail.token(), mail.token()
    inner = mail.message(smuggled, sender="evil@outside.test").decode()
    body = (
        "before\r\n.\r\nMAIL FROM:<evil@outside.test>\r\nRCPT TO:<bob@example.test>\r\nRCPT TO:<ann@remote.test>\r\n"
        f"DATA\r\n{inner}\r\n.\r\nafter\r\n"
    ).encode()
    lab.send("s@outside.test", ["alice@example.test"], mail.message(mark, body))
    expect_equal(mail.body_of(lab.sandwich.delivered("alice", mark)[0]), _lf(body), "body")
    lab.sandwich.settle()
    expect(not lab.sandwich.mailbox("bob", smuggled), "a smuggled message arrived at bob")
    expect(not lab.sink.find(smuggled.encode()), "a smuggled message left for a remote host")


def case_250_recipients(lab):
    mark = mail.token()
    local = ["alice", "bob", "carol", "dave", "erin"]
    (lab.sandwich.root / "/home/carol/.forward").unlink(missing_ok=True)
    lab.sandwich.make_maps()
    remote = [f"r{n:03}@remote.test" for n in range(245)]
    recipients = [f"{user}@example.test" for user in local] + remote
    lab.send("frank@example.test", recipients, mail.message(mark), from_mx=True)
    needle = mark.encode()
    wait_for(lambda: sum(len(m.recipients) for m in lab.sink.find(needle)) >= len(remote), 60, "all remote recipients")
    for user in local:
        lab.sandwich.delivered(user, mark)
    lab.sandwich.settle()
    found = sorted(r.split()[0].strip("<>") for m in lab.sink.find(needle) for r in m.recipients)
    expect_equal(found, remote, "remote recipients")
    for user in local:
        lab.sandwich.delivered(user, mark)


def case_bounce_from_null_sender(lab):
    mark = mail.token()
    lab.send("", ["alice@example.test"], mail.message(mark, sender=""))
    stored = lab.sandwich.delivered("alice", mark)[0]
    expect(mail.header_of(stored, "Return-Path") in (["<>"], ["<MAILER-DAEMON>"]), "the null sender is kept")
    expect(lab.sandwich.log("sm-deliv", "from=<>", mark), "the delivery Sendmail saw the null sender")


def case_unknown_user_refused_in_session(lab):
    with lab.session() as client:
        client.mail_from("s@outside.test")
        try:
            client.rcpt_to("nosuch@example.test")
        except Refused as refusal:
            expect_equal(refusal.code, 550, "reply")
            expect("5.1.1" in str(refusal), str(refusal))
        else:
            raise AssertionError("an unknown user was accepted")
        mark = mail.token()
        client.rcpt_to("alice@example.test")
        client.send_data(mail.message(mark))
    lab.sandwich.delivered("alice", mark)


def case_remote_refusal_bounces_once(lab):
    mark = mail.token()
    lab.sink.rcpt_reply = lambda recipient: "550 5.1.1 nobody of that name" if "gone" in recipient else "250 2.1.5 ok"
    lab.send("back@outside.test", ["gone@remote.test"], mail.message(mark), from_mx=True)
    bounce = lab.arrived(lab.home, mark)[0]
    expect(bounce.mail.startswith("<>"), bounce.mail)
    expect_equal(re.findall(rb"(?m)^Action: (\S+)", bounce.data), [b"failed"], "DSN actions")
    lab.sandwich.settle()
    lab.arrived(lab.home, mark)


def case_local_submission(lab):
    need_system(lab)
    need_networks(lab)
    mark = mail.token()
    text = f"From: dave@example.test\nTo: alice@example.test, ann@remote.test\nMessage-ID: <{mark}@example.test>\n\n"
    text += "Submitted.\n.\nstill\n"
    done = lab.sandwich.inside("/bin/sh", "-c", "exec setpriv --reuid dave --regid dave --clear-groups /usr/sbin/sendmail -i -t", input=text)
    expect_equal((done.returncode, done.stdout), (0, ""), "sendmail -t")
    stored = lab.sandwich.delivered("alice", mark)[0]
    expect_equal(mail.body_of(stored), b"Submitted.\n.\nstill\n", "body")
    lab.arrived(lab.sink, mark)
    queue_id = re.search(r"sm-in\[\d+\]: (\w+): from=<dave@\S+>", lab.sandwich.log("sm-in", "from=<dave@", mark)[0]).group(1)
    handed_on = lambda: lab.sandwich.log("sm-in", queue_id, "<alice@example.test>", "accepted for delivery (")  # noqa: E731
    wait_for(handed_on, 10, "the log says that it went through the scanner")
