"""The inbound Sendmail speaks LMTP to the proxy (mailer flag z): every recipient gets an answer of its own."""

import contextlib
import re

from lab import mail
from lab.case import expect, expect_equal
from lab.sandwich import wait_for


@contextlib.contextmanager
def _inbound_lmtp(lab, extra=""):
    sandwich = lab.sandwich
    sandwich.stop_inbound()
    sandwich.make_variants("--lmtp")
    if extra:
        sandwich.stop_proxy()
        sandwich.write_config(extra)
        sandwich.start_proxy()
    sandwich.start_inbound()
    try:
        yield
    finally:
        sandwich.stop_inbound()
        sandwich.make_variants()
        if extra:
            sandwich.stop_proxy()
            sandwich.write_config()
            sandwich.start_proxy()
        sandwich.start_inbound()


_DIFFERENT = "[recipients bob@example.test]\naction=reject\n[recipients carol@example.test]\naction=tag-and-deliver\n"


def case_lmtp_an_answer_for_each(lab):
    """One message, three fates: held, refused (so its sender is told, of that recipient alone), delivered with a mark."""
    with _inbound_lmtp(lab, _DIFFERENT):
        mark = mail.token()
        recipients = [f"{user}@example.test" for user in ("alice", "bob", "carol")]
        lab.send("back@outside.test", recipients, mail.message(mark, mail.EICAR + b"\r\n"))
        stored = lab.sandwich.delivered("carol", mark)[0]
        expect(b"X-Sandwich-Verdict: INFECTED" in stored, "the mark")
        wait_for(lambda: lab.sandwich.quarantined(mark), 30, "it is held for alice")
        report = lab.arrived(lab.home, mark)[0]
        expect_equal(re.findall(rb"(?m)^Final-Recipient: \S+ (\S+)", report.data), [b"bob@example.test"], "who is refused")
        lab.sandwich.settle()
        shown = lab.sandwich.ctl("quarantine", "show", lab.sandwich.quarantined(mark)[0])
        expect_equal(re.findall(r"(?m)^to: +<(.*?)>", shown), ["alice@example.test"], "for whom it is held")
        for user in ("alice", "bob"):
            expect(not lab.sandwich.mailbox(user, mark), f"infected mail reached {user}")


def case_smtp_one_answer_for_all(lab):
    """The same over SMTP: what would be refused for bob alone is held for him."""
    sandwich = lab.sandwich
    sandwich.stop_proxy()
    sandwich.write_config(_DIFFERENT)
    sandwich.start_proxy()
    try:
        mark = mail.token()
        recipients = [f"{user}@example.test" for user in ("alice", "bob", "carol")]
        lab.send("back@outside.test", recipients, mail.message(mark, mail.EICAR + b"\r\n"))
        sandwich.delivered("carol", mark)
        sandwich.settle()
        held = [re.findall(r"(?m)^to: +<(.*?)>", sandwich.ctl("quarantine", "show", number)) for number in sandwich.quarantined(mark)]
        expect_equal(sorted(sum(held, [])), ["alice@example.test", "bob@example.test"], "for whom it is held")
        expect(not lab.home.find(mark.encode()), "somebody was told")
    finally:
        sandwich.stop_proxy()
        sandwich.write_config()
        sandwich.start_proxy()


def case_lmtp_and_requests_for_notification(lab):
    """Sendmail passes NOTIFY over LMTP, and leaves the answer to the last hop."""
    with _inbound_lmtp(lab):
        mark = mail.token()
        lab.send("back@outside.test", ["alice@example.test"], mail.message(mark), mail_parameters="RET=HDRS ENVID=" + mark[:8],
                 rcpt_parameters="NOTIFY=SUCCESS ORCPT=rfc822;alice@example.test")
        lab.sandwich.delivered("alice", mark)
        report = lab.arrived(lab.home, mark)[0]
        lab.sandwich.settle()
        reports = lab.arrived(lab.home, mark)
        actions = [action.decode() for one in reports for action in re.findall(rb"(?m)^Action: (\S+)", one.data)]
        hops = [re.search(rb"(?m)^Reporting-MTA: dns; (\S+)", one.data).group(1).decode() for one in reports]
        print(f"    DSN under LMTP: {actions} by {hops}", flush=True)
        expect_equal(actions, ["delivered"], "DSN actions")
        expect(b"Original-Envelope-Id: " + mark[:8].encode() in report.data, "ENVID is passed through")
