#!/usr/bin/python3
"""Rules that change the body of a mail, through real sessions: strip, clean, stamp; what was not named stays, octet for octet."""

import base64
import email
import re

from ruled import Here, mail
from samples import eicar, own_fields, zipped
from suite import Suite, check, equal

from sink import CLOSE

suite = Suite()
PROGRAM = b"MZ" + bytes(range(256)) * 4


def part(octets, name, content_type="application/octet-stream"):
    encoded = base64.encodebytes(octets).replace(b"\n", b"\r\n")
    return (f'Content-Type: {content_type}; name="{name}"\r\nContent-Transfer-Encoding: base64\r\n'
            f'Content-Disposition: attachment; filename="{name}"\r\n\r\n').encode() + encoded


def mixed(*parts, boundary="b1", text=b"Content-Type: text/plain\r\n\r\nSee the attachments."):
    body = b"".join(b"--" + boundary.encode() + b"\r\n" + one.rstrip(b"\r\n") + b"\r\n" for one in (text, *parts))
    return mail(body + b"--" + boundary.encode() + b"--\r\n",
                headers=("MIME-Version: 1.0", f'Content-Type: multipart/mixed; boundary="{boundary}"'))


def leaves(data):
    """(type, file name, octets) of what a mail reader sees."""
    return [(one.get_content_type(), one.get_filename(), one.get_payload(decode=True))
            for one in email.message_from_bytes(data).walk() if not one.is_multipart()]


STRIP = """
[rule programs]
if = extension exe
do = strip area=programs The file %FILENAME% was taken out (rule %RULENAME%), see %QUARANTINE%.
"""


@suite.test
def strip_takes_out_what_matched_and_keeps_the_original():
    with Here(STRIP) as here:
        text = mixed(part(b"%PDF-1.4 not touched", "a.pdf", "application/pdf"), part(PROGRAM, "setup.exe"),
                     part(zipped(PROGRAM, "deep/inner.exe"), "tools.zip"), part(b"\0\1\2", "b.bin"))
        equal(here.send(text).code, 250)
        _, sent = own_fields(here.sink.messages[-1].data)
        seen = leaves(sent)
        equal([(kind, name) for kind, name, _ in seen],
              [("text/plain", None), ("application/pdf", "a.pdf"), ("text/plain", None), ("text/plain", None),
               ("application/octet-stream", "b.bin")])
        shown, = here.held("programs")
        entry = re.search(r"^id: +(\w+)", shown, re.M).group(1)
        for index, name in ((2, "setup.exe"), (3, "tools.zip")):
            equal(" ".join(seen[index][2].decode().split()), f"The file {name} was taken out (rule programs), see {entry}.")
        equal(here.original(shown), text)
        # All that was not taken out is there, octet for octet.
        for kept in (text[:text.index(b"--b1\r\nContent-Type: application/octet-stream")],
                     text[text.rindex(b"--b1\r\nContent-Type: application/octet-stream"):]):
            check(kept in sent, kept[:100])
        # What is kept can be had by whoever was to get it.
        equal(here.daemon.ctl("quarantine", "release", entry).returncode, 0)
        check(here.sink.wait(2)[-1].data.endswith(text.split(b"\r\n\r\n", 1)[1]))


@suite.test
def strip_of_a_mail_that_is_nothing_else():
    with Here(STRIP) as here:
        text = mail(base64.encodebytes(PROGRAM).replace(b"\n", b"\r\n"),
                    headers=("MIME-Version: 1.0", 'Content-Type: application/octet-stream; name="a.exe"',
                             "Content-Transfer-Encoding: base64", "X-Kept: yes"))
        equal(here.send(text).code, 250)
        _, sent = own_fields(here.sink.messages[-1].data)
        (kind, name, octets), = leaves(sent)
        equal((kind, name), ("text/plain", None))
        check(b"a.exe was taken out" in octets, octets)
        for line in (b"Subject: a test\r\n", b"X-Kept: yes\r\n", b"MIME-Version: 1.0\r\n"):
            equal(sent.count(line), 1, line)


@suite.test
def strip_all_takes_out_every_attachment():
    with Here("[rule all]\ndo = strip_all gone\n") as here:
        text = mixed(part(b"one", "1.txt", "text/plain"), part(b"two", "2.png", "image/png"))
        equal(here.send(text).code, 250)
        equal([octets.strip() for _, _, octets in leaves(here.sink.messages[-1].data)],
              [b"See the attachments.", b"gone", b"gone"])
        equal(len(here.held()), 1)
        # Nothing to take out: nothing is changed, nothing is kept.
        plain = mail(b"only text\r\n")
        equal(here.send(plain).code, 250)
        equal(own_fields(here.sink.messages[-1].data)[1], plain)
        equal(len(here.held()), 1)


@suite.test
def what_cannot_be_taken_out_is_held():
    # The rule is about the virus, and no scanner says where it is; a broken mail is read otherwise by others.
    with Here("[rule found]\nif = virus\ndo = strip\ndo = deliver\n") as here:
        reply = here.send(mixed(part(eicar(), "a.com")))
        equal(reply.code, 250)
        equal(here.delivered(), [])
        check("could not be changed" in here.held()[0], here.held())
    with Here(STRIP) as here:
        broken = mixed(part(PROGRAM, "a.exe")).replace(b'boundary="b1"', b'boundary="b1"; boundary="b2"')
        equal(here.send(broken).code, 250)
        equal(here.delivered(), [])
        check("could not be changed" in here.held()[0], here.held())
        check(here.daemon.wait_log("edit_failed"))


@suite.test
def what_is_left_is_scanned_again_before_a_rule_delivers_it():
    """A rule that delivers what a scanner found does so for what is left of it, and only if nothing is found any more."""
    with Here("""
[rule strip]
match = any
if = virus
if = extension exe
do = strip
do = deliver
""") as here:
        # The rule applies for the virus and for the program; only the program is taken out.
        equal(here.send(mixed(part(PROGRAM, "a.exe"), part(eicar(), "b.doc"))).code, 250)
        equal(here.delivered(), [])
        check("what is left: found" in here.held()[-1], here.held())
        # In the program itself it is gone with it.
        equal(here.send(mixed(part(PROGRAM, "fine.exe"))).code, 250)
        equal(here.send(mixed(part(eicar(), "b.exe"))).code, 250)
        equal(here.delivered(), ["b@to.test"] * 2)
        check(eicar() not in b"".join(octets for _, _, octets in leaves(here.sink.messages[-1].data)))
    with Here("[rule strip]\nif = virus\ndo = strip_all\ndo = deliver\n") as here:
        # In the text, and nothing is attached; or something is, and it is still in the text.
        for text in (mail(eicar() + b"\r\n"), mixed(part(b"x", "x.bin"), text=b"Content-Type: text/plain\r\n\r\n" + eicar())):
            equal(here.send(text).code, 250)
            equal(here.delivered(), [])
        equal(len([shown for shown in here.held() if "could not be changed" in shown]), 2)


@suite.test
def a_retry_keeps_the_original_once():
    with Here(STRIP) as here:
        text = mixed(part(PROGRAM, "a.exe"))
        here.sink.react["dot"] = "452 4.3.1 full"
        equal(here.send(text).code, 452)
        equal(len(here.held("programs")), 1)
        here.sink.react.clear()
        equal(here.send(text).code, 250)
        shown, = here.held("programs")
        note = leaves(here.sink.messages[-1].data)[1][2].decode()
        check(re.search(r"^id: +(\w+)", shown, re.M).group(1) in note, note)


@suite.test
def when_the_original_cannot_be_kept_nothing_is_delivered():
    with Here(STRIP, {"quarantine.max_size": "2k"}) as here:
        equal(here.send(mixed(part(PROGRAM * 8, "a.exe"))).code, 451)
        equal(here.delivered(), [])


@suite.test
def recipients_of_one_mail_get_what_is_theirs():
    with Here("""
[rule strict]
to = strict.test
if = extension exe
do = strip
[rule all]
to = stamped.test
do = stamp note
[stamp note]
text = Mind the attachment.
""") as here:
        text = mixed(part(PROGRAM, "a.exe"))
        equal(here.send(text, "a@strict.test", "b@stamped.test", "c@plain.test").code, 250)
        sent = {to: own_fields(here.sink.messages[i].data)[1] for i, to in enumerate(here.delivered())}
        equal(sent["c@plain.test"], text)
        check(b"Mind the attachment." in sent["b@stamped.test"])
        equal(leaves(sent["b@stamped.test"])[1][2], PROGRAM)
        check(PROGRAM not in [octets for _, _, octets in leaves(sent["a@strict.test"])])
        check(b"Mind the attachment." not in sent["a@strict.test"])


CLEAN = """
[rule clean]
if = virus
do = clean An infected file has been taken out.
"""


@suite.test
def clean_takes_out_what_is_infected():
    with Here(CLEAN) as here:
        equal(here.send(mixed(part(b"fine", "fine.bin"), part(eicar(), "bad.com"))).code, 250)
        equal(here.delivered(), ["b@to.test"])
        seen = leaves(here.sink.messages[-1].data)
        equal([octets for _, name, octets in seen if name == "fine.bin"], [b"fine"])
        check(not any(eicar() in octets for _, _, octets in seen), seen)
        check(any(b"has been taken out" in octets for _, _, octets in seen), seen)
        equal(len(here.held()), 1)


@suite.test
def what_is_still_infected_after_cleaning_is_held():
    # Seen only in the mail as a whole: in no entity.
    with Here(CLEAN) as here:
        text = mail(b"\r\n".join(base64.encodebytes(eicar()).split()) + b"\r\n",
                    headers=("MIME-Version: 1.0", "Content-Type: text/plain", "Content-Transfer-Encoding: x-unknown",
                             "Content-Transfer-Encoding: base64"))
        equal(here.send(text).code, 250)
        equal([data for data in map(lambda m: m.data, here.sink.messages) if b"X-Sandwich-Verdict: clean" in data], [])
        check(here.held(), here.daemon.log()[-500:])


STAMP = """
[rule disclaimer]
do = stamp disclaimer
[stamp disclaimer]
place = end
text = This mail is confidential.
text = Grüße aus dem Büro
"""


@suite.test
def a_stamp_is_put_into_what_people_read():
    with Here(STAMP) as here:
        equal(here.send(mail("Häuser\r\n".encode(), headers=("MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8",
                                                            "Content-Transfer-Encoding: 8bit"))).code, 250)
        (_, _, octets), = leaves(here.sink.messages[-1].data)
        text = octets.decode("utf-8")
        check(text.startswith("Häuser") and "This mail is confidential." in text and "Grüße aus dem Büro" in text, text)
        alternative = mail(
            b"--a\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
            b"Stra=DFe\r\n--a\r\nContent-Type: text/html; charset=us-ascii\r\n\r\n<html><body><p>Street</p></body></html>\r\n--a--\r\n",
            headers=("MIME-Version: 1.0", "Content-Type: multipart/alternative; boundary=a"))
        equal(here.send(alternative).code, 250)
        (_, _, plain), (_, _, html) = leaves(here.sink.messages[-1].data)
        check("Straße" in plain.decode("iso-8859-1") and "Grüße" in plain.decode("iso-8859-1"), plain)
        check(html.index(b"confidential") < html.index(b"</body>"), html)


@suite.test
def signed_and_encrypted_mails_get_no_stamp():
    with Here(STAMP) as here:
        signed = mail(b"--s\r\nContent-Type: text/plain\r\n\r\nsigned\r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\n"
                      b"-----BEGIN PGP SIGNATURE-----\r\n\r\nxx\r\n-----END PGP SIGNATURE-----\r\n--s--\r\n",
                      headers=("MIME-Version: 1.0",
                               'Content-Type: multipart/signed; protocol="application/pgp-signature"; micalg=pgp-sha1; boundary=s'))
        inline = mail(b"-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA1\r\n\r\ntext\r\n-----BEGIN PGP SIGNATURE-----\r\n")
        for text in (signed, inline):
            equal(here.send(text).code, 250)
            equal(own_fields(here.sink.messages[-1].data)[1], text)


@suite.test
def an_upstream_that_leaves_while_a_mail_is_changed_finds_it_again():
    with Here(STRIP) as here:
        text = mixed(part(PROGRAM, "a.exe"))
        here.sink.react["dot"] = CLOSE
        equal(here.send(text).code, 451)
        here.sink.react.clear()
        here.daemon.wait_downstream()
        equal(here.send(text).code, 250)
        equal(len(here.held("programs")), 1)


if __name__ == "__main__":
    suite.main()
