#!/usr/bin/python3
"""Recipients of one message that are treated differently: over SMTP with one reply, over LMTP with one for each."""

import os
import re

from daemon import Daemon
from samples import eicar, message
from suite import Suite, check, equal
from world import World

from client import Client
from sink import CLOSE

suite = Suite()
HOST = "mx.upstream.test"
ACTIONS = {
    "scanner.clamav.action": "quarantine",
    "recipients tagged.test.action": "tag-and-deliver",
    "recipients gone.test.action": "discard",
    "recipients hard.test.action": "reject",
}
WORLD = World(ACTIONS | {"general.threads": 1})
numbers = iter(range(1000000))


def infected(identified=True):
    field = f"Received: from x\r\n\tby {HOST} with ESMTP id 6AM{next(numbers):06d};\r\n\tdate\r\n".encode() if identified else b""
    return field + message(eicar() + b"\r\n")


def clean():
    return infected().replace(eicar(), b"harmless")


class Upstream(Client):
    """Speaks SMTP or LMTP; what() sends a mail and returns the codes of its final replies."""

    def __init__(self, daemon, lmtp=False):
        super().__init__(daemon.port)
        self.lmtp = lmtp
        equal(self.command(("LHLO " if lmtp else "EHLO ") + HOST).code, 250)

    def submit(self, text, *recipients, sender="a@from.test"):
        replies = self.envelope(sender, recipients)
        accepted = sum(reply.code == 250 for reply in replies[1:])
        equal(self.command("DATA").code, 354)
        self.send(text + b".\r\n")
        return self.replies(accepted if self.lmtp else 1)


def codes(replies):
    return [reply.code for reply in replies]


def delivered(sink):
    """(recipients, whether it is tagged) of each message at the delivery server."""
    return [(" ".join(r.strip("<>") for r in m.recipients), b"INFECTED" in m.data) for m in sink.messages]


def held(daemon):
    """Recipients of what is in the quarantine."""
    found = []
    for name in sorted(os.listdir(daemon.quarantine)):
        if name.endswith(".meta"):
            shown = daemon.ctl("quarantine", "show", name.removesuffix(".meta"))
            equal(shown.returncode, 0, shown.stderr)
            found.append(" ".join(re.findall(r"^to: +<(.*?)>", shown.stdout, re.M)))
    return found


def empty_quarantine(daemon):
    for name in os.listdir(daemon.quarantine):
        os.unlink(os.path.join(daemon.quarantine, name))


def world(**settings):
    sink, daemon = WORLD.get()
    empty_quarantine(daemon)
    return sink, daemon


@suite.test
def each_group_is_treated_as_it_should_be():
    sink, daemon = world()
    with Upstream(daemon) as up:
        reply, = up.submit(infected(), "a@held.test", "b@tagged.test", "c@gone.test", "d@held.test", "e@tagged.test")
    equal(reply.code, 250)
    for part in ("held in quarantine", "accepted", "accepted for delivery (SK"):
        check(part in reply.text, reply)
    equal(delivered(sink), [("b@tagged.test e@tagged.test", True)])
    equal(held(daemon), ["a@held.test d@held.test"])
    lines = daemon.wait_log(rf"{reply.text.split()[1]}: .*to=<", count=3)
    equal(sorted(re.search("mailer=([a-z]+)", line).group(1) for line in lines), ["discard", "quarantine", "smtp"])


@suite.test
def a_clean_mail_goes_to_all_at_once():
    sink, daemon = world()
    with Upstream(daemon) as up:
        equal(codes(up.submit(clean(), "a@held.test", "b@tagged.test", "c@gone.test", "d@hard.test")), [250])
    equal(delivered(sink), [("a@held.test b@tagged.test c@gone.test d@hard.test", False)])
    equal(len(sink.lines("MAIL")), 1)


@suite.test
def one_reply_refuses_only_what_all_are_refused():
    sink, daemon = world()
    with Upstream(daemon) as up:
        equal(codes(up.submit(infected(), "a@hard.test", "b@hard.test")), [554])
        equal(held(daemon), [])
        equal(codes(up.submit(infected(), "a@hard.test", "b@gone.test")), [250])
    equal(held(daemon), ["a@hard.test"])
    equal(sink.messages, [])


@suite.test
def lmtp_answers_each():
    sink, daemon = world()
    sink.react["RCPT"] = lambda session, argument: "550 5.1.1 unknown" if "nobody" in argument else None
    with Upstream(daemon, lmtp=True) as up:
        replies = up.submit(infected(), "a@hard.test", "nobody@held.test", "b@tagged.test", "c@held.test", "d@gone.test")
        equal(codes(replies), [554, 250, 250, 250])
        check("accepted for delivery" in replies[1].text and "quarantine" in replies[2].text, [str(r) for r in replies])
        equal(delivered(sink), [("b@tagged.test", True)])
        equal(held(daemon), ["c@held.test"])
        # The session goes on, and one message's answers are not another's.
        equal(codes(up.submit(clean(), "a@hard.test", "b@tagged.test")), [250, 250])
        equal(up.command("NOOP").code, 250)
    line = daemon.wait_log("proto=LMTP")[0]
    check("mailer=" in line, line)
    check(b"with LMTP id" in sink.messages[-1].data)


@suite.test
def lmtp_refusals_of_the_delivery_server_are_for_its_group_only():
    sink, daemon = world()
    for answer, code in (("451 4.3.0 not now", 451), ("554 5.7.1 never", 554), (CLOSE, 451)):
        sink.react["dot"] = answer
        with Upstream(daemon, lmtp=True) as up:
            equal(codes(up.submit(infected(), "a@held.test", "b@tagged.test")), [250, code])
    equal(len(held(daemon)), 3)


@suite.test
def lmtp_a_message_that_is_too_big_is_refused_for_each():
    sink, daemon = world()
    daemon.reload({"smtp.message_size_limit": "64k"})
    with Upstream(daemon, lmtp=True) as up:
        equal(codes(up.submit(message(b"x" * 70 * 1024 + b"\r\n"), "a@held.test", "b@held.test")), [552, 552])
        equal(codes(up.submit(clean(), "a@held.test")), [250])
    daemon.reload({"smtp.message_size_limit": None})


@suite.test
def lmtp_retries_are_recognised_by_recipient():
    sink, daemon = world()
    text = clean()
    with Upstream(daemon, lmtp=True) as up:
        equal(codes(up.submit(text, "a@held.test")), [250])
        replies = up.submit(text, "a@held.test", "b@held.test")
        equal(codes(replies), [250, 250])
        check("delivered earlier" in replies[0].text and "for delivery" in replies[1].text, [str(r) for r in replies])
    equal(delivered(sink), [("a@held.test", False), ("b@held.test", False)])


@suite.test
def a_temporary_refusal_of_one_group_brings_all_back_and_nobody_gets_it_twice():
    sink, daemon = world()
    text = infected()
    sink.react["dot"] = "452 4.3.1 full"
    with Upstream(daemon) as up:
        equal(codes(up.submit(text, "a@held.test", "b@tagged.test", "c@gone.test")), [452])
        sink.react.clear()
        reply, = up.submit(text, "a@held.test", "b@tagged.test", "c@gone.test")
    equal(reply.code, 250)
    check("quarantined earlier" in reply.text and "accepted for delivery" in reply.text, reply)
    equal(delivered(sink), [("b@tagged.test", True)])
    equal(held(daemon), ["a@held.test"])


@suite.test
def a_permanent_refusal_of_one_group_is_held_and_the_postmaster_told():
    sink, daemon = world()
    sink.react["dot"] = "554 5.7.1 we do not want it"
    told = []

    def only_the_mail(session, argument):
        told.append(session.mail)
        return "554 5.7.1 we do not want it" if len(told) == 1 else None

    sink.react["dot"] = only_the_mail
    with Upstream(daemon) as up:
        equal(codes(up.submit(infected(), "a@held.test", "b@tagged.test")), [250])
    equal(sorted(held(daemon)), ["a@held.test", "b@tagged.test"])
    notice = sink.wait(1)[0]
    equal((notice.mail.strip("<>").split(">")[0], [r.strip("<>") for r in notice.recipients]), ("", ["postmaster"]))
    for part in (b"Auto-Submitted: auto-generated", b"b@tagged.test", b"554 5.7.1 we do not want it", b"Held for 1 of 2"):
        check(part in notice.data, part, notice.data)
    check(b"a@held.test" not in notice.data)
    check(daemon.wait_log("held_instead"))


@suite.test
def what_cannot_be_recognised_is_never_half_delivered_and_deferred():
    settings = {"recipients marked.test.failure_action": "deliver-with-mark", "scanner.clamav.failure_action": "defer",
                "scanner.clamav.max_files": 1}
    sink, daemon = world()
    daemon.reload(settings)
    try:
        for identified, copies in ((False, 0), (True, 1)):
            sink.forget()
            text = infected(identified).replace(eicar(), b"x")
            text = text.replace(b"\r\n\r\n", b"\r\nX-Sandwich-Test: garbage\r\n\r\n", 1)
            with Upstream(daemon) as up:
                equal(codes(up.submit(text, "a@held.test", "b@marked.test")), [451], f"identified={identified}")
            equal(len(sink.messages), copies, f"identified={identified}")
    finally:
        daemon.reload({name: None for name in settings})


if __name__ == "__main__":
    suite.main(WORLD.close)
