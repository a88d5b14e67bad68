"""Rules of a content policy between two real Sendmails: what is changed, copied, sent to others, refused, put off."""

import base64
import contextlib
import email
import re

from lab import mail
from lab.case import expect, expect_equal
from lab.sandwich import wait_for

POLICY = "/etc/sandwich/policy.ini"


@contextlib.contextmanager
def _policy(lab, text):
    """The daemon under these rules; yields what gives it others while it runs."""
    sandwich = lab.sandwich

    def change(rules):
        sandwich.root.write(POLICY, rules)
        sandwich.stop_proxy()
        sandwich.start_proxy()

    sandwich.write_config(f"[policy]\npolicy_file={sandwich._proxy_path(POLICY)}\n")
    change(text)
    try:
        yield change
    finally:
        sandwich.stop_proxy()
        sandwich.write_config()
        sandwich.start_proxy()


def _program(name):
    return (("MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=limit"),
            b"--limit\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n--limit\r\n"
            + f"Content-Type: application/octet-stream; name={name}\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode()
            + base64.encodebytes(b"MZ" + bytes(200)).replace(b"\n", b"\r\n") + b"--limit--\r\n")


def case_policy_strips_stamps_and_tells(lab):
    with _policy(lab, """
[rule programs]
if = extension exe
do = strip The file %FILENAME% is kept as %QUARANTINE%.
do = stamp note
do = notify told
[stamp note]
text = Mail from outside.
[notice told]
to = postmaster
subject = Taken out: %SUBJECT%
text = %SENDER% sent %FILENAME% to %RCPTS%.
"""):
        mark = mail.token()
        headers, body = _program("setup.exe")
        sent = mail.message(mark, body, headers=headers)
        lab.send("s@outside.test", ["alice@example.test"], sent)
        stored = lab.sandwich.delivered("alice", mark)[0]
        leaves = [one for one in email.message_from_bytes(stored).walk() if not one.is_multipart()]
        expect_equal([one.get_content_type() for one in leaves], ["text/plain", "text/plain"], "what is left")
        expect(b"Mail from outside." in leaves[0].get_payload(decode=True), "the stamp")
        number, = lab.sandwich.quarantined(mark)
        expect(f"setup.exe is kept as {number}".encode() in leaves[1].get_payload(decode=True), "the note")
        told = lab.sandwich.delivered("frank", mark)[0]  # postmaster is root is frank
        expect(b"s@outside.test sent setup.exe to alice@example.test." in told, "the notice")
        lab.sandwich.ctl("quarantine", "release", number)
        wait_for(lambda: len(lab.sandwich.mailbox("alice", mark)) == 2, 30, "the original arrives")
        expect(lab.sandwich.mailbox("alice", mark)[1].endswith(sent.replace(b"\r\n", b"\n")), "as it came")


def case_policy_copies_and_other_recipients(lab):
    with _policy(lab, """
[rule watched]
to = alice@example.test
do = bcc carol@example.test
[rule moved]
to = dave@example.test
do = change_recipient erin@example.test
[rule gone]
to = bob@example.test
do = remove_recipient
"""):
        mark = mail.token()
        lab.send("s@outside.test", [f"{user}@example.test" for user in ("alice", "bob", "dave")], mail.message(mark))
        for user in ("alice", "carol", "erin"):
            lab.sandwich.delivered(user, mark)
        lab.sandwich.settle()
        for user in ("bob", "dave"):
            expect(not lab.sandwich.mailbox(user, mark), f"{user} got it")
        expect(not lab.home.find(mark.encode()), "somebody was told")


def case_policy_rejects_with_a_bounce(lab):
    with _policy(lab, "[rule refused]\nif = subject *\nfrom = back@outside.test\ndo = reject we take no such mail\n"):
        mark = mail.token()
        lab.send("back@outside.test", ["alice@example.test"], mail.message(mark))
        report = lab.arrived(lab.home, mark)[0]
        expect(b"we take no such mail" in report.data, "the rule's words reach the sender")
        lab.sandwich.settle()
        expect(not lab.sandwich.mailbox("alice", mark), "it was delivered")


def case_policy_delays_to_hours(lab):
    """Sendmail's own retries wait for the hours, and only the first of them is scanned."""
    sandwich = lab.sandwich
    # Hours that are over: they come again next week.
    with _policy(lab, "[rule slow]\nfrom = slow@outside.test\ndo = delay DAY 00:00-00:01 wait for the night\n".replace(
            "DAY", _yesterday())) as change:
        mark = mail.token()
        lab.send("slow@outside.test", ["alice@example.test"], mail.message(mark))
        lines = lambda: [line for line in sandwich.log("sandwichd[", f"<{mark}@outside.test>") if "to=<alice@example.test>" in line]  # noqa: E731
        wait_for(lambda: len(lines()) >= 3, 60, "Sendmail tries three times")
        expect(all("stat=Deferred: until 00:00" in line for line in lines()), f"put off: {lines()}")
        scanned = [line for line in lines() if "verdict=clean" in line]
        expect_equal(len(scanned), 1, "scans")
        expect(not sandwich.mailbox("alice", mark), "it was delivered")
        change("[rule none]\nfrom = nobody@outside.test\ndo = discard\n")
        sandwich.delivered("alice", mark)
        sandwich.settle()
        expect_equal(len(sandwich.mailbox("alice", mark)), 1, "copies")


def _yesterday():
    import time

    return ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(time.localtime().tm_wday - 1) % 7]
