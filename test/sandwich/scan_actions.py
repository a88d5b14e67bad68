#!/usr/bin/python3
"""What becomes of a message by what the scanners say of it: every action, and every way of not knowing."""

import os
import re
import time

from daemon import Daemon, need_test_hooks
from samples import EICAR_NAME, eicar, encrypted_zip, message, own_fields, with_attachment, zipped
from suite import Suite, check, equal
from world import World

from client import Client, send_message
from sink import Sink

suite = Suite()
WORLD = World({"general.threads": 1})


def infected():
    return {"plain": message(eicar() + b"\r\n"), "base64": with_attachment(eicar(), "a.com"),
            "zipped": with_attachment(zipped(eicar()), "a.zip"),
            "zip in zip": with_attachment(zipped(zipped(eicar()), "inner.zip"), "a.zip")}


def held(daemon):
    """Ids in the quarantine, from the files themselves."""
    try:
        return sorted(name[:-5] for name in os.listdir(daemon.quarantine) if name.endswith(".meta"))
    except FileNotFoundError:
        return []


def verdict(data):
    fields = [field for field in own_fields(data)[0] if field.startswith("X-Sandwich-Verdict:")]
    equal(len(fields), 1, "X-Sandwich-Verdict fields")
    return fields[0].split(": ", 1)[1]


def use(daemon, **settings):
    daemon.reload({"scanner.clamav." + key: value for key, value in settings.items()})
    check("refused" not in daemon.log_lines(r"reloaded|reload_refused")[-1], "reload was refused")


@suite.test
def clean_mail_says_so():
    sink, daemon = WORLD.get()
    equal(send_message(daemon.port, message()).code, 250)
    data = sink.wait(1)[0].data
    equal(verdict(data), "clean")
    equal(own_fields(data)[1], message())
    check(re.match(r"Received: from client\.test \(\[127\.0\.0\.1\]\) by sandwich\.test \(Sandwich\) with ESMTP id \w+; \w", own_fields(data)[0][0]),
          own_fields(data)[0][0])


@suite.test
def found_and_quarantined():
    sink, daemon = WORLD.get()
    use(daemon, action="quarantine")
    for number, (name, text) in enumerate(infected().items()):
        before = held(daemon)
        reply = send_message(daemon.port, text)
        equal(reply.code, 250, name)
        new = sorted(set(held(daemon)) - set(before))
        equal(len(new), 1, f"{name}: in the quarantine when the 250 came")
        check(new[0] in reply.text, reply, new)
        with open(os.path.join(daemon.quarantine, new[0] + ".eml"), "rb") as file:
            equal(file.read(), text, name)
        lines = daemon.wait_log(f" info: {new[0]}: from=")
        check("mailer=quarantine" in lines[0] and f"verdict=found {EICAR_NAME}, " in lines[0], lines[0])
        daemon.wait_log(f" quarantined: {new[0]}: ")
    equal((sink.messages, sink.lines("DATA")), ([], []), "infected mail at the delivery server")


@suite.test
def found_and_rejected():
    sink, daemon = WORLD.get()
    use(daemon, action="reject")
    before, texts = held(daemon), sink.texts
    with Client(daemon.port) as c:
        c.ehlo()
        for name, text in infected().items():
            reply = c.deliver(text)
            equal((reply.code, reply.text[:5]), (554, "5.7.1"), name)
            check("EICAR" not in reply.text, "the reply tells what was found:", reply)
        equal(c.deliver(message()).code, 250, "clean mail after it")
    equal(held(daemon), before)
    equal((len(sink.wait(1)), sink.texts - texts), (1, 1))


@suite.test
def a_bounce_is_never_rejected_for_its_content():
    sink, daemon = WORLD.get()
    use(daemon, action="reject")
    for name, text in infected().items():
        before = held(daemon)
        reply = send_message(daemon.port, text, sender="")
        equal(reply.code, 250, f"{name} from <>")
        equal(len(held(daemon)), len(before) + 1, f"{name} from <> in the quarantine")
    equal(sink.messages, [])


@suite.test
def found_and_discarded():
    sink, daemon = WORLD.get()
    use(daemon, action="discard")
    before = held(daemon)
    for name, text in infected().items():
        reply = send_message(daemon.port, text)
        equal(reply.code, 250, name)
        line = daemon.wait_log(re.escape(reply.text.split()[1]) + ": from=")[0]
        check("mailer=discard" in line and "stat=Sent (discarded)" in line and "EICAR" in line, line)
    equal((held(daemon), sink.messages), (before, []))


@suite.test
def found_tagged_and_delivered():
    sink, daemon = WORLD.get()
    use(daemon, action="tag-and-deliver")
    texts = infected()
    for name, text in texts.items():
        equal(send_message(daemon.port, text).code, 250, name)
    for text, arrived in zip(texts.values(), sink.wait(len(texts))):
        equal(verdict(arrived.data), f"INFECTED: found {EICAR_NAME}")
        equal(own_fields(arrived.data)[1], text)
    use(daemon, action="quarantine")


@suite.test
def several_recipients_are_treated_as_one():
    sink, daemon = WORLD.get()
    use(daemon, action="quarantine")
    before = held(daemon)
    equal(send_message(daemon.port, infected()["plain"], recipients=[f"r{n}@to.test" for n in range(20)]).code, 250)
    new = set(held(daemon)) - set(before)
    equal(len(new), 1)
    with open(os.path.join(daemon.quarantine, new.pop() + ".meta"), encoding="utf-8") as file:
        equal(len(re.findall(r"^recipient=", file.read(), re.M)), 20)
    equal(sink.messages, [])


# ---- cannot tell


FAULTS = (("crash", "crash"), ("hang", "timeout"), ("exit", "crash"), ("garbage", "crash|error"))


def failing(fault):
    return message("whatever\r\n", headers=("X-Sandwich-Test: " + fault,))


@suite.test
def not_known_by_failure_action():
    need_test_hooks()
    with Sink() as sink, Daemon(sink.port, {"worker.scan_timeout": "1s", "worker.count": 2}) as daemon:
        for action in ("defer", "quarantine", "deliver-with-mark"):
            use(daemon, failure_action=action)
            for fault, cause in FAULTS:
                sink.forget()
                before, begin = held(daemon), time.monotonic()
                reply = send_message(daemon.port, failing(fault))
                seconds = time.monotonic() - begin
                check(seconds < 5, f"{fault}: answered after {seconds:.1f} s")
                new = len(held(daemon)) - len(before)
                if action == "defer":
                    equal((reply.code, new, len(sink.messages)), (451, 0, 0), f"{fault}, {action}")
                elif action == "quarantine":
                    equal((reply.code, new, len(sink.messages)), (250, 1, 0), f"{fault}, {action}")
                else:
                    equal((reply.code, new, len(sink.wait(1))), (250, 0, 1), f"{fault}, {action}")
                    check(re.fullmatch(rf"NOT CHECKED: cannot tell \(({cause})\)", verdict(sink.messages[0].data)),
                          f"{fault}: {verdict(sink.messages[0].data)}")
                equal(send_message(daemon.port, message()).code, 250, f"clean mail after {fault}")
        daemon.wait_log("worker_lost")
        daemon.wait_log("scan_failed: .*timeout")


@suite.test
def an_infected_mail_whose_scan_then_crashes_is_not_delivered():
    need_test_hooks()
    sink, daemon = WORLD.get()
    use(daemon, action="quarantine", failure_action="defer")
    text = message(eicar() + b"\r\n", headers=("X-Sandwich-Test: crash",))
    equal(send_message(daemon.port, text).code, 451)
    equal(sink.messages, [])


@suite.test
def encrypted_by_encrypted_action():
    sink, daemon = WORLD.get()
    text = with_attachment(encrypted_zip(), "secret.zip", "application/zip")
    for encrypted_action, failure_action, outcome in (
        ("defer", "deliver-with-mark", "defer"),
        ("quarantine", "defer", "quarantine"),
        ("deliver-with-mark", "defer", "deliver"),
        ("failure_action", "quarantine", "quarantine"),
        ("failure_action", "defer", "defer"),
    ):
        sink.forget()
        use(daemon, encrypted_action=encrypted_action, failure_action=failure_action)
        before = held(daemon)
        reply = send_message(daemon.port, text)
        got = (reply.code, len(held(daemon)) - len(before), len(sink.messages))
        equal(got, {"defer": (451, 0, 0), "quarantine": (250, 1, 0), "deliver": (250, 0, 1)}[outcome], encrypted_action)
        if outcome == "deliver":
            check(verdict(sink.messages[0].data).startswith("NOT CHECKED: encrypted "), verdict(sink.messages[0].data))
            equal(own_fields(sink.messages[0].data)[1], text)
    use(daemon, encrypted_action="failure_action", failure_action="defer")


@suite.test
def over_a_limit_is_not_clean():
    limits = {"scanner.clamav.max_file_size": "64k", "scanner.clamav.max_scan_size": "64k"}
    with Sink() as sink, Daemon(sink.port, limits) as daemon:
        big = with_attachment(zipped(bytes(1000000)), "big.zip")
        equal(send_message(daemon.port, big).code, 451)
        equal(send_message(daemon.port, message(b"line\r\n" * 20000)).code, 451, "a message above max_file_size")
        equal(sink.messages, [])
        daemon.wait_log("scan_failed: .*limit")
        equal(send_message(daemon.port, message()).code, 250)


@suite.test
def without_scanning_nothing_is_claimed():
    with Sink() as sink, Daemon(sink.port, {"scanner.clamav.enable": "no"}) as daemon:
        equal(send_message(daemon.port, infected()["plain"]).code, 250)
        fields, rest = own_fields(sink.wait(1)[0].data)
        equal(len(fields), 1, "only Received")
        equal(rest, infected()["plain"])


# ---- our own names from outside


@suite.test
def own_fields_from_outside_are_removed():
    sink, daemon = WORLD.get()
    forged = (
        "X-Sandwich-Verdict: clean, really",
        "x-sandwich-verdict: lower",
        "X-SANDWICH-ANYTHING: upper\r\n\tfolded\r\n and again",
        "X-Sandwich-Verdict : blank before the colon",
        "X-Sandwich-Verdict\t:\r\n folded at once",
        "X-Sandwich-: nothing behind",
        "x-Sandwich-Verdict:",
    )
    kept = ("X-Sandwichman: stays", "X-Other: X-Sandwich-Verdict: in a value", "Subject2: a\r\n X-Sandwich-Verdict: in a fold")
    for position in ("first", "middle", "last"):
        sink.forget()
        plain = message("X-Sandwich-Verdict: in the body\r\n", headers=kept)
        at = {"first": 0, "middle": plain.index(b"Subject:"), "last": plain.index(b"\r\n\r\n") + 2}[position]
        text = plain[:at] + "".join(field + "\r\n" for field in forged).encode() + plain[at:]
        equal(send_message(daemon.port, text).code, 250)
        data = sink.wait(1)[0].data
        equal(verdict(data), "clean")
        equal(own_fields(data)[1], plain, position)


@suite.test
def own_fields_only():
    """A header that consists of nothing else, and one without a body."""
    sink, daemon = WORLD.get()
    equal(send_message(daemon.port, b"X-Sandwich-Verdict: forged\r\n\r\nbody\r\n").code, 250)
    equal(send_message(daemon.port, b"Subject: x\r\nX-Sandwich-Verdict: forged\r\n").code, 250)
    first, second = sink.wait(2)
    equal(own_fields(first.data)[1], b"\r\nbody\r\n")
    equal(own_fields(second.data)[1], b"Subject: x\r\n")


if __name__ == "__main__":
    suite.main(WORLD.close)
