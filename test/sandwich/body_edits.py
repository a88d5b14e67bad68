#!/usr/bin/python3
"""Edited mails: signatures over what was not touched still verify, and nothing of a collected mail (SANDWICH_CORPUS) changes that was
not meant to. Edits are made by test/edits/edit_mail, as a worker makes them; no daemon runs."""

import glob
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import corpus  # noqa: E402
from suite import Failure, Skip, Suite, check, equal  # noqa: E402

suite = Suite()
_work = tempfile.TemporaryDirectory(prefix="sandwich-edits-")


def _program():
    path = os.path.join(os.environ.get("SANDWICH_BUILD", ""), "test", "edits", "edit_mail")
    if not os.access(path, os.X_OK):
        raise Failure(f"no {path}: set SANDWICH_BUILD")
    return path


def _edit(mail, *what):
    """The edited mail, and what was done."""
    done = subprocess.run([_program(), "one", *what], input=mail, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    equal(done.returncode, 0, done.stderr.decode())
    return done.stdout, done.stderr.decode().strip()


def _path(name):
    return os.path.join(_work.name, name)


def _openssl(*arguments, data=b""):
    return subprocess.run(["openssl", *arguments], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)


def _key():
    """A key and a certificate for mail, made once."""
    if not os.path.exists(_path("key.pem")):
        made = _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=a@from.test",
                        "-addext", "keyUsage=digitalSignature", "-addext", "extendedKeyUsage=emailProtection",
                        "-keyout", _path("key.pem"), "-out", _path("certificate.pem"))
        equal(made.returncode, 0, made.stderr.decode())
    return _path("key.pem"), _path("certificate.pem")


def _crlf(data):
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _signed():
    """A signed part, as S/MIME has it."""
    key, certificate = _key()
    made = _openssl("smime", "-sign", "-signer", certificate, "-inkey", key, "-md", "sha256",
                    data=b"Content-Type: text/plain\r\n\r\nThis is signed.\r\n")
    equal(made.returncode, 0, made.stderr.decode())
    return _crlf(made.stdout)


def _verifies(mail):
    _, certificate = _key()
    return _openssl("smime", "-verify", "-CAfile", certificate, "-purpose", "any", data=mail).returncode == 0


HEAD = b"From: a@from.test\r\nTo: b@to.test\r\nSubject: x\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n"


@suite.test
def a_signed_mail_is_not_stamped_and_still_verifies():
    mail = HEAD + _signed()
    check(_verifies(mail), "as it was made")
    check(not _verifies(mail.replace(b"This is", b"This was")), "openssl looks")
    edited, done = _edit(mail, "stamp=A disclaimer.\n")
    equal((edited, done), (mail, "removed 0 stamped 0"))


@suite.test
def a_signed_part_beside_what_is_edited_still_verifies():
    signed = _signed()
    body = re.sub(rb"^MIME-Version: 1.0\r\n", b"", signed)
    mail = (HEAD + b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=edge\r\n\r\n--edge\r\n\r\nSee below.\r\n--edge\r\n"
            + body + b"\r\n--edge\r\nContent-Type: application/x-y\r\n\r\nodd\r\n--edge--\r\n")
    # 1 the mail, 2 the text, 3 the signed part, 4 and 5 in it, 6 the file
    edited, done = _edit(mail, "stamp=A disclaimer.\n", "strip=6")
    equal(done, "removed 1 stamped 1")
    check(b"A disclaimer." in edited and b"odd" not in edited, edited)
    inner = edited[edited.index(b"--edge\r\n" + body[:20]) + len(b"--edge\r\n"):]
    inner = inner[:inner.index(b"\r\n--edge\r\n")]
    equal(inner, body)
    check(_verifies(b"MIME-Version: 1.0\r\n" + inner))


@suite.test
def what_is_removed_from_a_signed_mail_breaks_the_signature_and_nothing_else():
    mail = HEAD + _signed()
    edited, done = _edit(mail, "strip=2")
    equal(done, "removed 1 stamped 0")
    check(not _verifies(edited))
    check(edited.startswith(mail[:mail.index(b"\r\n\r\n")]), "the header stays")


def _dkim():
    try:
        import dkim
    except ImportError as why:
        raise Skip("no python3-dkim") from why
    key, _ = _key()
    public = _openssl("rsa", "-in", key, "-pubout", "-outform", "DER")
    equal(public.returncode, 0, public.stderr.decode())
    import base64
    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public.stdout)
    private = _openssl("rsa", "-in", key, "-traditional").stdout

    def sign(mail, **how):
        return _crlf(dkim.sign(mail, b"s", b"from.test", private, include_headers=[b"From", b"Subject"], **how)) + mail

    def verifies(mail):
        return dkim.verify(mail, dnsfunc=lambda name, timeout=5: record)

    return sign, verifies


@suite.test
def a_dkim_signature_holds_where_its_octets_stay():
    sign, verifies = _dkim()
    mail = HEAD + b"\r\nHello.\r\n"
    signed = sign(mail)
    check(verifies(signed), "as it was made")
    # What is signed up to a length is not touched by what stands behind it.
    counted = sign(mail, length=True)
    check(verifies(counted), "as it was made")
    edited, done = _edit(counted, "stamp=A disclaimer.\n")
    equal(done, "removed 0 stamped 1")
    check(edited.startswith(counted) and verifies(edited))
    edited, _ = _edit(signed, "stamp=A disclaimer.\n")
    check(edited.startswith(signed) and not verifies(edited), "a body hash over all of it")
    # A mail that is left alone leaves as it came.
    sealed = sign(HEAD + _signed())
    edited, _ = _edit(sealed, "stamp=A disclaimer.\n")
    check(edited == sealed and verifies(edited))


def _all(files):
    """The sums of edit_mail all, by what they count."""
    sums = {}
    for at in range(0, len(files), 1000):
        done = subprocess.run([_program(), "all", *files[at:at + 1000]], stdout=subprocess.PIPE, timeout=300)
        for line in done.stdout.decode("utf-8", "replace").splitlines():
            what, count = re.sub(r"\(.*\)", "", line).rsplit(":", 1)
            sums[what] = sums.get(what, 0) + int(count)
        equal(done.returncode, 0, str(sums))
    return sums


def _files(*parts):
    found = sorted(glob.glob(os.path.join(corpus.directory(), *parts), recursive=True))
    return [path for path in found if os.path.isfile(path) and not re.search(r"MANIFEST\.tsv$|\.mbox", path)]


@suite.test
def collected_mail_is_stamped_and_stripped_and_the_rest_stays():
    files = _files("ham", "**")
    sums = _all(files)
    equal(sums["mails"], len(files))
    check(sums["stamped"] > 0.95 * len(files), sums)
    check(sums["stripped"] >= len(files), sums)
    refused = sum(count for what, count in sums.items() if what.startswith("refused"))
    check(refused <= 5, sums)


@suite.test
def broken_mail_stays_whole_or_is_refused():
    files = _files("spam", "**") + _files("mime", "**") + _files("smuggling", "**") + _files("malware-safe", "**", "*.eml")
    sums = _all(files)
    equal(sums["mails"], len(files))
    check(sums["stripped"] > 1000, sums)


if __name__ == "__main__":
    suite.main(_work.cleanup)
