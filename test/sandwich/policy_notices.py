#!/usr/bin/python3
"""Notices that rules ask for: to whom, with what in them, once, and not too many."""

import email
import email.policy
import re

from ruled import Here, mail
from samples import eicar, encrypted_zip, with_attachment
from suite import Suite, check, equal, wait_for

from sink import Delay

suite = Suite()
NOTICE = """
[notice told]
to = {to}
subject = %ACTION%: %SUBJECT%
text = Sender %SENDER%, recipients %RCPTS%, rule %RULENAME%.
text = Held as %QUARANTINE%, virus %VIRUSNAME%, files %FILENAME%, id %ID%, of %INBOUNDID%, %MSGID%.
text = 100%% by %HOST%
{more}
"""


def rule(to="recipients", more="", what="do = quarantine"):
    return NOTICE.format(to=to, more=more) + f"[rule about]\nfrom = a@from.test\n{what}\ndo = notify told\n"


def notices(here):
    return [m for m in here.sink.messages if b"Auto-Submitted: auto-generated" in m.data]


def read(notice):
    """(envelope's sender, its recipients, the mail)."""
    return (notice.mail.split(">")[0].strip("<"), [r.split(">")[0].strip("<") for r in notice.recipients],
            email.message_from_bytes(notice.data, policy=email.policy.default))


def wait_notices(here, count):
    wait_for(f"{count} notices", lambda: len(notices(here)) >= count)
    return [read(one) for one in notices(here)]


@suite.test
def a_notice_tells_what_became_of_the_mail():
    with Here(rule()) as here:
        text = mail().replace(b"Subject: a test", "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=".encode())
        reply = here.send(text, "b@to.test", "c@to.test")
        equal(reply.code, 250)
        told = wait_notices(here, 2)
        held, = here.held()
        entry = re.search(r"^id: +(\w+)", held, re.M).group(1)
        equal(sorted(recipients for _, recipients, _ in told), [["b@to.test"], ["c@to.test"]])
        for sender, recipients, notice in told:
            equal(sender, "")
            equal((notice["To"], notice["Subject"]), (recipients[0], "quarantine: Grüße"))
            check(notice["Date"] and notice["Message-ID"] and notice["From"], notice)
            body = " ".join(notice.get_content().split())
            for part in ("Sender a@from.test", "b@to.test, c@to.test", "rule about.", f"Held as {entry},", "virus none",
                         f"id {entry},", "of 6AP", "<1@from.test>", "100% by "):
                check(part in body, part, body)


@suite.test
def to_whom():
    with Here(rule("sender recipients postmaster audit@ours.test", what="do = discard")) as here:
        equal(here.send(mail(), "b@to.test").code, 250)
        told = wait_notices(here, 4)
        equal(sorted(r for _, recipients, _ in told for r in recipients), ["a@from.test", "audit@ours.test", "b@to.test", "postmaster"])
    with Here(rule("sender audit@ours.test").replace("from = a@from.test\n", "")) as here:
        # Nobody is told who has no address.
        equal(here.send(mail(), "b@to.test", sender="").code, 250)
        equal([recipients for _, recipients, _ in wait_notices(here, 1)], [["audit@ours.test"]])


@suite.test
def what_is_delivered_deferred_and_refused_is_told_of_too():
    for what, action, code in (("do = deliver", "deliver", 250), ("do = tag_subject [X]", "deliver", 250),
                               ("do = reject", "reject", 554), ("do = defer", "defer", 451)):
        with Here(rule("audit@ours.test", what=what)) as here:
            equal(here.send(mail(), "b@to.test").code, code)
            (_, _, notice), = wait_notices(here, 1)
            equal(notice["Subject"], f"{action}: a test")


@suite.test
def a_virus_that_is_held_is_named():
    with Here(NOTICE.format(to="recipients", more="") + "[rule about]\nif = virus\ndo = notify told\n") as here:
        equal(here.send(mail(eicar() + b"\r\n"), "b@to.test").code, 250)
        (_, _, notice), = wait_notices(here, 1)
        check("virus Sandwich.Test.EICAR" in notice.get_content(), notice)
        equal(notice["Subject"], "quarantine: a test")
        check(eicar() not in notices(here)[0].data)


@suite.test
def files_are_named():
    with Here(NOTICE.format(to="recipients", more="") + "[rule about]\nif = encrypted\ndo = quarantine\ndo = notify told\n",
              {"scanner.clamav.encrypted_action": "quarantine"}) as here:
        text = mail() + b""
        with_zip = with_attachment(encrypted_zip(), "secret.zip", "application/zip")
        received = text.split(b"From: ")[0]
        equal(here.send(received + with_zip, "b@to.test").code, 250)
        (_, _, notice), = wait_notices(here, 1)
        check("files secret.zip" in notice.get_content(), notice.get_content())


@suite.test
def a_retry_is_not_told_of_again():
    with Here(rule("audit@ours.test", what="do = defer")) as here:
        text = mail()
        for _ in range(3):
            equal(here.send(text, "b@to.test").code, 451)
        wait_notices(here, 1)
        # Another mail is another matter.
        equal(here.send(mail(), "b@to.test").code, 451)
        wait_notices(here, 2)
        equal(len(notices(here)), 2)


@suite.test
def nothing_is_told_of_what_could_not_be_done():
    with Here(rule("audit@ours.test", what="do = tag_subject [X]")) as here:
        text = mail()
        here.sink.react["dot"] = "452 4.3.1 full"
        equal(here.send(text, "b@to.test").code, 452)
        here.sink.react.clear()
        equal(here.send(text, "b@to.test").code, 250)
        wait_notices(here, 1)
        equal(len(notices(here)), 1)


@suite.test
def so_many_an_hour():
    with Here(rule("audit@ours.test", "per_hour = 3")) as here:
        for _ in range(6):
            equal(here.send(mail(), "b@to.test").code, 250)
        equal(len(here.daemon.wait_log("notice_failed: .*more than 3 in an hour", count=3)), 3)
        wait_notices(here, 3)
        equal(len(notices(here)), 3)
        equal(len(here.held()), 6)


@suite.test
def a_notice_that_fails_holds_up_nothing():
    with Here(rule("audit@ours.test", what="do = deliver")) as here:
        here.sink.react["RCPT"] = lambda session, argument: "550 5.1.1 unknown" if "audit" in argument else None
        equal(here.send(mail(), "b@to.test").code, 250)
        check(here.daemon.wait_log("notice_failed: .*audit@ours.test"))
        here.sink.react["RCPT"] = lambda session, argument: Delay(3600) if "audit" in argument else None
        equal(here.send(mail(), "b@to.test").code, 250)
        equal(here.delivered(), ["b@to.test"] * 2)


@suite.test
def nothing_in_a_mail_gets_into_the_header_of_a_notice():
    with Here(rule("audit@ours.test")) as here:
        subject = "=?utf-8?q?x=0D=0ABcc:_evil@bad.test=0D=0A=0D=0Abody?="
        equal(here.send(mail().replace(b"Subject: a test", f"Subject: {subject}".encode()), "b@to.test").code, 250)
        (_, recipients, notice), = wait_notices(here, 1)
        equal(recipients, ["audit@ours.test"])
        equal(notice["Bcc"], None)
        check("evil@bad.test" in notice["Subject"], notice["Subject"])


if __name__ == "__main__":
    suite.main()
