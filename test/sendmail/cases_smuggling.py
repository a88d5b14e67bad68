"""An inbound Sendmail whose mailer local lacks the flag X doubles no dots: text becomes commands. Nobody gets what is smuggled so."""

import contextlib
import re

from lab import mail
from lab.case import expect, expect_equal
from lab.sandwich import INBOUND_CF, wait_for

_WITHOUT_X = "/etc/mail/sandwich-in-without-x.cf"
_FUNNEL = re.compile(r"^R\$\+\t+\$#\w+ \$@ .*\n", re.M)


@contextlib.contextmanager
def _inbound_without_x(lab):
    """Local mail leaves by mailer local, as the how-to has it, and that mailer by its flags stuffs no dots."""
    text = (lab.root / INBOUND_CF).read_text()
    text, rules = _FUNNEL.subn("", text)
    text, flags = re.subn(r"(?m)^(Mlocal,[^\n]*?\bF=)([^,\n]*)", lambda m: m[1] + m[2].replace("X", ""), text)
    expect(rules == 1 and flags == 1, f"the inbound variant looks otherwise: {rules} rules, {flags} mailers")
    lab.root.write(_WITHOUT_X, text)
    lab.sandwich.stop_inbound()
    lab.sandwich.start_inbound(_WITHOUT_X)
    try:
        yield
    finally:
        lab.sandwich.stop_inbound()
        lab.sandwich.start_inbound()


def _smuggle(lab, before):
    mark, hidden = mail.token(), mail.token()
    body = before + b"The last line of the mail.\r\n.\r\nMAIL FROM:<evil@outside.test>\r\nRCPT TO:<bob@example.test>\r\n"
    body += b"RCPT TO:<ann@remote.test>\r\nDATA\r\n" + mail.message(hidden, b"Smuggled.\r\n", sender="evil@outside.test")
    lab.send("s@outside.test", ["alice@example.test"], mail.message(mark, body + b".\r\nQUIT\r\n"))
    wait_for(lambda: lab.sandwich.quarantined(mark), 30, "the mail is in the quarantine")
    lab.sandwich.settle()
    held = lab.sandwich.quarantined(mark)
    expect_equal(len(held), 1, "entries in the quarantine")
    return mark, hidden, held[0]


def case_upstream_without_dot_stuffing(lab):
    with _inbound_without_x(lab):
        for before in (b"", b"A line of some length, to fill what Sendmail writes at once.\r\n" * 70, b"x" * 70 + b"\r\n" * 3000):
            mark, hidden, number = _smuggle(lab, before)
            shown = lab.sandwich.ctl("quarantine", "show", number)
            expect(re.search(r"(?m)^rule: +data_after_dot$", shown), shown)
            kept = lab.sandwich.ctl("quarantine", "show", number, "--raw")
            expect(kept.rstrip().endswith("The last line of the mail."), f"held: {kept[-200:]}")
            for user in ("alice", "bob"):
                expect(not lab.sandwich.mailbox(user, mark), f"{user} has got the mail")
                expect(not lab.sandwich.mailbox(user, hidden), f"{user} has got the smuggled mail")
            expect(not lab.sink.find(hidden.encode()), "the smuggled mail left for a remote host")
            expect(not lab.sandwich.quarantined(hidden), "the smuggled mail became one of its own")
            for daemon in ("sandwichd[", "sm-deliv"):
                expect(not lab.sandwich.log(daemon, "evil@outside.test>,"), f"{daemon} took it for a mail")
            wait_for(lambda: lab.sandwich.log("sandwichd[", "data_after_dot: " + number), 10, "the log says it")
            wait_for(lambda: lab.sandwich.log("sm-in", number, "stat=Sent"), 10, "the inbound Sendmail has its 250")
        mark = mail.token()
        lab.send("s@outside.test", ["alice@example.test"], mail.message(mark))
        lab.sandwich.delivered("alice", mark)


def case_the_same_text_with_dot_stuffing(lab):
    """The variant that sandwich-cf makes: it is a text like any other."""
    mark = mail.token()
    body = b".\r\nMAIL FROM:<evil@outside.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n.\r\n..\r\n"
    sent = mail.message(mark, body)
    lab.send("s@outside.test", ["alice@example.test"], sent)
    stored = lab.sandwich.delivered("alice", mark)[0]
    expect_equal(mail.body_of(stored), body.replace(b"\r\n", b"\n"), "the text")
    lab.sandwich.settle()
    expect(not lab.sandwich.mailbox("bob", mark), "bob has got it")
