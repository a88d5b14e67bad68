#!/usr/bin/python3
"""A real slapd as a source of recipients: known, unknown, aliases of one mailbox, and what is said while it is half configured. Outages:
recipient_outage.py."""

import base64
import os

from certificates import Certificates
from daemon import Daemon
from suite import Suite, check, equal

from client import Client
from directories import READER, TOP, Slapd
from sink import Sink

suite = Suite()
certificates = Certificates()
pair = certificates.certificate("server", certificates.authority("ca"), names=["IP:127.0.0.1"])
sink = Sink()
PEOPLE = [f"p{number}" for number in range(10)]
TREE = TOP + """
dn: uid=alice,dc=test
objectClass: inetOrgPerson
objectClass: posixAccount
objectClass: mailRecipient
cn: Alice Liddell
sn: Liddell
uid: alice
uidNumber: 1001
gidNumber: 100
homeDirectory: /home/alice
mail: alice@example.test
mailAlternateAddress: sales@example.test
""" + "".join(f"""
dn: cn={name},dc=test
objectClass: inetOrgPerson
cn: {name}
sn: {name}
mail: {name}@example.test
""" for name in PEOPLE)
# Of [ldap main], of the same section later, and of a log-in server's control_user.
PASSWORDS = {"password": READER[1], "wrong-password": "no reader's word", "control-password": "known to be good"}
OK, REFUSED, DEFERRED = "250 2.1.5", "550 5.1.1", "450 4.3.0"
world = {}


def get():
    """(slapd, daemon), both running, and nothing remembered."""
    if not world:
        world["slapd"] = Slapd(TREE, pair)
        daemon = world["daemon"] = Daemon(sink.port, start=False)
        for name, password in PASSWORDS.items():
            with open(daemon.path(name), "w", encoding="ascii") as file:
                file.write(password + "\n")
            os.chmod(daemon.path(name), 0o600)  # the supervisor reads it
        daemon.configure({
            "log.level": "debug", "general.login": "mail", "login mail.type": "imap", "login mail.server": "127.0.0.1:1",
            "login mail.control_user": "control@example.test", "login mail.control_password_file": daemon.path("control-password"),
            "ldap main.server": f"127.0.0.1:{world['slapd'].port}", "ldap main.base_dn": "dc=test", "ldap main.bind_dn": READER[0],
            "ldap main.bind_password_file": daemon.path("password"), "ldap main.timeout": "5s",
            "ldap other.server": f"127.0.0.1:{world['slapd'].port}", "ldap other.base_dn": "dc=elsewhere",
            "ldap other.bind_dn": READER[0], "ldap other.bind_password_file": daemon.path("password"),
            "users.domains": "example.test",
            "domain example.test.recipient_sources": "ldap main",
            "domain other.test.recipient_sources": "ldap other",
        })
        daemon.start()
    world["daemon"].reload()
    return world["slapd"], world["daemon"]


def rcpt(daemon, *recipients):
    with Client(daemon.port, timeout=60) as client:
        client.ehlo()
        return [f"{r.code} {r.text.split(' ')[0]}" for r in client.envelope(recipients=recipients)[1:]]


@suite.test
def the_directory_knows_people_and_their_aliases():
    _, daemon = get()
    equal(rcpt(daemon, "SALES@example.test", "p1@example.test"), [OK, OK])
    # In the user list she is one person, though nobody has written to her own address yet.
    listed = [line.split() for line in daemon.ctl("users", "list").stdout.splitlines()[1:]]
    equal([(words[0], words[3:]) for words in listed], [("alice@example.test", ["sales@example.test"]), ("p1@example.test", [])])
    equal(rcpt(daemon, "alice@example.test", "SALES@example.test", "eve@example.test", "*@example.test", "p1@example.test"),
          [OK, OK, REFUSED, REFUSED, OK])
    check("users: 2 mailboxes, 1 aliases" in daemon.ctl("status").stdout, daemon.ctl("users", "list").stdout)
    told = daemon.ctl("recipient", "sales@example.test").stdout
    check("ldap main: known, mailbox alice@example.test (uid=alice,dc=test)" in told, told)
    daemon.reload({"ldap main.max_connections": 2})  # a new client; the old one ends beside it
    equal(rcpt(daemon, "alice@example.test", "eve@example.test"), [OK, REFUSED])


@suite.test
def a_directory_that_cannot_be_asked_is_down():
    _, daemon = get()
    equal(rcpt(daemon, "eve@other.test", "alice@example.test"), [DEFERRED, OK])
    check("source ldap other: DOWN" in daemon.ctl("status").stdout, daemon.ctl("status").stdout)


@suite.test
def no_password_is_logged():
    _, daemon = get()
    daemon.reload({"ldap main.bind_password_file": daemon.path("wrong-password")})
    equal(rcpt(daemon, "alice@example.test"), [DEFERRED])
    daemon.wait_log("ldap main: .*Invalid credentials")
    told = daemon.log() + daemon.ctl("status").stdout + daemon.ctl("recipient", "alice@example.test").stdout
    for name, password in PASSWORDS.items():
        check(password not in told and base64.b64encode(password.encode()).decode() not in told, name, "is told")


def close():
    if world:
        world["daemon"].close()
        world["slapd"].close()
    sink.close()


if __name__ == "__main__":
    suite.main(close)
