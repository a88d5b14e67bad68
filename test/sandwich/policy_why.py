#!/usr/bin/python3
"""sandwichctl why: what was decided about a mail and why, under each of its names, after a restart, for a while and no longer."""

import base64
import os
import re
import stat
import time

from daemon import need_test_hooks
from samples import eicar, message, with_attachment, zipped
from suite import Suite, check, equal, wait_for

from client import Client
from policy_content import PROGRAM, nested
from ruled import HOST, Here, mail, numbers

suite = Suite()
RULES = """
[rule crowd]
if = recipients > 20
do = reject too many
[rule programs]
to = not:free.test
if = extension exe
if = not message_size > 1m
do = tag_subject [P]
do = quarantine Programs
[rule rest]
to = free.test
do = add_header X-Free: yes
"""


def identified(text, message_id):
    number = f"6AW{next(numbers):06d}"
    field = f"Received: from far (far [198.51.100.7])\r\n\tby {HOST} with ESMTP id {number};\r\n\tdate\r\n".encode()
    return number, field + re.sub(rb"Message-ID: <[^>]*>", b"Message-ID: " + message_id.encode(), text)


def why(here, name, status=0):
    done = here.daemon.ctl("why", name)
    equal(done.returncode, status, done.stdout + done.stderr)
    return done.stdout if status == 0 else done.stderr


@suite.test
def each_name_of_a_mail_tells_all_about_it():
    with Here(RULES, {"content.limit_layers": "6", "content.limit_action": "deliver-with-mark"}) as here:
        text = with_attachment(zipped(zipped(PROGRAM, "a.exe"), "inner.zip"), "outer.zip")
        inbound, text = identified(text, "<why-1@from.test>")
        reply = here.send(text, "a@held.test", "b@free.test", "c@held.test")
        equal(reply.code, 250)
        name = re.search(r"\b[0-9A-Z]{14}\b", str(reply)).group()
        told = why(here, name)
        for part in (
            rf"^id: +{name}$", rf"^inbound id: +{inbound}$", r"^message id: +<why-1@from.test>$", r"^client: +198\.51\.100\.7$",
            r"^from: +<a@from\.test>$", r"^recipients: +3$", rf"^size: +{len(text)} octets$", r"^configuration: +generation 1$",
            r"^signatures: +generation 1, ", r"^clamav: clean$",
            r"^  outer\.zip!inner\.zip!a\.exe: application/vnd\.microsoft\.portable-executable, \d+ octets",
            r"^recipients <a@held\.test>, <c@held\.test>:\n  rule crowd: does not apply\n    no  recipients > 20: 3.*\n  rule programs: applies\n"
            r"    yes extension exe: outer\.zip!inner\.zip!a\.exe: a\.exe\n    yes not message_size > 1m: \d+.*\n"
            r"  decision: quarantine \(area programs\), rule programs; tag_subject \[P\]$",
            r"^recipient <b@free\.test>:\n  rule crowd: does not apply\n.*\n  rule programs: not for them\n  rule rest: applies\n"
            r"  decision: deliver, clean; add_header X-Free: yes$",
            r"^done:\n  <a@held\.test>, <c@held\.test>: quarantine .*\n  <b@free\.test>: deliver",
            rf"^log: +{name}: .*to=<a@held\.test>,<c@held\.test>.*rule=programs.*$", r"^log: .*to=<b@free\.test>.*stat=Sent",
        ):
            check(re.search(part, told, re.M), f"{part!r} is missing in:\n{told}")
        for other in (inbound, "<why-1@from.test>"):
            equal(why(here, other), told)
        check("nothing is known of 6AW" in why(here, "6AW", 1))
        # A limit, with the place where it was reached.
        inbound, text = identified(with_attachment(nested(8), "a.zip"), "<why-2@from.test>")
        equal(here.send(text, "b@free.test").code, 250)
        told = why(here, inbound)
        check(re.search(r'^limit layers: 7 at "a\.zip!layer\d\.zip!.*"$', told, re.M), told)
        check("contents: cannot tell (limit)" in told and "deliver-with-mark" in told, told)
        # A virus; a mail that is refused has a reason, too.
        inbound, text = identified(message(eicar() + b"\r\n"), "<why-3@from.test>")
        equal(here.send(text, "b@free.test").code, 250)
        told = why(here, inbound)
        check("clamav: found Sandwich.Test.EICAR" in told and "decision: quarantine, scanner.clamav action" in told, told)


@suite.test
def several_mails_under_one_name_come_oldest_first():
    with Here(RULES) as here:
        ids = []
        for number in range(3):
            reply = here.send(identified(message(f"{number}\r\n"), "<same@from.test>")[1], "b@free.test")
            ids.append(re.search(r"\b[0-9A-Z]{14}\b", str(reply)).group())
        equal(re.findall(r"^id: +(\w+)$", why(here, "<same@from.test>"), re.M), ids)
        check("explanations: 3 mails, 0 not kept" in here.daemon.ctl("status").stdout, here.daemon.ctl("status").stdout)


@suite.test
def a_retry_that_the_journal_answers_is_not_told_again():
    with Here(RULES) as here:
        inbound, text = identified(message("x\r\n"), "<retry@from.test>")
        for _ in range(3):
            equal(here.send(text, "b@free.test").code, 250)
        equal(len(here.sink.messages), 1)
        told = why(here, inbound)
        equal((told.count("\nrecipient <"), told.count("log: ")), (1, 1), told)


@suite.test
def what_ended_before_the_scan_has_its_reason():
    with Here(RULES, {"smtp.max_header_fields": "100"}) as here:
        inbound, text = identified(message("x\r\n", headers=[f"X-{i}: a" for i in range(130)]), "<fields@from.test>")
        reply = here.send(text, "b@free.test")
        equal(reply.code, 552)
        line = here.daemon.wait_log("too many header fields")[-1]
        told = why(here, re.search(r"\b[0-9A-Z]{14}\b", line).group())
        check(re.search(r"^log: .*too many header fields", told, re.M) and "decision:" not in told, told)


@suite.test
def a_mail_that_costs_workers_is_told_of():
    need_test_hooks()
    with Here(RULES, {"worker.crash_limit": "1"}) as here:
        inbound, text = identified(message("x\r\n", headers=("X-Sandwich-Test: crash",)), "<crash@from.test>")
        equal(here.send(text, "b@free.test").code, 451)
        equal(here.send(text, "b@free.test").code, 250)
        told = why(here, inbound)
        check("cannot tell (crash)" in told and "not judged:    1 scanner workers were lost by it" in told, told)


@suite.test
def it_survives_a_restart_and_belongs_to_the_proxy():
    with Here(RULES) as here:
        inbound, text = identified(message("x\r\n"), "<kept@from.test>")
        equal(here.send(text, "b@free.test").code, 250)
        told = why(here, inbound)
        here.daemon.stop()
        here.daemon.start()
        equal(why(here, inbound), told)
        equal(here.send(identified(message("y\r\n"), "<kept@from.test>")[1], "b@free.test").code, 250)
        equal(len(re.findall(r"^id:", why(here, "<kept@from.test>"), re.M)), 2)
        directory = here.daemon.path("why")
        files = [os.path.join(directory, name) for name in os.listdir(directory)]
        equal(len(files), 2)
        equal({stat.S_IMODE(os.stat(file).st_mode) for file in files}, {0o640})
        equal(stat.S_IMODE(os.stat(directory).st_mode), 0o750)
        equal(len({os.stat(path).st_uid for path in [directory, here.daemon.quarantine, *files]}), 1)


def size_of(directory):
    """The sum of the files' sizes. The proxy removes old ones meanwhile: one that went between the list and the look counts nothing."""
    total = 0
    for name in os.listdir(directory):
        try:
            total += os.stat(os.path.join(directory, name)).st_size
        except FileNotFoundError:
            pass
    return total


@suite.test
def what_is_kept_is_bounded():
    with Here(RULES, {"explain.max_size": "1m"}) as here:
        directory = here.daemon.path("why")
        first, text = identified(message("x\r\n"), "<first@from.test>")
        equal(here.send(text, "b@free.test").code, 250)
        check(why(here, first))
        # Random names do not become smaller by compressing: about 8 KiB a mail.
        boundary = b"bound-" + os.urandom(4).hex().encode()
        with Client(here.daemon.port) as client:
            client.command(f"EHLO {HOST}")
            for _ in range(200):
                parts = b"".join(
                    b"--" + boundary + b"\r\nContent-Disposition: attachment; filename=\"" + base64.urlsafe_b64encode(os.urandom(120)) + b".txt\"\r\n\r\nx\r\n"
                    for _ in range(60))
                last, text = identified(
                    message(parts + b"--" + boundary + b"--\r\n", headers=(f"Content-Type: multipart/mixed; boundary={boundary.decode()}",)),
                    "<many@from.test>")
                client.envelope("a@from.test", ["b@free.test"])
                client.command("DATA")
                client.send(text + b".\r\n")
                equal(client.replies(1)[0].code, 250)
                check(size_of(directory) <= 1 << 20, size_of(directory))
        check("filename" not in why(here, last))
        check("nothing is known of" in why(here, first, 1))
        check(size_of(directory) > 1 << 19, size_of(directory))
        check(re.match(r"\d+ older records are left out", why(here, "<many@from.test>")))


@suite.test
def old_ones_go_and_it_can_be_turned_off():
    with Here(RULES) as here:
        directory = here.daemon.path("why")
        inbound, text = identified(message("x\r\n"), "<old@from.test>")
        equal(here.send(text, "b@free.test").code, 250)
        check(why(here, inbound))
        here.daemon.stop()
        past = time.time() - 15 * 86400
        for name in os.listdir(directory):
            os.utime(os.path.join(directory, name), (past, past))
        here.daemon.start()
        wait_for("the old file to go", lambda: os.listdir(directory) == [], 5)
        check("nothing is known of" in why(here, inbound, 1))
        here.daemon.configure({"explain.enable": "no"})
        here.daemon.reload()
        here.daemon.wait_log("reloaded", count=1)
        inbound, text = identified(message("x\r\n"), "<off@from.test>")
        equal(here.send(text, "b@free.test").code, 250)
        check("explanations are off" in why(here, inbound, 1))
        equal(os.listdir(directory), [])


@suite.test
def a_store_that_cannot_be_written_stops_no_mail():
    with Here(RULES) as here:
        directory = here.daemon.path("why")
        os.rename(directory, directory + ".away")
        with open(directory, "w", encoding="ascii"):
            pass
        for _ in range(3):
            equal(here.send(mail(), "b@free.test").code, 250)
        here.daemon.wait_log("explain_failed")
        check("CANNOT BE WRITTEN" in here.daemon.ctl("status").stdout)
        os.remove(directory)
        os.rename(directory + ".away", directory)
        inbound, text = identified(message("x\r\n"), "<again@from.test>")
        equal(here.send(text, "b@free.test").code, 250)
        check(why(here, inbound))


@suite.test
def wrong_names():
    with Here(RULES) as here:
        for words in (["why"], ["why", ""], ["why", "a", "b"], ["why", "a\nb"], ["why", "x" * 1001], ["why", "x", "--raw"]):
            equal(here.daemon.ctl(*words).returncode, 2, words)
        check("\\x1b" in why(here, "<\x1b[2J@x>", 1))


if __name__ == "__main__":
    suite.main()
