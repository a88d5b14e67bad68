"""Sendmail tries again: what it has handed over already is recognised, and no two mails are ever taken for one."""

import contextlib
import os
import re
import signal

from lab import mail, sink
from lab.case import expect, expect_equal, need_system
from lab.sandwich import wait_for

_POINTS = "/run/sandwich-points"


def _split(data):
    """The topmost Received field, and everything below it."""
    found = re.match(rb"(?:(?!Received:)[^\r\n]+\r\n(?:[ \t][^\r\n]*\r\n)*)*(Received:[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*)", data)
    expect(found, f"no Received field: {data[:300]}")
    return found.group(1), data[found.end() :]


def case_what_changes_between_tries(lab):
    """The journal's key rests on this: below its own Received field Sendmail sends the same octets again, and in it the same host
    and queue id. Measured without the proxy, over three tries."""
    mark = mail.token()
    lab.sandwich.stop_proxy()
    tries = []

    def refuse(sender, recipients, data):
        tries.append(data)
        return "451 4.3.0 not yet" if len(tries) < 3 else "250 2.0.0 taken"

    with lab.mx.inside():
        stand_in = sink.Sink(("127.0.0.1", lab.sandwich.ports.scanner), "sandwich.stand-in.test")
    stand_in.data_reply = refuse
    try:
        text = mail.message(mark, b"\xe4\xf6\xfc " + b"x" * 1500 + b"\r\n.dot\r\n", headers=("X-Folded: one\r\n\ttwo", "Bcc:"))
        lab.send("s@outside.test", ["alice@example.test", "bob@example.test"], text)
        wait_for(lambda: len(tries) == 3, 60, "three tries")
        lab.sandwich.settle()
    finally:
        stand_in.shutdown()
        stand_in.server_close()
        lab.sandwich.start_proxy()
    fields, below = zip(*(_split(data) for data in tries))
    expect_equal(len(set(below)), 1, "texts below the topmost Received field")
    identity = {(re.search(rb"\bby (\S+)", f).group(1), re.search(rb"\bid (\w+)", f).group(1)) for f in fields}
    expect_equal(len(identity), 1, f"host and queue id: {identity}")
    print(f"    Received fields of three tries: {len(set(fields))} different", flush=True)


@contextlib.contextmanager
def _stopping_at(lab, point):
    """The proxy of the tests, standing still at a failpoint; kills it there, and lets its supervisor start another."""
    need_system(lab)
    directory = lab.root / _POINTS
    directory.mkdir(exist_ok=True)
    directory.chmod(0o777)
    lab.sandwich.stop_proxy()
    lab.sandwich.install_daemon("test/sandwichd_with_faults")
    os.environ["SANDWICH_FAILPOINTS"] = _POINTS
    try:
        lab.sandwich.start_proxy()
    finally:
        del os.environ["SANDWICH_FAILPOINTS"]
    armed, reached = directory / point, directory / (point + ".reached")

    def kill():
        wait_for(reached.exists, 30, f"{point} is reached")
        for pid in _children(lab.sandwich.proxy_pid(), b"--role=proxy"):
            os.kill(pid, signal.SIGKILL)
        reached.unlink()

    try:
        armed.touch()
        armed.chmod(0o666)
        yield kill
    finally:
        lab.sandwich.stop_proxy()
        lab.sandwich.install_daemon()
        lab.sandwich.start_proxy()


def _children(parent, argument):
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{name}/stat", encoding="latin-1") as file:
                if int(file.read().rsplit(")", 1)[1].split()[1]) != parent:
                    continue
            with open(f"/proc/{name}/cmdline", "rb") as file:
                if argument in file.read():
                    found.append(int(name))
    return found


def case_retry_of_what_was_delivered(lab):
    """The proxy dies when the delivery server has the mail and the inbound one has no answer; the next queue run brings it again."""
    mark = mail.token()
    with _stopping_at(lab, "before-reply") as kill:
        lab.send("erin@example.test", ["alice@example.test", "ann@remote.test"], mail.message(mark), from_mx=True)
        kill()
        lab.sandwich.settle()
        lab.sandwich.delivered("alice", mark)
        lab.arrived(lab.sink, mark)
        expect(lab.sandwich.log("retry_recognised", "to=<alice@example.test>"), "the log says that it was recognised")
        expect(lab.sandwich.log("sm-in", "stat=Sent", "delivered earlier as"), "the inbound log says so, too")


def case_retry_of_what_is_held(lab):
    mark = mail.token()
    with _stopping_at(lab, "before-reply") as kill:
        lab.send("s@outside.test", ["alice@example.test"], mail.message(mark, mail.EICAR + b"\r\n"))
        kill()
        lab.sandwich.settle()
        expect_equal(len(lab.sandwich.quarantined(mark)), 1, "entries in the quarantine")


def case_the_same_octets_twice_are_two_mails(lab):
    mark = mail.token()
    text = mail.message(mark)
    with lab.session() as client:
        for _ in range(2):  # within a second, over one connection
            client.transaction("s@outside.test", ["alice@example.test", "bob@example.test"], text)
    lab.sandwich.delivered("alice", mark, 2)
    lab.sandwich.delivered("bob", mark, 2)
    lab.sandwich.settle()
    lab.sandwich.delivered("alice", mark, 2)


def case_identical_newsletters(lab):
    """One text to many, each in a transaction of its own, and the next issue is the same."""
    mark = mail.token()
    text = mail.message(mark, to="undisclosed-recipients:;")
    for _ in range(2):
        with lab.session(from_mx=True) as client:
            for user in ("alice", "bob", "carol"):
                client.transaction("news@example.test", [f"{user}@example.test"], text)
    for user in ("alice", "bob", "carol"):
        lab.sandwich.delivered(user, mark, 2)
    lab.sandwich.settle()
    for user in ("alice", "bob", "carol"):
        lab.sandwich.delivered(user, mark, 2)


def case_one_mail_split_by_an_alias_with_an_owner(lab):
    """Whoever stands in the list and beside it gets as many copies as without the proxy."""
    lab.sandwich.make_maps("list: alice, bob\nowner-list: dave\nother: alice, carol\nowner-other: erin\n")
    recipients = ["list@example.test", "other@example.test", "alice@example.test"]
    marks = {}
    for way in ("directly", "through the proxy"):
        mark = marks[way] = mail.token()
        if way == "directly":
            with lab.mx.inside():
                client = mail.Client(("127.0.0.1", lab.sandwich.ports.delivery), "localhost")
            client.transaction("s@example.test", recipients, mail.message(mark))
            client.quit()
        else:
            lab.send("s@example.test", recipients, mail.message(mark), from_mx=True)
        wait_for(lambda: lab.sandwich.mailbox("carol", mark), 30, f"{way}: carol has it")
        lab.sandwich.settle()
    copies = {way: [len(lab.sandwich.mailbox(user, mark)) for user in ("alice", "bob", "carol")] for way, mark in marks.items()}
    expect_equal(copies["through the proxy"], copies["directly"], "copies for alice, bob, carol")
    expect(min(copies["directly"]) >= 1, f"copies: {copies}")
    lab.sandwich.make_maps()
