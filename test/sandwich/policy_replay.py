#!/usr/bin/python3
"""sandwichctl replay: which mails of a store a candidate policy would treat otherwise, told without a connection to anybody."""

import os
import re
import shutil
import subprocess
import tempfile

from daemon import Daemon, program
from samples import eicar, message, with_attachment, zipped
from suite import Skip, Suite, check, equal

from policy_content import PROGRAM
from ruled import HOST, Here, mail
from sink import Sink

suite = Suite()
OLD = """
[rule programs]
if = extension exe
do = quarantine old-programs
[rule partners]
from = partner.test
do = tag_subject [PARTNER]
"""
NEW = """
[rule programs]
if = extension exe scr
do = quarantine programs
[rule partners]
from = partner.test
do = tag_subject [PARTNER]
[rule boss]
to = boss.test
if = attachment
do = reject not to the boss
"""


class Store:
    """A configuration without a daemon, a candidate, and a directory for mails."""

    def __init__(self, old=OLD, new=NEW, settings=None):
        self.sink = Sink()
        self.daemon = Daemon(self.sink.port, settings, start=False)
        if old:
            self.daemon.write_policy(old)
        self.daemon.write_policy(new, "candidate.ini")
        self.root = self.daemon.path("mails")
        os.mkdir(self.root)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        connections = self.sink.connections
        self.daemon.close()
        self.sink.close()
        if kind is None:
            equal(connections, 0, "the delivery server was asked")

    def put(self, path, text, when=None):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text.replace(b"\r\n", b"\n"))
        if when is not None:
            os.utime(path, (when, when))
        return path

    def replay(self, *arguments, status=0):
        done = self.daemon.ctl("replay", f"--policy={self.daemon.path('candidate.ini')}", *arguments, timeout=60)
        equal(done.returncode, status, done.stdout + done.stderr)
        return done.stdout, done.stderr


PLAIN = message("nothing\r\n")
EXE = with_attachment(zipped(PROGRAM, "a.exe"), "a.zip")
SCR = with_attachment(zipped(PROGRAM, "a.scr"), "a.zip")
TXT = with_attachment(b"x\r\n", "a.txt")


def to(text, recipient, sender=b"a@from.test"):
    return b"Return-Path: <" + sender + b">\r\nDelivered-To: " + recipient + b"\r\n" + text


def summary(output):
    return output.splitlines()[-1]


@suite.test
def each_kind_of_store():
    with Store() as store:
        mbox = b"".join(b"From " + sender + b" Sat Nov 28 08:30:29 2026\r\n" + text + b"\r\n" for sender, text in (
            (b"a@from.test", to(PLAIN, b"b@to.test")), (b"MAILER-DAEMON", SCR + b"\r\nFrom here on it is text\r\n"),
            (b"x@partner.test", message("x\r\n", recipient="c@boss.test"))))
        path = store.put("box", mbox)
        output, errors = store.replay(path)
        equal(summary(output), "3 mails, 1 would change; recipients: 1 deliver -> quarantine", errors)
        equal(output.split(": from")[0], f"{path}:2")
        check("from <>\n  to <b@to.test>:\n    was: deliver, clean\n    now: quarantine (area programs), rule programs\n"
              "         rule programs, extension exe scr: a.zip!a.scr: a.scr\n" in output, output)

        maildir = [store.put("Maildir/cur/1:2,S", to(EXE, b"b@to.test")), store.put("Maildir/new/2", to(TXT, b"b@boss.test"))]
        store.put("Maildir/tmp/3", to(SCR, b"b@to.test"))
        store.put("Maildir/dovecot.index", b"no mail")
        inner = store.put("Maildir/.Sent/cur/4", to(SCR, b"b@to.test"))
        os.makedirs(os.path.join(store.root, "Maildir/.Sent/new"))
        os.symlink(inner, os.path.join(store.root, "Maildir/cur/5"))
        output, errors = store.replay(os.path.join(store.root, "Maildir"))
        equal(summary(output), "3 mails, 3 would change; recipients: 1 deliver -> quarantine, 1 deliver -> reject, 1 quarantine -> quarantine")
        equal([line.split(": from")[0] for line in output.splitlines()[:-1] if not line.startswith(" ")], [inner, *maildir])
        check("was: quarantine (area old-programs), rule programs\n" in output and 'now: reject "not to the boss", rule boss\n' in output, output)

        store.put("some/deep/a.eml", to(SCR, b"b@to.test"))
        store.put("some/b.eml", to(PLAIN, b"b@to.test"))
        store.put("some/notes.txt", SCR)
        store.put("some/archive", mbox)
        output, errors = store.replay(os.path.join(store.root, "some"))
        equal(summary(output), "5 mails, 2 would change; recipients: 2 deliver -> quarantine")
        # Single files, whatever they are called; and several sources.
        output, errors = store.replay(os.path.join(store.root, "some/notes.txt"), path)
        equal(summary(output), "4 mails, 2 would change; recipients: 2 deliver -> quarantine")
        output, errors = store.replay("--from=x@partner.test", "--to=d@boss.test", "--to=e@to.test", os.path.join(store.root, "some/b.eml"),
                                      os.path.join(store.root, "Maildir/new/2"))
        equal(summary(output), "2 mails, 1 would change; recipients: 1 deliver -> quarantine")
        check("from <x@partner.test>\n  to <d@boss.test>:" in output and "one reply cannot refuse some" in output, output)


@suite.test
def the_same_policy_changes_nothing():
    with Store(new=OLD.replace("[rule programs]", "[rule other-name]")) as store:
        store.put("a.eml", to(EXE, b"b@to.test"))
        store.put("b.eml", to(message(eicar() + b"\r\n"), b"b@to.test"))
        store.put("c.eml", to(PLAIN, b"b@to.test", b"a@partner.test"))
        equal(store.replay(store.root)[0], "3 mails, 0 would change\n")
    # Without a policy in force, and against another one than that.
    with Store(old=None) as store:
        store.put("a.eml", to(EXE, b"b@to.test"))
        store.put("b.eml", to(message(eicar() + b"\r\n"), b"b@to.test"))
        equal(summary(store.replay(store.root)[0]), "2 mails, 1 would change; recipients: 1 deliver -> quarantine")
        equal(summary(store.replay(f"--old={store.daemon.path('candidate.ini')}", store.root)[0]), "2 mails, 0 would change")


EXPRESSIONS = """
[expression e]
where = body
keyword = {}
[rule words]
if = expression e
do = quarantine
"""


@suite.test
def policies_that_look_for_different_words():
    with Store(EXPRESSIONS.format("apple"), EXPRESSIONS.format("banana")) as store:
        for name in ("apple", "banana", "cherry"):
            store.put(f"{name}.eml", to(message(f"a {name}\r\n"), b"b@to.test"))
        output, _ = store.replay(store.root)
        equal(summary(output), "3 mails, 2 would change; recipients: 1 deliver -> quarantine, 1 quarantine -> deliver")
        check(re.search(r"apple\.eml: .*\n.*\n    was: quarantine, rule words\n +rule words, expression e: .*apple.*\n    now: deliver, clean", output), output)
        check(re.search(r"banana\.eml: .*\n.*\n    was: deliver, clean\n    now: quarantine, rule words\n +rule words, expression e: .*banana", output), output)


@suite.test
def a_mail_is_judged_at_its_time():
    rule = "[time night]\nspan = mon-sun 22:00-24:00\n[rule night]\nwhen = night\ndo = quarantine\n"
    with Store(old=None, new=rule) as store:
        night = subprocess.run(["date", "-d", "2026-11-20 23:00", "+%s"], capture_output=True, check=True).stdout
        store.put("night.eml", to(PLAIN, b"b@to.test"), int(night))
        store.put("day.eml", to(PLAIN, b"b@to.test"), int(night) - 12 * 3600)
        store.put("box", b"From a@b.test Fri Nov 20 22:30:00 2026\n" + PLAIN + b"\nFrom a@b.test Fri Nov 20 21:30:00 2026\n" + PLAIN)
        output, _ = store.replay(store.root)
        equal(summary(output), "4 mails, 2 would change; recipients: 2 deliver -> quarantine")
        check("night.eml: " in output and "box:1: " in output, output)


@suite.test
def a_mail_that_went_through_us_is_what_came_to_us():
    rule = "[rule net]\nif = client 198.51.100.0/24\nif = not message_size > {}\ndo = quarantine\n"
    text = f"Received: from far (far [198.51.100.7])\r\n\tby {HOST} with ESMTP id 6AZ000001;\r\n\tdate\r\n".encode() + PLAIN
    with Here("[rule r]\ndo = add_header X-A: b\n") as here:
        equal(here.send(text, "b@to.test").code, 250)
        stored = here.sink.messages[0].data
    check(len(stored) > len(text) and b"(Sandwich)" in stored, stored)
    # With the delivery server's own lines above.
    stored = b"Received: from localhost (localhost [127.0.0.1])\r\n\tby mx with ESMTP id 1;\r\n\tdate\r\n" + stored.replace(b"X-A: b\r\n", b"")
    with Store(old=None, new=rule.format(len(text))) as store:
        store.put("a.eml", to(stored, b"b@to.test"))
        equal(summary(store.replay(store.root)[0]), "1 mails, 1 would change; recipients: 1 deliver -> quarantine")
        # It is not larger, and not smaller either.
        store.daemon.write_policy(rule.format(len(text) - 1), "candidate.ini")
        equal(summary(store.replay(store.root)[0]), "1 mails, 0 would change")
        equal(summary(store.replay("--client=192.0.2.1", store.root)[0]), "1 mails, 0 would change")


@suite.test
def what_is_held_under_a_new_policy():
    with Here("[rule programs]\nif = extension exe\ndo = quarantine programs\n[rule rest]\nto = held.test\ndo = quarantine\n") as here:
        ids = [re.search(r"\b[0-9A-Z]{14}\b", str(here.send(mail().split(b"From:")[0] + text, *recipients, sender=sender))).group()
               for text, recipients, sender in ((EXE, ("a@to.test",), "x@good.test"), (EXE, ("b@to.test", "c@to.test"), "x@bad.test"),
                                                (PLAIN, ("d@held.test",), "x@good.test"), (message(eicar() + b"\r\n"), ("e@to.test",), "x@good.test"))]
        before = sorted((name, os.stat(os.path.join(here.daemon.quarantine, name)).st_mtime) for name in os.listdir(here.daemon.quarantine))
        here.daemon.write_policy("[rule good]\nfrom = good.test\ndo = deliver\n[rule programs]\nif = extension exe\ndo = quarantine programs\n", "candidate.ini")
        candidate = f"--policy={here.daemon.path('candidate.ini')}"
        done = here.daemon.ctl("replay", candidate, "--quarantine", timeout=60)
        equal(done.returncode, 0, done.stderr)
        equal(summary(done.stdout), "4 mails, 2 would change; recipients: 2 quarantine -> deliver")
        equal(re.findall(r"^(\w{14}): from <(.*)>$", done.stdout, re.M), [(ids[0], "x@good.test"), (ids[2], "x@good.test")])
        done = here.daemon.ctl("replay", candidate, "--quarantine", "--area=programs", timeout=60)
        equal(summary(done.stdout), "2 mails, 1 would change; recipients: 1 quarantine -> deliver")
        after = sorted((name, os.stat(os.path.join(here.daemon.quarantine, name)).st_mtime) for name in os.listdir(here.daemon.quarantine))
        equal(after, before)
        equal(here.sink.messages, [])
        check("0 messages" not in here.daemon.ctl("status").stdout)


@suite.test
def what_cannot_be_read_is_named_and_counted():
    with Store(settings={"smtp.message_size_limit": "64k"}) as store:
        big = store.put("big.eml", to(message(("x" * 70 + "\r\n") * 1000), b"b@to.test"))
        store.put("a.eml", to(SCR, b"b@to.test"))
        output, errors = store.replay(store.root, status=1)
        equal(summary(output), "1 mails, 1 would change; recipients: 1 deliver -> quarantine; 1 could not be read")
        check(f"{big}: more than 65536 octets" in errors, errors)
        _, errors = store.replay(os.path.join(store.root, "none"), status=1)
        check("none: No such file or directory" in errors, errors)
        for name, text in (("empty", b""), ("odd", b"\0\r\n\xff"), ("mbox", b"From \n"), ("header", b"To: <a\nTo: \"(\\")):
            store.put(name + ".eml", text)
        equal(summary(store.replay(store.root, status=1)[0]), "5 mails, 1 would change; recipients: 1 deliver -> quarantine; 1 could not be read")


@suite.test
def wrong_usage_and_wrong_policies():
    with Store() as store:
        path = store.put("a.eml", PLAIN)
        for words in ([], ["--area=x", path], ["--quarantine", path], ["--client=x", path], ["--no", path], ["--setting=spam=often", path]):
            store.replay(*words, status=2)
        # The user list is not asked: what recipients have is said, or counts as not set.
        store.daemon.write_policy("[rule gold]\nsetting = class gold\ndo = quarantine gold\n", "candidate.ini")
        output, errors = store.replay(path)
        check(summary(output) == "1 mails, 0 would change" and "the user list is not asked: see --setting" in errors, output, errors)
        output, errors = store.replay("--setting=class=silver gold", "--setting=spam=low", path)
        check("rule gold, setting class gold: silver gold\n" in output and "see --setting" not in errors, output, errors)
        equal(store.daemon.ctl("replay", path).returncode, 2)
        store.daemon.write_policy("[rule r]\nif = extention exe\ndo = reject\n", "candidate.ini")
        _, errors = store.replay(path, status=1)
        check("candidate.ini:2: error: unknown condition extention" in errors, errors)
        _, errors = store.replay(path + ".none", status=1)


def _strace():
    found = shutil.which("strace")
    if not found:
        raise Skip("strace is not installed")
    return found


@suite.test
def nothing_is_connected_to():
    with Store(EXPRESSIONS.format("apple"), EXPRESSIONS.format("banana")) as store, tempfile.TemporaryDirectory() as directory:
        store.put("a.eml", to(message("an apple\r\n"), b"b@to.test"))
        store.put("b.eml", to(message("a banana\r\n"), b"b@to.test"))
        trace = os.path.join(directory, "trace")
        done = subprocess.run([_strace(), "-f", "-qq", "-e", "trace=network", "-o", trace, program("sandwichctl"), "-c", store.daemon.ini, "replay",
                               f"--policy={store.daemon.path('candidate.ini')}", store.root],
                              capture_output=True, text=True, timeout=120, check=False)
        equal(done.returncode, 0, done.stderr)
        equal(summary(done.stdout), "2 mails, 2 would change; recipients: 1 deliver -> quarantine, 1 quarantine -> deliver")
        with open(trace, encoding="utf-8") as file:
            calls = file.read()
        check("socketpair(AF_UNIX" in calls, "the trace has seen the scanners start")
        equal(re.findall(r".*(?:socket\(AF_INET|sa_family=AF_INET|\blisten\().*", calls), [])
        # Only the C library asks for the numbers of users, when there is somebody to ask.
        equal(set(re.findall(r"\bconnect\(\d+, (.*?\})", calls)) - {'{sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}'}, set())
        # A daemon that were asked would have made its socket; and what is measured can be seen.
        check(not os.path.exists(store.daemon.control_socket))
        subprocess.run([_strace(), "-f", "-qq", "-e", "trace=network", "-o", trace, "python3", "-c",
                        "import socket; socket.socket().connect_ex(('127.0.0.1', 9))"], check=True, timeout=60)
        with open(trace, encoding="utf-8") as file:
            check("connect(" in file.read())


if __name__ == "__main__":
    suite.main()
