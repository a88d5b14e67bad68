#!/usr/bin/python3
"""Rules of the content policy, each through a real session: what is delivered, held, refused, put off, and what it looks like."""

import os
import re

from daemon import Daemon, StartFailed, need_test_hooks
from samples import eicar, message, with_attachment
from suite import Suite, check, equal

from client import Client
from sink import Sink

suite = Suite()
HOST = "mx.upstream.test"
numbers = iter(range(1000000))


def mail(body=b"harmless\r\n", headers=()):
    """Identified, so that recipients of one mail can be treated differently."""
    field = f"Received: from x\r\n\tby {HOST} with ESMTP id 6AP{next(numbers):06d};\r\n\tdate\r\n".encode()
    return field + message(body, headers)


class Here:
    """A daemon with this policy, and what stands behind it."""

    def __init__(self, policy, settings=None):
        self.policy = policy
        self.settings = settings or {}

    def __enter__(self):
        self.sink = Sink()
        self.daemon = Daemon(self.sink.port, {"general.threads": 1} | self.settings, start=False)
        self.daemon.write_policy(self.policy)
        self.daemon.start()
        return self

    def __exit__(self, *_):
        self.daemon.close()
        self.sink.close()

    def send(self, text, *recipients, sender="a@from.test", xforward=""):
        with Client(self.daemon.port) as client:
            equal(client.command(f"EHLO {HOST}").code, 250)
            if xforward:
                equal(client.command(f"XFORWARD {xforward}").code, 250)
            for reply in client.envelope(sender, recipients or ("b@to.test",)):
                equal(reply.code, 250, str(reply))
            equal(client.command("DATA").code, 354)
            client.send(text + b".\r\n")
            return client.replies(1)[0]

    def delivered(self):
        return [" ".join(r.strip("<>") for r in m.recipients) for m in self.sink.messages]

    def header(self, index=-1):
        return self.sink.messages[index].data.split(b"\r\n\r\n")[0].decode("latin-1").replace("\r\n", "\n") + "\n"

    def shown(self, reply):
        """What the quarantine says of the mail with this reply."""
        found = self.daemon.ctl("quarantine", "show", reply.text.split()[1])
        equal(found.returncode, 0, found.stderr)
        return found.stdout


@suite.test
def final_actions():
    with Here("""
[rule held]
to = held.test
do = quarantine Big-Files
[rule refused]
to = refused.test
do = reject we do not take this
[rule later]
to = later.test
do = defer come back at night
[rule gone]
to = gone.test
do = discard
[rule fine]
to = fine.test
do = deliver
[rule never]
do = reject
""") as here:
        reply = here.send(mail(), "b@held.test")
        equal(reply.code, 250)
        shown = here.shown(reply)
        check(re.search(r"^area: +big-files$", shown, re.M) and re.search(r"^rule: +rule held$", shown, re.M), shown)
        reply = here.send(mail(), "b@refused.test")
        check(re.match(r"554 5\.7\.1 \w+ we do not take this$", str(reply)), reply)
        reply = here.send(mail(), "b@later.test")
        check(re.match(r"451 4\.7\.1 \w+ come back at night$", str(reply)), reply)
        equal(here.send(mail(), "b@gone.test").code, 250)
        equal(here.delivered(), [])
        equal(here.send(mail(), "b@fine.test").code, 250)
        equal(here.delivered(), ["b@fine.test"])
        equal(here.send(mail(), "b@other.test").code, 554)
        line = here.daemon.wait_log("to=<b@refused.test>")[0]
        check("mailer=reject" in line and "verdict=clean, rule=refused, " in line, line)
        check("rule=" not in here.daemon.wait_log("to=<b@fine.test>")[0].replace("rule=fine", ""))


@suite.test
def recipients_of_one_mail_under_different_rules():
    with Here("""
[rule held]
to = held.test
do = quarantine
[rule tagged]
to = tagged.test
do = tag_subject [X]
[rule refused]
to = refused.test
do = reject
""") as here:
        reply = here.send(mail(), "a@held.test", "b@tagged.test", "c@plain.test", "d@refused.test")
        equal(reply.code, 250)
        equal(sorted(here.delivered()), ["b@tagged.test", "c@plain.test"])
        # One reply cannot refuse some: those are held.
        held = [name for name in os.listdir(here.daemon.quarantine) if name.endswith(".meta")]
        equal(len(held), 1)
        shown = here.daemon.ctl("quarantine", "show", held[0].removesuffix(".meta")).stdout
        check("<a@held.test>" in shown and "<d@refused.test>" in shown, shown)
        subjects = {here.delivered()[i]: re.findall(r"^Subject: .*$", here.header(i), re.M) for i in range(2)}
        equal(subjects, {"b@tagged.test": ["Subject: [X] a test"], "c@plain.test": ["Subject: a test"]})


@suite.test
def header_fields_are_edited_and_nothing_else():
    with Here("""
[rule edit]
do = tag_subject [EXTERNAL]
do = add_header X-Scanned: yes
do = replace_header X-Priority: 3
do = remove_header X-Secret
""") as here:
        body = bytes(range(1, 256)).replace(b"\r", b"").replace(b"\n", b"") + b"\r\n" + b"x" * 900 + b"\r\n"
        text = mail(body, headers=("X-Priority: 1", "x-secret: a", "X-Other: kept", "X-SECRET: b\r\n\tfolded"))
        equal(here.send(text).code, 250)
        header = here.header()
        for line in ("Subject: [EXTERNAL] a test", "X-Scanned: yes", "X-Priority: 3", "X-Other: kept"):
            equal(header.count(line + "\n"), 1, line)
        check("ecret" not in header.replace("X-Scanned", "").lower() and "folded" not in header, header)
        equal(header.count("X-Priority"), 1)
        # What no rule names is the same, octet for octet, and in the same order.
        head = text.split(b"\r\n\r\n")[0].decode().replace("\r\n", "\n") + "\n"
        rest = re.sub(r"X-Priority: 1\n|x-secret: a\n|X-SECRET: b\n\tfolded\n", "", head)
        equal(header[header.index("Received: from x"):].replace("[EXTERNAL] ", ""), rest)
        equal(here.sink.messages[-1].data.split(b"\r\n\r\n", 1)[1], text.split(b"\r\n\r\n", 1)[1])
        # A mail that has the tag gets no second one; one without a subject gets a subject.
        equal(here.send(mail().replace(b"Subject: ", b"Subject: [EXTERNAL] ")).code, 250)
        equal(here.header().count("[EXTERNAL]"), 1)
        equal(here.send(mail().replace(b"Subject: a test\r\n", b"")).code, 250)
        equal(re.findall(r"^Subject: .*$", here.header(), re.M), ["Subject: [EXTERNAL]"])


@suite.test
def a_rule_that_delivers_lets_no_virus_through():
    with Here("""
[rule white]
from = friend@from.test
do = deliver
[rule spoiled]
from = lab@from.test
if = virus
do = deliver
[rule strangers]
do = reject no strangers
""") as here:
        infected = eicar() + b"\r\n"
        reply = here.send(mail(infected), sender="friend@from.test")
        equal(reply.code, 250)
        check("rule:         scanner.clamav action" in here.shown(reply), here.shown(reply))
        equal(here.delivered(), [])
        equal(here.send(mail(), sender="friend@from.test").code, 250)
        equal(len(here.delivered()), 1)
        equal(here.send(mail(infected), sender="lab@from.test").code, 250)
        equal(len(here.delivered()), 2)
        # Nor is a virus bounced to its alleged sender by a rule about something else.
        reply = here.send(mail(infected), sender="x@from.test")
        equal(reply.code, 250)
        check("scanner.clamav action" in here.shown(reply))
        equal(here.send(mail(), sender="x@from.test").code, 554)


@suite.test
def without_any_scanner_the_rules_still_know_what_is_in_a_mail():
    with Here("[rule programs]\nif = extension com\ndo = reject no programs\n", {"scanner.clamav.enable": "no"}) as here:
        equal(here.send(mail()).code, 250)
        check("X-Sandwich-Verdict" not in here.header(), "nothing is claimed")
        reply = here.send(with_attachment(b"MZ", "a.com"))
        equal(reply.code, 554, str(reply))
        equal(len(here.sink.messages), 1)
    # What a worker cannot tell is not let through either.
    with Here("[rule programs]\nif = extension com\ndo = reject no programs\n",
              {"scanner.clamav.enable": "no", "worker.scan_timeout": "1s"}) as here:
        need_test_hooks()
        equal(here.send(mail(headers=("X-Sandwich-Test: crash",))).code, 451)


@suite.test
def envelope_and_size_conditions():
    with Here("""
[domains]
local = local.test
[rule many]
if = recipients > 3
do = reject too many
[rule big]
if = message_size > 50k
do = reject too big
[rule out]
direction = outgoing
if = sender from.test
do = reject no way out
[rule net]
if = client 192.0.2.0/24
do = reject bad net
""", {"smtp.smtp_xclient_client_ip": "addr:127.0.0.1"}) as here:
        equal(here.send(mail(), *(f"r{i}@local.test" for i in range(3))).code, 250)
        check("too many" in here.send(mail(), *(f"r{i}@local.test" for i in range(4))).text)
        equal(here.send(mail(b"x" * 70 + b"\r\n"), "a@local.test").code, 250)
        check("too big" in here.send(mail((b"x" * 70 + b"\r\n") * 800), "a@local.test").text)
        check("no way out" in here.send(mail(), "a@world.test").text)
        equal(here.send(mail(), "a@world.test", sender="a@other.test").code, 250)
        with Client(here.daemon.port) as client:
            client.command(f"EHLO {HOST}")
            equal(client.command("XFORWARD ADDR=192.0.2.9").code, 250)
            client.envelope("a@b.test", ["a@local.test"])
            client.command("DATA")
            client.send(mail() + b".\r\n")
            check("bad net" in client.replies(1)[0].text)


@suite.test
def a_reload_takes_the_rules_or_leaves_the_old_ones():
    with Here("[rule r]\ndo = reject one\n") as here:
        check("one" in here.send(mail()).text)
        here.daemon.write_policy("[rule r]\ndo = reject two\n")
        here.daemon.reload()
        here.daemon.wait_log("reloaded", count=1)
        check("two" in here.send(mail()).text)
        here.daemon.write_policy("[rule r]\ndo = rejekt three\n")
        here.daemon.reload()
        line = here.daemon.wait_log("reload_refused")[0]
        check("policy.ini:2: error: unknown action rejekt; did you mean reject?" in line, line)
        check("two" in here.send(mail()).text)
        status = here.daemon.ctl("status").stdout
        check(re.search(r"^last reload: \S+ refused: .*policy\.ini:2", status, re.M), status)


@suite.test
def a_bad_policy_does_not_start():
    try:
        with Here("[rule r]\nif = extention exe\ndo = reject\n"):
            check(False, "it started")
    except StartFailed as failure:
        check("policy.ini:2: error: unknown condition extention; did you mean extension?" in failure.log, failure.log)


if __name__ == "__main__":
    suite.main()
