"""A daemon that is down loses nothing and doubles nothing."""

from lab import mail
from lab.case import expect
from lab.sandwich import wait_for

_COUNT = 5


def _outage(lab, stop, start):
    marks = [mail.token() for _ in range(_COUNT)]
    recipients = ["alice@example.test", "ann@remote.test"]
    stop()
    try:
        for mark in marks:
            lab.send("erin@example.test", recipients, mail.message(mark), from_mx=True)
        wait_for(lambda: len(lab.sandwich.queue()) >= _COUNT, 20, "all wait in the inbound queue")
        wait_for(lambda: len(lab.sandwich.log("sm-in", "stat=Deferred")) > 0, 20, "the log says Deferred")
        for mark in marks:
            expect(not lab.sandwich.mailbox("alice", mark), "delivered while a daemon was down")
    finally:
        start()
    lab.sandwich.settle()
    for mark in marks:
        lab.sandwich.delivered("alice", mark, patience=5)
        lab.arrived(lab.sink, mark, patience=5)


def case_proxy_stopped(lab):
    _outage(lab, lab.sandwich.stop_proxy, lab.sandwich.start_proxy)


def case_delivery_stopped(lab):
    _outage(lab, lab.sandwich.stop_delivery, lab.sandwich.start_delivery)


def case_everything_restarted_with_mail_in_the_queue(lab):
    mark = mail.token()
    lab.sandwich.stop_proxy()
    lab.send("s@outside.test", ["alice@example.test"], mail.message(mark))
    lab.sandwich.stop_inbound()
    lab.sandwich.stop_delivery()
    lab.sandwich.start()
    lab.sandwich.settle()
    lab.sandwich.delivered("alice", mark, patience=5)
