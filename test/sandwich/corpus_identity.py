#!/usr/bin/python3
"""Clean mail leaves byte-identical but for the trace fields at the top: a set of odd messages, and all collected mail."""

import os
import re
import threading
import time

import corpus
from canonical import from_file, without_own_fields
from daemon import Daemon
from samples import own_fields
from suite import Suite, check, equal

from flood import Flood
from sink import Sink

suite = Suite()
SESSIONS = 8


def odd_messages():
    """About 60 that a parser may trip over."""
    head = b"From: a@from.test\r\nSubject: odd\r\n"
    crlf = b"\r\n"
    yield b""
    yield crlf
    yield crlf * 2
    yield b"no header at all, no colon\r\n"
    yield b"\r\nbody only\r\n"
    yield head
    yield head + crlf
    yield head + b"\r\nbody"
    yield b" starts with a blank\r\n" + head + b"\r\nbody\r\n"
    yield b"\tstarts with a tab\r\n" + head + b"\r\nbody\r\n"
    yield b": no name\r\n" + head + b"\r\nbody\r\n"
    yield head + b"line without colon\r\nTo: after it\r\n\r\nbody\r\n"
    yield head + b"Folded: a\r\n b\r\n\tc\r\n  \r\n d\r\n\r\nbody\r\n"
    yield head + b"Empty:\r\n\r\nbody\r\n"
    yield head + b"  \r\n\r\nbody\r\n"
    yield b">From me\r\n" + head + b"\r\nFrom you\r\n>From them\r\n"
    yield head + b"X-Long: " + b"x" * 100000 + b"\r\n\r\nbody\r\n"
    yield head + b"".join(b"X-%d: y\r\n" % number for number in range(5000)) + b"\r\nbody\r\n"
    yield head + b"X-Bytes: " + bytes(set(range(256)) - {10, 13}) + b"\r\n\r\n" + bytes(set(range(256)) - {10, 13}) + crlf
    yield head + b"\r\n" + b"\x00" * 5000 + crlf
    yield head + b"\r\n" + b"long line " * 30000 + crlf
    yield head + b"\r\n" + crlf * 20000
    yield head + b"\r\n" + b".\r\n" * 3000
    yield head + b"\r\n" + b"..\r\n.\r\n...\r\n"
    yield head + b"\r\nbegin 644 x\r\n#86)C\r\n`\r\nend\r\n"
    yield head + b"\r\n%PDF-1.4\r\nbroken\r\n"
    yield head + b"\r\nMZ" + b"\x90" * 100 + crlf
    yield head + b"\r\nPK\x03\x04" + b"\xff" * 200 + crlf
    yield head + b"X-Sandwich-Verdict: forged\r\n\tfolded\r\n\r\nX-Sandwich-Verdict: body\r\n"
    yield b"X-Sandwich-Test-: none\r\n" + head + b"\r\nbody\r\n"
    yield b"X-SANDWICH-A: 1\r\nx-sandwich-b: 2\r\n" + head + b"X-Sandwich-C : 3\r\n\r\nbody\r\n"
    yield head + "Subject: gr\u00fc\u00dfe \u7528\u6237\r\n\r\n\u7528\u6237\r\n".encode()
    yield head + "Subject: b\u00e4r\r\n\r\nb\u00e4r\r\n".encode("latin-1")
    yield "\ufeff".encode() + head + b"\r\nwith a byte order mark\r\n"
    yield head + "Subject: x\r\n\r\nutf-16".encode("utf-16-le").replace(b"\n", b"n").replace(b"\r", b"r") + crlf
    for boundary in (b'"b"', b"b", b'""', b'"' + b"b" * 500 + b'"', b'"a b"', b"b; boundary=c", b'"unclosed'):
        yield (head + b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=" + boundary + crlf * 2
               + b"preamble\r\n--b\r\nContent-Type: text/plain\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\nepilogue\r\n")
    yield head + b"Content-Type: multipart/mixed; boundary=x\r\n\r\nno part at all\r\n"
    yield head + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n--x\r\n--x--\r\n"
    yield _nested(40)
    yield head + b"Content-Type: message/rfc822\r\n\r\n" + head + b"Content-Type: message/rfc822\r\n\r\n" + head + b"\r\nin\r\n"
    yield head + b"Content-Transfer-Encoding: base64\r\n\r\n!!!! not base64 ====\r\n"
    yield head + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n=\r\n=3\r\n=ZZ==\r\n=3D\r\n"
    yield head + b"Content-Transfer-Encoding: x-unknown\r\n\r\nbody\r\n"
    yield head + b"Content-Type: text/plain; charset=no-such\r\n\r\nbody\r\n"
    yield head + b"Content-Type: text/html\r\n\r\n<html><script>x</scr\r\nipt>\r\n"
    yield head + b"DKIM-Signature: v=1; a=rsa-sha256; b=\r\n  AbC\r\n\tdEf==\r\n\r\nbody  \r\n\r\n\r\n"
    for tail in (b"a\rb\r\n", b"a\nb\r\n", b"a\r\r\nb\r\n", b"\n.\n\r\n", b"x\r", b"x\n"):
        yield head + b"\r\n" + tail


def _nested(depth):
    text = b"innermost\r\n"
    for level in range(depth):
        boundary = b"level%d" % level
        text = b"Content-Type: multipart/mixed; boundary=" + boundary + b"\r\n\r\n--" + boundary + b"\r\n" + text + b"\r\n--" + boundary + b"--\r\n"
    return b"Subject: deep\r\n" + text


def all_identical(texts, progress):
    """Sends them all; each arrives as it was. An identification is in the envelope, since nothing may be put into the text."""
    arrived, lock = {}, threading.Lock()

    def take(message):
        with lock:
            arrived.setdefault(int(message.mail.strip("<>").split("@")[0][1:]), []).append(message.data)

    settings = {"scanner.clamav.action": "tag-and-deliver", "scanner.clamav.failure_action": "deliver-with-mark",
                "scanner.clamav.encrypted_action": "deliver-with-mark", "content.limit_action": "deliver-with-mark"}
    with Sink(keep=False, on_message=take) as sink, Daemon(sink.port, settings) as daemon:
        begin = time.monotonic()

        def show(done):
            if progress and done % 1000 == 0:
                print(f"# {done} of {len(texts)} after {time.monotonic() - begin:.0f} s", flush=True)

        flood = Flood(daemon.port, ((f"m{number}@from.test", "b@to.test", text) for number, text in enumerate(texts)), SESSIONS, show)
        flood.run(180)
        bad = {number: reply for number, reply in flood.replies.items() if not reply.startswith("250")}
        equal((len(flood.replies), bad, flood.troubles), (len(texts), {}, []), "replies")
        changed = []
        for number, text in enumerate(texts):
            copies = arrived.get(number, [])
            equal(len(copies), 1, f"copies of message {number}")
            if own_fields(copies[0])[1] != _expected(text):
                changed.append(number)
        equal(changed, [], f"messages that changed; the first: {_difference(texts, arrived, changed)}")
        not_checked = len(daemon.log_lines(r"verdict=cannot tell"))
        seconds = flood.seconds
    return seconds, not_checked


def _expected(text):
    return without_own_fields(text if text.endswith(b"\r\n") or not text else text + b"\r\n")


def _difference(texts, arrived, changed):
    if not changed:
        return ""
    got, wanted = own_fields(arrived[changed[0]][0])[1], _expected(texts[changed[0]])
    at = next((i for i, (a, b) in enumerate(zip(got, wanted)) if a != b), min(len(got), len(wanted)))
    return f"at octet {at}: got {got[at - 20:at + 40]!r}, wanted {wanted[at - 20:at + 40]!r}"


@suite.test
def odd_messages_are_identical():
    # What is bare in them is mended on the way; tested apart (text_smuggling).
    texts = [from_file(text) for text in odd_messages()]
    check(len(texts) >= 55, f"{len(texts)} messages")
    all_identical(texts, False)


@suite.test
def collected_mail_is_identical():
    top = corpus.directory()
    texts = []
    for room in ("ham", "spam", "mime"):
        before = len(texts)
        for folder, _, names in sorted(os.walk(os.path.join(top, room))):
            for name in sorted(names):
                path = os.path.join(folder, name)
                if not _is_mail(path):
                    continue
                with open(path, "rb") as file:
                    data = file.read()
                parts = re.split(rb"^(?=From )", data, flags=re.M) if name.endswith(".mbox") else [data]
                texts += [from_file(part) for part in parts if part]
        print(f"# {room}: {len(texts) - before} messages", flush=True)
    check(len(texts) > 6500, f"only {len(texts)} messages in the corpus")
    seconds, not_checked = all_identical(texts, True)
    print(f"# {len(texts)} messages in {seconds:.1f} s, {len(texts) / seconds:.0f} a second; {not_checked} beyond what can be checked", flush=True)
    check(seconds < 120, f"took {seconds:.0f} s")
    check(not_checked * 100 < len(texts), f"{not_checked} messages could not be checked")


def _is_mail(path):
    """What the collections hold beside mail: lists, licences, expected results."""
    name = os.path.basename(path)
    return not (name.endswith((".json", ".tsv", ".md", ".toml", ".sh", ".py")) or "LICENSE" in path)


if __name__ == "__main__":
    suite.main()
