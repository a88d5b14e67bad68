"""Delivery status notifications: the right one, from the right hop, once; none where none is wanted."""

import re

from lab import mail
from lab.case import expect, expect_equal, need_networks
from lab.sandwich import wait_for


def _actions(report):
    return re.findall(rb"(?m)^Action: (\S+)", report.data)


def case_notify_success_local(lab):
    """The delivery Sendmail, which has put it into the mailbox, says so; the inbound one says nothing."""
    mark = mail.token()
    with lab.session() as client:
        client.transaction(
            "back@outside.test",
            ["alice@example.test"],
            mail.message(mark),
            "RET=HDRS ENVID=" + mark[:8],
            "NOTIFY=SUCCESS ORCPT=rfc822;alice@example.test",
        )
    lab.sandwich.delivered("alice", mark)
    report = lab.arrived(lab.home, mark)[0]
    expect_equal(_actions(report), [b"delivered"], "DSN actions")
    expect(report.mail.startswith("<>"), report.mail)
    expect(b"Original-Envelope-Id: " + mark[:8].encode() in report.data, "ENVID is passed through")
    lab.sandwich.settle()
    lab.arrived(lab.home, mark)  # still only one
    queue_id = re.search(r"\]: (\w+): from=", lab.sandwich.log("sm-in", "from=<back@", mark)[0]).group(1)
    expect(not lab.sandwich.log("sm-in", queue_id, "DSN:"), "the inbound Sendmail sent a DSN")
    queue_id = re.search(r"\]: (\w+): from=", lab.sandwich.log("sm-deliv", "from=<back@", mark)[0]).group(1)
    expect_equal(len(lab.sandwich.log("sm-deliv", queue_id, "DSN:")), 1, "DSNs of the delivery Sendmail")


def case_notify_success_remote(lab):
    """A remote host that knows DSN gets the request, and no hop before it answers in its place."""
    need_networks(lab)
    mark = mail.token()
    lab.send(
        "back@outside.test",
        ["ann@remote.test"],
        mail.message(mark),
        from_mx=True,
        mail_parameters="RET=FULL ENVID=" + mark[:8],
        rcpt_parameters="NOTIFY=SUCCESS,DELAY ORCPT=rfc822;ann@remote.test",
    )
    found = lab.arrived(lab.sink, mark)[0]
    expect("RET=FULL" in found.mail and "ENVID=" + mark[:8] in found.mail, f"MAIL parameters: {found.mail}")
    expect_equal(len(found.recipients), 1, "recipients")
    parameters = found.recipients[0].upper()
    expect("NOTIFY=SUCCESS,DELAY" in parameters, f"RCPT parameters: {parameters}")
    expect("ORCPT=RFC822;ANN@REMOTE.TEST" in parameters, f"RCPT parameters: {parameters}")
    lab.sandwich.settle()
    expect(not lab.home.find(mark.encode()), "a hop in between sent a DSN")


def case_notify_never(lab):
    """Refused for good at the remote host: nobody is told."""
    mark = mail.token()
    lab.sink.rcpt_reply = lambda recipient: "550 5.1.1 nobody of that name" if "gone" in recipient else "250 2.1.5 ok"
    lab.send("back@outside.test", ["gone@remote.test"], mail.message(mark), from_mx=True, rcpt_parameters="NOTIFY=NEVER")
    queue_id = lambda: re.search(r"\]: (\w+): from=", "".join(lab.sandwich.log("sm-deliv", "from=<back@", mark)))  # noqa: E731
    wait_for(queue_id, 30, "the delivery Sendmail has it")
    wait_for(lambda: lab.sandwich.log("sm-deliv", queue_id().group(1), "dsn=5.1.1"), 30, "it is refused")
    lab.sandwich.settle()
    expect(not lab.home.find(mark.encode()), "a DSN was sent in spite of NOTIFY=NEVER")
