#!/usr/bin/python3
"""The user list: it fills itself with what the delivery server accepts, sandwichctl users changes it, and mail never depends on it."""

import os
import re
import subprocess

from daemon import Daemon, program
from ruled import Here, mail
from samples import message, with_attachment
from suite import Suite, check, equal, wait_for

from client import send_message
from sink import Sink

suite = Suite()
SETTINGS = {"users.domains": "to.test *.sub.test", "general.threads": 1}


def users(daemon, *words, status=0):
    done = daemon.ctl("users", *words)
    equal(done.returncode, status, done.stdout + done.stderr)
    return done.stdout if status == 0 else done.stderr


def with_input(daemon, text, *words):
    return subprocess.run([program("sandwichctl"), "-c", daemon.ini, "users", *words], input=text, capture_output=True, text=True, timeout=20,
                          check=False)


def mailboxes(daemon, *words):
    return [line.split()[0] for line in users(daemon, "list", *words).splitlines()[1:]]


@suite.test_apart
def recipients_that_the_delivery_server_accepts_are_listed():
    refused = lambda session, argument: "550 5.1.1 unknown" if "nobody" in argument else None  # noqa: E731
    with Sink(react={"RCPT": refused}) as sink, Daemon(sink.port, SETTINGS) as daemon:
        for _ in range(2):
            equal(send_message(daemon.port, message(), recipients=("Bob@To.Test", "x@a.sub.test", "friend@far.test")).code, 250)
        equal(send_message(daemon.port, message(), recipients=("nobody@to.test",)).code, 550)
        equal(mailboxes(daemon), ["bob@to.test", "x@a.sub.test"])
        told = users(daemon, "show", "BOB@to.test")
        for part in (r"^mailbox: +bob@to\.test$", r"^domain: +to\.test$", r"^source: +smtp$", r"^first seen: +20\d\d-", r"^last seen: +20\d\d-"):
            check(re.search(part, told, re.M), f"{part} is missing in {told}")
        check("users: 2 mailboxes, 0 aliases" in daemon.ctl("status").stdout)
        # By hand; and it is there again after a restart.
        users(daemon, "add", "info@to.test", "Sales@to.test")
        users(daemon, "alias", "bob@to.test", "robert@to.test", "info@far.test")
        users(daemon, "set", "robert@to.test", "class=Sales berlin", "spam=high")
        users(daemon, "set", "@to.test", "spam=low")
        daemon.wait_log("users_changed: by uid=0: set robert@to.test class=sales berlin" if os.geteuid() == 0 else "users_changed: ")
        daemon.stop()
        daemon.start()
        equal(mailboxes(daemon), ["bob@to.test", "info@to.test", "x@a.sub.test"])
        equal(mailboxes(daemon, "@far.test"), [])
        equal(mailboxes(daemon, "rober"), ["bob@to.test"])
        check("setting:     class = sales berlin" in users(daemon, "show", "bob@to.test"))
        check("setting:     spam = low" in users(daemon, "show", "@to.test"))
        check("spam:        low, by @to.test\n" in users(daemon, "settings", "info@to.test"))
        check(re.search(r"^spam +off low normal high +normal +mailboxes, domains ", users(daemon, "settings"), re.M))
        check("spam is one of" in users(daemon, "set", "bob@to.test", "class=x", "spam=often", status=1))
        check("is an alias of info@to.test already" in users(daemon, "alias", "bob@to.test", "sales@to.test", status=1))
        # Mail to an alias is its mailbox's.
        equal(send_message(daemon.port, message(), recipients=("robert@to.test",)).code, 250)
        equal(mailboxes(daemon, "robert"), ["bob@to.test"])
        users(daemon, "remove", "x@a.sub.test", "sales@to.test")
        users(daemon, "unset", "@to.test", "spam")
        check("x@a.sub.test is not in the list" in users(daemon, "show", "x@a.sub.test", status=1))
        for words in ((), ("list", "a", "b"), ("add",), ("alias", "bob@to.test"), ("set", "bob@to.test"), ("unset", "bob@to.test"), ("disable",), ("drop",)):
            equal(daemon.ctl("users", *words).returncode, 2, words)


@suite.test_apart
def export_and_import_make_the_same_list_again_and_errors_have_their_line():
    with Sink() as sink, Daemon(sink.port, SETTINGS) as daemon:
        lines = ["mailbox,aliases,settings"] + [f"u{n:04d}@to.test,a{n:04d}@to.test;b{n:04d}@to.test,class=n{n}" for n in range(2500)]
        lines += ["@to.test,,class=all;spam=low"]
        equal(with_input(daemon, "\n".join(lines), "import", "-").stdout, "2501 entries\n")
        exported = users(daemon, "export")
        equal(len(exported.splitlines()), 2502)
        check("u2499@to.test,a2499@to.test;b2499@to.test,class=n2499,import,never,never\n@to.test,,class=all;spam=low,,,\n" in exported,
              exported[-200:])
        equal(users(daemon, "export", "@far.test").splitlines(), exported.splitlines()[:1])
        equal(len(mailboxes(daemon)), 2500)
        check("users: 2500 mailboxes, 5000 aliases" in daemon.ctl("status").stdout)
        with open(daemon.path("users.tsv"), "w", encoding="utf-8") as file:
            file.write("new@to.test\nbad address@\n\nu0001@to.test\tnew@to.test\n")
        told = users(daemon, "import", daemon.path("users.tsv"), status=1)
        check("users.tsv:2: " in told and "users.tsv:4: new@to.test stands in line 1 already" in told, told)
        check("nothing was imported" in told, told)
        equal(mailboxes(daemon, "new@"), [])
    with Sink() as sink, Daemon(sink.port, SETTINGS) as daemon:
        equal(with_input(daemon, exported, "import", "-").returncode, 0)
        equal(users(daemon, "export"), exported)


@suite.test_apart
def a_damaged_or_missing_list_stops_no_mail():
    with Sink() as sink, Daemon(sink.port, SETTINGS, start=False) as daemon:
        os.mkdir(daemon.path("users"))
        with open(daemon.path("users/users.db"), "wb") as file:
            file.write(b"no database at all\n" * 1000)
        os.chmod(daemon.path("users"), 0o777)
        os.chmod(daemon.path("users/users.db"), 0o666)
        daemon.start()
        equal(send_message(daemon.port, message(), recipients=("bob@to.test",)).code, 250)
        daemon.wait_log("users_failed: .*users.db: file is not a database")
        check("CANNOT BE USED" in daemon.ctl("status").stdout)
        check("cannot be opened" in users(daemon, "list", status=1))
        # But under rules that ask for its settings.
        daemon.write_policy("[rule some]\nsetting = class some\ndo = tag_subject [X]\n")
        daemon.reload()
        equal(send_message(daemon.port, message(), recipients=("bob@to.test",)).code, 450)
        # It is left for whoever can save what is in it; out of the way, a new one is begun.
        os.rename(daemon.path("users/users.db"), daemon.path("users/damaged"))
        equal(mailboxes(daemon), [])
        equal(send_message(daemon.port, message(), recipients=("bob@to.test",)).code, 250)
        wait_for("bob to be listed", lambda: mailboxes(daemon) == ["bob@to.test"])
        users(daemon, "set", "bob@to.test", "class=some")
        # What was read stays in force.
        os.rename(daemon.path("users/users.db"), daemon.path("users/good"))
        equal(send_message(daemon.port, message(), recipients=("bob@to.test",)).code, 250)
        check(b"Subject: [X]" in sink.messages[-1].data, sink.messages[-1].data)
        with open(daemon.path("users/damaged"), "rb") as file:
            check(file.read().startswith(b"no database"))


@suite.test_apart
def what_a_source_says_folds_aliases_and_the_list_is_a_source_itself():
    with Sink() as sink, Daemon(sink.port, start=False) as daemon:
        with open(daemon.path("staff"), "w", encoding="ascii") as file:
            file.write("bob@to.test\nsales@to.test bob@to.test\nnew@to.test bob@to.test\n")
        daemon.configure({**SETTINGS, "source.list staff.file": daemon.path("staff"), "directory.domains": "to.test here.test new.test",
                          "directory.sources": "users, list staff", "domain here.test.recipient_sources": "users",
                          "domain new.test.recipient_sources": "users"})
        daemon.start()
        for recipient in ("sales@to.test", "bob@to.test"):
            equal(send_message(daemon.port, message(), recipients=(recipient,)).code, 250)
        equal(mailboxes(daemon), ["bob@to.test"])
        told = users(daemon, "show", "sales@to.test")
        check(re.search(r"^source: +list$", told, re.M) and "sales@to.test" in told, told)
        # As a source: who stands there, by each name.
        users(daemon, "add", "ann@here.test", "a@here.test")
        for recipient, code in (("ann@here.test", 250), ("A@here.test", 250), ("eve@here.test", 550),
                                ("anybody@new.test", 250)):  # of whose domain the list has nobody
            equal(send_message(daemon.port, message(), recipients=(recipient,)).code, code, recipient)
        told = daemon.ctl("recipient", "a@here.test").stdout
        check("users: known, mailbox ann@here.test\n" in told, told)
        # A mailbox that is disabled takes no mail, whoever knows it, also under an alias that the list has not seen.
        users(daemon, "disable", "bob@to.test", "ann@here.test")
        for recipient in ("bob@to.test", "Sales@to.test", "new@to.test", "bob+x@to.test", "a@here.test"):
            reply = send_message(daemon.port, message(), recipients=(recipient,))
            equal((reply.code, reply.text.split()[0], reply.text.endswith("Mailbox disabled")), (550, "5.2.1", True), str(reply))
        check(mailboxes(daemon, "ann@") == ["ann@here.test"] and users(daemon, "list", "ann@").endswith(" a@here.test (disabled)\n"))
        check(daemon.ctl("recipient", "a@here.test").stdout.endswith("user list: disabled, refuse (550 5.2.1)\n"))
        check("is an alias of bob@to.test" in users(daemon, "enable", "sales@to.test", status=1))
        users(daemon, "enable", "bob@to.test")
        equal(send_message(daemon.port, message(), recipients=("new@to.test",)).code, 250)
        equal(mailboxes(daemon, "new@"), ["bob@to.test"])


@suite.test_apart
def recipients_of_one_mail_have_each_what_rules_make_of_their_settings():
    with Here("""
[rule strict]
setting = attachments strict
if = extension zip
do = quarantine archives
[rule gold]
to = to.test
setting = class gold
setting = not spam off
do = tag_subject [GOLD]
do = deliver
""", SETTINGS) as here:
        text = with_attachment(b"PK", "a.zip")
        recipients = ("bob@to.test", "a@to.test", "x@strict.test", "gold@to.test", "off@to.test", "far@gold.test")
        equal(here.send(text, *recipients).code, 250)
        equal(here.delivered(), [" ".join(recipients)])
        for words in (("set", "@strict.test", "attachments=strict"), ("add", "bob@to.test", "a@to.test"), ("set", "a@to.test", "attachments=strict"),
                      ("set", "gold@to.test", "class=silver gold"), ("add", "off@to.test"), ("set", "off@to.test", "class=gold", "spam=off"),
                      ("set", "@gold.test", "class=gold")):
            users(here.daemon, *words)
        received = mail().split(b"From:")[0]
        reply = here.send(received + text, *recipients)
        equal(reply.code, 250)
        equal(sorted(here.delivered()[1:]), ["gold@to.test", "off@to.test far@gold.test"])
        gold = here.delivered().index("gold@to.test")
        check("[GOLD]" in here.header(gold) and "[GOLD]" not in here.header(3 - gold))
        held = here.held("archives")
        equal(len(held), 1)
        for recipient in recipients[:3]:
            check(f"<{recipient}>" in held[0], held[0])
        told = here.daemon.ctl("why", reply.text.split()[1]).stdout
        for part in ("yes setting attachments strict: strict", "no  setting attachments strict: normal", "yes setting class gold: silver gold",
                     "no  setting not spam off: off"):
            check(part in told, told)


@suite.test_apart
def without_domains_nobody_is_listed():
    with Sink() as sink, Daemon(sink.port) as daemon:
        equal(send_message(daemon.port, message(), recipients=("bob@to.test",)).code, 250)
        equal(mailboxes(daemon), [])


if __name__ == "__main__":
    suite.main()
