"""Infected mail of every wrapping is held, never delivered, and delivered once when it is released."""

import base64
import io
import zipfile

from lab import mail
from lab.case import expect, expect_equal
from lab.sandwich import wait_for


def _attachment(name, kind, content, encoding="base64"):
    """Header fields and body of a message with one attachment."""
    encoded = base64.encodebytes(content).replace(b"\n", b"\r\n") if encoding == "base64" else content + b"\r\n"
    body = (
        b"--limit\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n--limit\r\n"
        + f"Content-Type: {kind}; name={name}\r\nContent-Transfer-Encoding: {encoding}\r\n".encode()
        + f"Content-Disposition: attachment; filename={name}\r\n\r\n".encode()
        + encoded
        + b"--limit--\r\n"
    )
    return ("MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=limit"), body


def _zip(name, content):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


def _held(lab, mark):
    """Waits until exactly one message with `mark` is in the quarantine; returns its id."""
    wait_for(lambda: lab.sandwich.quarantined(mark), 30, "the message is in the quarantine")
    lab.sandwich.settle()
    held = lab.sandwich.quarantined(mark)
    expect_equal(len(held), 1, "entries in the quarantine")
    expect(held[0] in lab.sandwich.ctl("quarantine", "list"), "sandwichctl lists it")
    return held[0]


def _hold_and_release(lab, headers, body):
    mark = mail.token()
    sent = mail.message(mark, body, to="bob@example.test, ann@remote.test", headers=headers)
    recipients = ["alice@example.test", "bob@example.test", "ann@remote.test"]
    lab.send("dave@example.test", recipients, sent, from_mx=True)
    number = _held(lab, mark)
    for user in ("alice", "bob"):
        expect(not lab.sandwich.mailbox(user, mark), f"infected mail reached {user}")
    expect(not lab.sink.find(mark.encode()), "infected mail left for a remote host")
    shown = lab.sandwich.ctl("quarantine", "show", number)
    for what in ("dave@example.test", *recipients):
        expect(what in shown, f"{what} is missing in what `show` prints: {shown}")
    lab.sandwich.ctl("quarantine", "release", number)
    for user in ("alice", "bob"):
        stored = lab.sandwich.delivered(user, mark)[0]
        expect(stored.endswith(sent.replace(b"\r\n", b"\n")), "released as it came")
        expect_equal(mail.header_of(stored, "Return-Path"), ["<dave@example.test>"], "the original sender")
    expect(lab.arrived(lab.sink, mark)[0].data.endswith(sent), "released as it came, to the remote host")
    lab.sandwich.settle()
    for user in ("alice", "bob"):
        lab.sandwich.delivered(user, mark)
    lab.arrived(lab.sink, mark)
    return number


def case_eicar_plain(lab):
    number = _hold_and_release(lab, (), mail.EICAR + b"\r\n")
    # What was released stays released: a second call must not deliver it again unasked.
    done = lab.sandwich.proxy_program("sandwichctl", "-c", lab.sandwich.config_path, "quarantine", "release", number)
    lab.sandwich.settle()
    expect(done.returncode != 0, f"released twice without a word: {done.stdout}")


def case_eicar_zipped(lab):
    _hold_and_release(lab, *_attachment("invoice.zip", "application/zip", _zip("invoice.com", mail.EICAR)))


def case_eicar_base64(lab):
    _hold_and_release(lab, *_attachment("eicar.com", "application/octet-stream", mail.EICAR))


def case_eicar_from_outside_and_deleted(lab):
    mark = mail.token()
    lab.send("s@outside.test", ["alice@example.test"], mail.message(mark, mail.EICAR + b"\r\n"))
    number = _held(lab, mark)
    wait_for(lambda: lab.sandwich.log("sandwichd[", number, "verdict="), 10, "the log line has the verdict")
    lab.sandwich.ctl("quarantine", "delete", number)
    expect(not lab.sandwich.quarantined(mark), "deleted")
    expect(number not in lab.sandwich.ctl("quarantine", "list"), "not listed any more")
    lab.sandwich.settle()
    expect(not lab.sandwich.mailbox("alice", mark), "infected mail reached alice")


def case_eicar_in_a_bounce_is_held_not_refused(lab):
    """A 5xx to a message from <> would end in dead.letter."""
    mark = mail.token()
    lab.send("", ["alice@example.test"], mail.message(mark, mail.EICAR + b"\r\n", sender=""))
    number = _held(lab, mark)
    expect(not lab.sandwich.mailbox("alice", mark), "infected mail reached alice")
    expect(not lab.home.find(mark.encode()), "somebody was told")
    lab.sandwich.ctl("quarantine", "release", number)
    lab.sandwich.delivered("alice", mark)


def case_quarantine_survives_a_restart(lab):
    mark = mail.token()
    lab.send("s@outside.test", ["alice@example.test"], mail.message(mark, mail.EICAR + b"\r\n"))
    number = _held(lab, mark)
    lab.sandwich.stop_proxy()
    lab.sandwich.start_proxy()
    expect(number in lab.sandwich.ctl("quarantine", "list"), "still listed after a restart")
    lab.sandwich.ctl("quarantine", "release", number)
    lab.sandwich.delivered("alice", mark)
