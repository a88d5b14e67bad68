#!/usr/bin/python3
"""Rules that send mails to others, elsewhere, or later: copies, archive, other recipients, another server, hours."""

import re
import time

from ruled import Here, mail
from samples import eicar, message
from suite import Suite, check, equal

from sink import CLOSE, Delay, Sink

suite = Suite()


def codes(replies):
    return [reply.code for reply in replies]


def envelope(message):
    return message.mail.split(">")[0].strip("<"), " ".join(r.split(">")[0].strip("<") for r in message.recipients)


COPY = """
[rule watched]
to = bob@to.test
do = copy audit@archive.test
do = tag_subject [X]
"""


@suite.test
def a_copy_goes_to_others_first():
    with Here(COPY) as here:
        equal(here.send(mail(), "bob@to.test", "carol@to.test").code, 250)
        equal([envelope(m)[1] for m in here.sink.messages][0], "audit@archive.test")
        equal(sorted(envelope(m)[1] for m in here.sink.messages), ["audit@archive.test", "bob@to.test", "carol@to.test"])
        copy = here.sink.messages[0]
        equal(envelope(copy)[0], "a@from.test")
        check("NOTIFY=NEVER" in copy.recipients[0], copy.recipients)
        check(b"Subject: [X] a test" in copy.data)
        check(here.daemon.wait_log("copy to <audit@archive.test>"))


@suite.test
def a_copy_that_is_refused_defers_the_mail():
    with Here(COPY) as here:
        text = mail()
        for refusal in ("550 5.1.1 unknown", "451 4.3.0 not now", CLOSE):
            here.sink.react["RCPT"] = lambda session, argument: refusal if "audit" in argument else None
            equal(here.send(text, "bob@to.test").code, 451)
            equal(here.sink.messages, [])
            here.sink.react.clear()
            here.daemon.wait_downstream()
        equal(here.send(text, "bob@to.test").code, 250)
        equal([envelope(m)[1] for m in here.sink.messages], ["audit@archive.test", "bob@to.test"])


@suite.test
def a_retry_sends_no_second_copy():
    with Here(COPY) as here:
        text = mail()
        here.sink.react["dot"] = lambda session, argument: "452 4.3.1 full" if "bob" in session.recipients[0] else None
        equal(here.send(text, "bob@to.test").code, 452)
        equal([envelope(m)[1] for m in here.sink.messages], ["audit@archive.test"])
        here.sink.react.clear()
        equal(here.send(text, "bob@to.test").code, 250)
        equal([envelope(m)[1] for m in here.sink.messages], ["audit@archive.test", "bob@to.test"])


@suite.test
def copies_that_take_too_long_go_on_at_the_next_try():
    rule = COPY.replace("do = tag", "do = copy second@archive.test\ndo = tag")
    with Here(rule, {"smtp.disposal_timeout": "1s"}) as here:
        text = mail()
        here.sink.react["dot"] = Delay(2.2)
        equal(here.send(text, "bob@to.test").code, 451)
        check(here.daemon.wait_log("disposal_timeout is over"))
        equal([envelope(m)[1] for m in here.sink.messages], ["audit@archive.test"])
        here.sink.react.clear()
        equal(here.send(text, "bob@to.test").code, 250)
        equal([envelope(m)[1] for m in here.sink.messages], ["audit@archive.test", "second@archive.test", "bob@to.test"])


@suite.test
def groups_that_take_too_long_go_on_at_the_next_try():
    rule = "[rule other]\nto = carol@to.test\ndo = add_header X-Carol: yes\n"
    with Here(rule, {"smtp.disposal_timeout": "1s"}) as here:
        text = mail()
        here.sink.react["dot"] = Delay(2.2)
        equal(here.send(text, "bob@to.test", "carol@to.test").code, 451)
        equal(len(here.sink.messages), 1)
        here.sink.react.clear()
        equal(here.send(text, "bob@to.test", "carol@to.test").code, 250)
        equal(sorted(envelope(m)[1] for m in here.sink.messages), ["bob@to.test", "carol@to.test"])


@suite.test
def one_copy_of_a_mail_for_several_groups():
    with Here(COPY.replace("to = bob@to.test\n", "") + "[rule other]\nto = carol@to.test\ndo = add_header X-Carol: yes\n") as here:
        equal(here.send(mail(), "bob@to.test", "carol@to.test").code, 250)
        equal(sorted(envelope(m)[1] for m in here.sink.messages), ["audit@archive.test", "bob@to.test", "carol@to.test"])


@suite.test
def nothing_that_is_held_is_copied():
    with Here(COPY) as here:
        equal(here.send(mail(eicar() + b"\r\n"), "bob@to.test").code, 250)
        equal(here.sink.messages, [])
        equal(len(here.held()), 1)


@suite.test
def the_archive_has_the_original():
    with Here("""
[rule keep]
do = archive records
[rule edit]
to = edited.test
do = add_header X-Edited: yes
[rule gone]
to = gone.test
do = discard
""") as here:
        text = mail()
        equal(here.send(text, "a@edited.test").code, 250)
        shown, = here.held("records")
        equal(here.original(shown), text)
        check(b"X-Edited: yes" in here.sink.messages[0].data)
        # Also of what is thrown away, and of what is held.
        equal(here.send(mail(), "a@gone.test").code, 250)
        equal((len(here.held("records")), len(here.sink.messages)), (2, 1))
        equal(here.send(mail(eicar() + b"\r\n"), "a@to.test").code, 250)
        equal((len(here.held("records")), len(here.held()), len(here.sink.messages)), (3, 4, 1))


@suite.test
def other_recipients_get_it_instead():
    with Here("""
[rule moved]
to = old@to.test
do = change_recipient new@to.test other@to.test
[rule left]
to = left@to.test
do = remove_recipient
""") as here:
        equal(here.send(mail(), "old@to.test", "left@to.test", "carol@to.test").code, 250)
        equal(sorted(envelope(m)[1] for m in here.sink.messages), ["carol@to.test", "new@to.test other@to.test"])
        line = here.daemon.wait_log("to=<old@to.test>")[0]
        check("stat=Sent (to new@to.test other@to.test" in line, line)
        check("recipient removed" in here.daemon.wait_log("to=<left@to.test>")[0])
        # Refused there: the mail waits, and nobody gets it twice.
        text = mail()
        here.sink.forget()
        here.sink.react["RCPT"] = lambda session, argument: "550 5.1.1 unknown" if "other" in argument else None
        equal(here.send(text, "old@to.test", "carol@to.test").code, 451)
        equal([envelope(m)[1] for m in here.sink.messages], ["carol@to.test"])
        here.sink.react.clear()
        equal(here.send(text, "old@to.test", "carol@to.test").code, 250)
        equal(sorted(envelope(m)[1] for m in here.sink.messages), ["carol@to.test", "new@to.test other@to.test"])


@suite.test
def another_server_gets_it():
    other = Sink()
    try:
        with Here(f"""
[rule elsewhere]
to = far.test
do = hand_off 127.0.0.1:{other.port}
do = add_header X-Way: far
""") as here:
            text = mail()
            equal(here.send(text, "a@far.test", "b@near.test").code, 250)
            equal([envelope(m)[1] for m in here.sink.messages], ["b@near.test"])
            equal([envelope(m) for m in other.messages], [("a@from.test", "a@far.test")])
            check(b"X-Way: far" in other.messages[0].data)
            check(f"next=127.0.0.1:{other.port}," in here.daemon.wait_log("to=<a@far.test>")[0],
                  here.daemon.wait_log("to=<a@far.test>")[0])
            # A virus that is held goes nowhere.
            equal(here.send(mail(eicar() + b"\r\n"), "a@far.test").code, 250)
            equal((len(other.messages), len(here.held())), (1, 1))
            # It is down, or does not want it: the mail waits.
            for trouble in ("554 5.7.1 no", "451 4.3.0 later", CLOSE):
                other.react["dot"] = trouble
                equal(here.send(mail(), "a@far.test").code, 451, trouble)
            other.react.clear()
            equal(len(other.messages), 1)
            # Half of it is done: the retry does the other half.
            text = mail()
            other.react["DATA"] = "451 4.3.0 later"
            equal(here.send(text, "a@far.test", "b@near.test").code, 451)
            other.react.clear()
            equal(here.send(text, "a@far.test", "b@near.test").code, 250)
            equal((len(other.messages), len(here.sink.messages)), (2, 2))
    finally:
        other.close()


def hours(first, last):
    """A span around the present, in hours from now."""
    now = time.localtime()
    minute = now.tm_hour * 60 + now.tm_min
    spell = lambda offset: "{:02}:{:02}".format(*divmod((minute + offset * 60) % 1440, 60))
    return f"{spell(first)}-{spell(last)}"


def scanned(here):
    return int(re.search(r"scanned[^0-9]*(\d+)", here.daemon.ctl("status").stdout).group(1))


@suite.test
def a_mail_waits_for_its_hours_and_is_not_scanned_again():
    with Here(f"""
[rule night]
to = slow.test
do = delay {hours(2, 4)} come back at night
[rule now]
to = fast.test
do = delay {hours(-1, 2)}
""") as here:
        text = mail()
        reply = here.send(text, "a@slow.test")
        check(re.match(r"451 4\.7\.1 \w+ come back at night$", str(reply)), reply)
        first = here.daemon.wait_log("to=<a@slow.test>")[0]
        check("stat=Deferred: until " in first, first)
        before = scanned(here)
        reply = here.send(text, "a@slow.test")
        check(re.match(r"451 4\.7\.1 \w+ come back at night$", str(reply)), reply)
        equal(scanned(here), before)
        check("rule=night" in here.daemon.wait_log("to=<a@slow.test>", count=2)[1])
        # Of two recipients only one waits.
        equal(here.send(text, "a@slow.test", "b@plain.test").code, 451)
        equal([envelope(m)[1] for m in here.sink.messages], ["b@plain.test"])
        # Within the hours there is nothing to wait for; and another policy is asked anew.
        equal(here.send(mail(), "a@fast.test").code, 250)
        here.daemon.write_policy("[rule none]\nto = nobody.test\ndo = discard\n")
        here.daemon.reload()
        equal(here.send(text, "a@slow.test", "b@plain.test").code, 250)
        equal([envelope(m)[1] for m in here.sink.messages][1:], ["a@fast.test", "a@slow.test"])


@suite.test
def of_a_mail_that_nothing_identifies_nobody_gets_a_copy_while_another_waits():
    with Here(f"[rule night]\nto = slow.test\ndo = delay {hours(2, 4)}\n") as here:
        for _ in range(3):
            equal(here.send(message(), "a@slow.test", "b@plain.test").code, 451)
            equal(here.sink.messages, [])
        equal(here.send(message(), "b@plain.test").code, 250)


if __name__ == "__main__":
    suite.main()
