#!/usr/bin/python3
"""Who has an address, and is that the password: the LDAP client against a real slapd, sandwichctl auth-test against slapd, dovecot (IMAP,
POP3, submission), and servers that are down, silent or talk nonsense."""

import base64
import concurrent.futures
import itertools
import os
import pathlib
import pty
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

from certificates import Certificates
from daemon import free_port, program
from doctored import Deaf, compare, findings, write_ini
from suite import Suite, check, equal, wait_for

from directories import READER, TOP, Dovecot, Slapd
from mute import GO_AHEAD, Scripted, Undressed

suite = Suite()
WORK = pathlib.Path(tempfile.mkdtemp(prefix="sandwich-directory-"))
CERTIFICATES = Certificates()
CA = CERTIFICATES.authority("ca")
OTHER_CA = CERTIFICATES.authority("other")
PAIR = CERTIFICATES.certificate("server", CA, names=["IP:127.0.0.1", "DNS:ldap.example.test"])
STARTED = {}
STARTING = threading.Lock()
NUMBERS = itertools.count()
PASSWORD = "wonder land"
CONTROL = ("control@example.test", "known to be good")

TREE = TOP + f"""
dn: ou=people,dc=test
objectClass: organizationalUnit
ou: people

dn: uid=alice,ou=people,dc=test
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
mailAlternateAddress: a.liddell@example.test
mailAlternateAddress: sales@example.test
userPassword: {PASSWORD}

dn: uid=bob,ou=people,dc=test
objectClass: account
objectClass: posixAccount
cn: Bob
uid: bob
uidNumber: 1002
gidNumber: 100
homeDirectory: /home/bob
userPassword: bobs

dn: uid=odd,ou=people,dc=test
objectClass: inetOrgPerson
objectClass: mailRecipient
cn: Odd
sn: Odd
uid: odd
mail: o(d)d*\\@example.test

dn: cn=one,ou=people,dc=test
objectClass: inetOrgPerson
cn: one
sn: one
mail: shared@example.test
userPassword: ones own

dn: cn=two,ou=people,dc=test
objectClass: inetOrgPerson
cn: two
sn: two
mail: shared@example.test
userPassword: two

dn: dc=corp,dc=test
objectClass: dcObject
objectClass: organization
dc: corp
o: corp

dn: cn=Users,dc=corp,dc=test
objectClass: applicationProcess
cn: Users

dn: cn=Carol Jones,cn=Users,dc=corp,dc=test
objectClass: user
cn: Carol Jones
sn: Jones
sAMAccountName: carol
mail: carol@corp.test
proxyAddresses: smtp:c.jones@corp.test
proxyAddresses: SMTP:carol.jones@corp.test
proxyAddresses: X400:c=US;a= ;p=Corp;o=Exchange;s=Jones;
proxyAddresses: sip:carol@corp.test
userPassword: carols

dn: ou=many,dc=test
objectClass: organizationalUnit
ou: many
""" + "".join(f"""
dn: cn=user{i},ou=many,dc=test
objectClass: inetOrgPerson
cn: user{i}
sn: user
mail: user{i}@many.test
""" for i in range(250))


def slapd():
    with STARTING:
        if "slapd" not in STARTED:
            STARTED["slapd"] = Slapd(TREE, PAIR)
        return STARTED["slapd"]


def dovecot():
    with STARTING:
        if "dovecot" not in STARTED:
            STARTED["dovecot"] = Dovecot({"dora@example.test": PASSWORD, "dora": 'quo"ted \\ one', CONTROL[0]: CONTROL[1]}, PAIR)
        return STARTED["dovecot"]


SECRET = WORK / "reader"
SECRET.write_text(READER[1] + "\n", encoding="ascii")
SECRET.chmod(0o600)


CONTROL_SECRET = WORK / "control-password"
CONTROL_SECRET.write_text(CONTROL[1] + "\n", encoding="ascii")
CONTROL_SECRET.chmod(0o600)
STALE_SECRET = WORK / "stale-password"
STALE_SECRET.write_text("from before\n", encoding="ascii")
STALE_SECRET.chmod(0o600)


def ini(sections):
    """The path of a configuration of its own: section -> keys."""
    return write_ini(WORK / f"sandwich_{next(NUMBERS)}.ini", sections)


def ldap(**keys):
    """The keys of a section [ldap main] for the real server."""
    return {"server": keys.pop("server", None) or f"127.0.0.1:{slapd().port}", "base_dn": "dc=test", "bind_dn": READER[0],
            "bind_password_file": SECRET, "connect_timeout": 1, "timeout": 2, **keys}


class Asker:
    """One process that looks addresses up, one after the other or many at once."""

    def __init__(self, **keys):
        path = ini({"ldap main": ldap(**keys)})
        self.process = subprocess.Popen([os.path.join(os.environ["SANDWICH_BUILD"], "test/directory/ldap_look_up"), path, "main"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def say(self, *addresses):
        self.process.stdin.write("".join(address + "\n" for address in addresses))
        self.process.stdin.flush()

    def hear(self):
        address, answer = self.process.stdout.readline().rstrip("\n").split("\t")
        return address, answer

    def ask(self, address):
        self.say(address)
        return self.hear()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.read()
        self.process.wait()


def look_up(address, **keys):
    with Asker(**keys) as asker:
        return asker.ask(address)


def authenticate(address, password, sections, login, environment=None, through=()):
    """(exit status, what was printed); `through`: a command that runs the rest of its arguments."""
    path = ini({"general": {"login": login}, **sections})
    done = subprocess.run([*through, program("sandwichctl"), "-c", path, "auth-test", address], input=password + "\n", capture_output=True, text=True,
                          check=False, timeout=60, env={**os.environ, **(environment or {})})
    for secret in (password, READER[1], CONTROL[1], "from before"):
        check(not secret.strip() or secret not in done.stdout + done.stderr, "a password was printed:", done.stdout, done.stderr)
    return done.returncode, done.stdout + done.stderr


def by_mail(kind, tls="off", port=None, **keys):
    """Sections with one server at dovecot."""
    port = port or dovecot().ports[kind + ("s" if tls == "tls" else "")]
    return {"login mail": {"type": kind, "server": f"127.0.0.1:{port}", "tls": tls, "tls_ca_file": CA.certificate, "timeout": 3, **keys}}


def by_ldap(**keys):
    return {"ldap main": ldap(**keys), "login people": {"type": "ldap", "timeout": 5}}


# ---- the directory


@suite.test
def posix_accounts_are_found_with_their_aliases():
    with Asker() as asker:
        found = "found mailbox=alice@example.test aliases=a.liddell@example.test,sales@example.test entries=1"
        for address in ("alice@example.test", "SALES@example.test", "a.liddell@example.test"):
            equal(asker.ask(address), found, address)
        equal(asker.ask("nobody@example.test"), "not found")
        equal(asker.ask("shared@example.test"), "found mailbox= aliases= entries=2")


@suite.test_apart
def no_address_is_more_than_an_address():
    with Asker() as asker:
        for address in ("*@example.test", "*", "alice*", "a)(uid=*", "alice@example.test)(|(uid=*", "\\2a@example.test", "(", "\udcff".encode(
                "utf-8", "surrogateescape").decode("latin-1") + "@example.test"):
            equal(asker.ask(address), "not found", address)
        equal(asker.ask("o(d)d*\\@example.test"), "found mailbox=o(d)d*\\@example.test aliases= entries=1")


@suite.test_apart
def active_directorys_addresses():
    with Asker(base_dn="dc=corp,dc=test", mailbox_attributes="proxyAddresses mail") as asker:
        found = "found mailbox=carol.jones@corp.test aliases=carol@corp.test,c.jones@corp.test entries=1"
        for address in ("carol@corp.test", "c.jones@corp.test", "Carol.Jones@corp.test"):
            equal(asker.ask(address), found, address)
        equal(asker.ask("c=US@corp.test"), "not found")
        equal(asker.ask("alice@example.test"), "not found")
    with Asker(base_dn="", mailbox_attributes="proxyAddresses mail") as asker:  # a global catalogue (port 3268) is asked at the root
        equal(asker.ask("carol@corp.test"), found)
        equal(asker.ask("alice@example.test"), "not found")


@suite.test_apart
def accounts_without_addresses_by_their_name():
    with Asker(filter="(&(objectClass=posixAccount)(uid=%u))", mailbox_attributes="mail uid") as asker:
        equal(asker.ask("bob@example.test"), "found mailbox=bob@example.test aliases= entries=1")
        equal(asker.ask("alice@other.test").split()[1], "mailbox=alice@example.test")


@suite.test_apart
def encrypted_with_a_certificate_that_is_looked_at():
    for tls, port in (("starttls", slapd().port), ("tls", slapd().tls_port)):
        keys = {"tls": tls, "server": f"127.0.0.1:{port}"}
        check(look_up("alice@example.test", tls_ca_file=CA.certificate, **keys).startswith("found"), tls)
        for wrong in ({"tls_ca_file": OTHER_CA.certificate}, {"tls_ca_file": CA.certificate, "server": f"localhost:{port}"},
                      {"tls_ca_file": "/nonexistent.pem"}):
            answer = look_up("alice@example.test", **{**keys, **wrong})
            check(answer.startswith("unavailable"), tls, wrong, answer)
        check(look_up("alice@example.test", tls_verify="no", tls_ca_file=OTHER_CA.certificate, **keys).startswith("found"), tls)
    check(look_up("alice@example.test", tls="tls").startswith("unavailable"), "TLS to a port without")


@suite.test_apart
def what_is_set_up_wrongly_is_never_an_unknown_address():
    wrong = WORK / "wrong"
    wrong.write_text("something else", encoding="ascii")
    for keys, why in (({"bind_password_file": wrong}, "Invalid credentials"), ({"base_dn": "dc=nowhere,dc=test"}, "No such object"),
                      ({"base_dn": "no dn"}, "Invalid DN"), ({"server": f"127.0.0.1:{free_port()}"}, "Can't contact")):
        answer = look_up("nobody@example.test", **keys)
        check(answer.startswith("unavailable") and why in answer, keys, answer)
    path = ini({"ldap main": {key: value for key, value in ldap().items() if not key.startswith("bind")}})
    done = subprocess.run([os.path.join(os.environ["SANDWICH_BUILD"], "test/directory/ldap_look_up"), path, "main"], input="nobody@example.test\n",
                          capture_output=True, text=True, check=False)
    check("unavailable" in done.stdout, "anonymous, where that may see nothing:", done.stdout)


def at_once(function, cases):
    """Each waits for a time limit: so they wait together."""
    with concurrent.futures.ThreadPoolExecutor(len(cases)) as threads:
        return list(threads.map(function, cases))


@suite.test_apart
def the_next_server_when_one_is_down_or_silent():
    with Scripted(None) as silent, Scripted("220 this is no directory") as babble:

        def ask(port):
            with Asker(server=f"127.0.0.1:{port} 127.0.0.1:{slapd().port}", timeout=5) as asker:
                return asker.ask("alice@example.test").split()[0], asker.ask("nobody@example.test")

        equal(at_once(ask, [free_port(), silent.port, babble.port]), [("found", "not found")] * 3)


@suite.test_apart
def the_next_server_when_one_falls_silent_on_a_connection_in_use():
    with Slapd(TREE, PAIR, slapd()) as own, Asker(server=f"127.0.0.1:{own.port} 127.0.0.1:{slapd().port}", timeout=3, max_connections=1) as asker:
        check(asker.ask("alice@example.test").startswith("found"))
        os.kill(own.process.pid, signal.SIGSTOP)
        try:
            check(asker.ask("alice@example.test").startswith("found"), "not asked of the second")
            equal(asker.ask("nobody@example.test"), "not found")
        finally:
            os.kill(own.process.pid, signal.SIGCONT)


@suite.test_apart
def time_limits_hold_wherever_a_server_falls_silent():
    with Scripted(None) as silent, Scripted(None, first=GO_AHEAD) as handshake, Scripted(None, first=GO_AHEAD[:5]) as torn:
        cases = [(silent, "off"), (silent, "starttls"), (silent, "tls"), (handshake, "starttls"), (torn, "off")]

        def ask(case):
            return look_up("alice@example.test", server=f"127.0.0.1:{case[0].port}", tls=case[1], tls_ca_file=CA.certificate)

        for case, answer in zip(cases, at_once(ask, cases)):
            check(answer.startswith("unavailable"), case[1], answer)


@suite.test_apart
def look_ups_that_wait_are_bounded():
    with Scripted(None) as silent, Asker(server=f"127.0.0.1:{silent.port}", max_connections=1, max_waiting=2, timeout=1) as asker:
        asker.say(*(f"{i}@example.test" for i in range(6)))
        answers = [asker.hear()[1] for _ in range(6)]
        check(all(answer.startswith("unavailable") for answer in answers), answers)
        equal(sum("too many look-ups wait" == answer[13:] for answer in answers) in (3, 4), True, answers)


@suite.test_apart
def many_at_once_over_few_connections():
    with Asker(max_connections=3, timeout=20) as asker:
        wanted = [f"user{i}@many.test" for i in range(250)] + [f"nobody{i}@many.test" for i in range(50)]
        asker.say(*wanted)
        answers = dict(asker.hear() for _ in wanted)
        for address in wanted:
            equal(answers[address].split()[0], "not" if address.startswith("nobody") else "found", address)


@suite.test_apart
def all_entries_page_by_page():
    path = ini({"ldap main": ldap(page_size=40, timeout=20)})
    command = [os.path.join(os.environ["SANDWICH_BUILD"], "test/directory/ldap_look_up"), path, "main", "--walk", "(mail=*)"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    equal(len(lines), 255, "more than the server's size limit")
    check("alice@example.test\ta.liddell@example.test,sales@example.test" in lines, lines[:5])


@suite.test_apart
def a_server_that_comes_back_is_used_again():
    with Slapd(TREE, PAIR, slapd()) as own, Asker(server=f"127.0.0.1:{own.port}") as asker:
        check(asker.ask("alice@example.test").startswith("found"))
        own.stop()
        own.start_again()
        check(asker.ask("alice@example.test").startswith("found"), "the old connection was closed, and nobody is told")
        own.stop()
        check(asker.ask("alice@example.test").startswith("unavailable"))
        own.start_again()
        wait_for("the directory", lambda: asker.ask("alice@example.test").startswith("found"))


@suite.test_apart
def referrals_are_followed_only_where_that_is_asked_for():
    tree = TREE.split("\n\n")[0] + "\n\n" + TREE.split("\n\n")[1] + f"""

dn: ou=people,dc=test
objectClass: referral
objectClass: extensibleObject
ou: people
ref: ldap://127.0.0.1:{slapd().port}/ou=people,dc=test
"""
    with Slapd(tree, PAIR, slapd()) as other:
        for base, off in (("dc=test", "not found"), ("ou=people,dc=test", "unavailable")):
            keys = {"server": f"127.0.0.1:{other.port}", "base_dn": base}
            check(look_up("alice@example.test", **keys).startswith(off), base, look_up("alice@example.test", **keys))
            check(look_up("alice@example.test", referrals="yes", **keys).startswith("found"), base)


# ---- passwords


@suite.test_apart
def the_directory_knows_who_has_which_password():
    sections = by_ldap()
    status, text = authenticate("alice@example.test", PASSWORD, sections, "people")
    equal(status, 0, text)
    check("mailbox: alice@example.test" in text and "alias: sales@example.test" in text, text)
    equal(authenticate("sales@example.test", PASSWORD, sections, "people")[0], 0)
    for address, password in (("alice@example.test", "mistaken!"), ("alice@example.test", PASSWORD + " "), ("nobody@example.test", PASSWORD),
                              ("alice@example.test", ""), ("odd@example.test", "xyzzy"), ("*@example.test", PASSWORD), ("", PASSWORD),
                              ("o(d)d*\\@example.test", "one who has none")):
        status, text = authenticate(address, password, sections, "people")
        equal(status, 1, f"{address} {password}: {text}")
    status, text = authenticate("shared@example.test", "ones own", sections, "people")
    equal(status, 75, text)
    status, text = authenticate("bob@example.test", "bobs", {**sections, "login people": {"filter": "(uid=%u)"}}, "people")
    equal(status, 0, text)


@suite.test_apart
def a_directory_hears_passwords_encrypted_where_that_is_wanted():
    for tls, port in (("off", slapd().port), ("starttls", slapd().port), ("tls", slapd().tls_port)):
        for password, wanted in ((PASSWORD, 0), ("mistaken!", 1)):
            between = Turncoat(port, port)  # the reader's connection, and the user's
            sections = by_ldap(tls=tls, tls_ca_file=CA.certificate, server=f"127.0.0.1:{between.port}")
            status, text = authenticate("alice@example.test", password, sections, "people")
            equal(status, wanted, f"{tls} {password}: {text}")
            equal([secret.encode() in between.octets for secret in (password, READER[1])], [tls == "off"] * 2, f"{tls} {password}: seen in clear")
    for tls, port in (("starttls", slapd().port), ("tls", slapd().tls_port)):
        sections = by_ldap(tls=tls, tls_ca_file=OTHER_CA.certificate, server=f"127.0.0.1:{port}")
        equal(authenticate("alice@example.test", PASSWORD, sections, "people")[0], 75, tls)


@suite.test_apart
def a_directory_without_starttls_gets_no_password():
    for ports in ((), (slapd().port,)):  # from the beginning, or when it has found the user
        with Undressed() as bare:
            between = Turncoat(*ports, bare.port, bare.port)
            sections = by_ldap(tls="starttls", tls_ca_file=CA.certificate, server=f"127.0.0.1:{between.port}")
            status, text = authenticate("alice@example.test", PASSWORD, sections, "people")
            equal(status, 75, f"{ports}: {text}")
            check("STARTTLS" in text and Undressed.START_TLS in bare.octets, ports, text, bare.octets)
            check(not any(secret.encode() in bare.octets for secret in (PASSWORD, READER[1])), ports, bare.octets)


@suite.test_apart
def the_reader_may_come_from_the_environment():
    keys = ldap()
    del keys["bind_password_file"]
    sections = {"ldap main": {**keys, "bind_password_variable": "READER_PASSWORD"}, "login people": {}}
    equal(authenticate("alice@example.test", PASSWORD, sections, "people", {"READER_PASSWORD": READER[1]})[0], 0)
    status, text = authenticate("alice@example.test", PASSWORD, sections, "people")
    equal(status, 75, text)
    check("READER_PASSWORD" in text, text)


@suite.test_apart
def mail_servers_know_it_in_every_way():
    def ask(kind):
        for tls in ("off", "starttls", "tls"):
            sections = by_mail(kind, tls)
            status, text = authenticate("dora@example.test", PASSWORD, sections, "mail")
            equal(status, 0, f"{kind} {tls}: {text}")
            status, text = authenticate("dora@example.test", "mistaken!", sections, "mail")
            equal(status, 1, f"{kind} {tls}: {text}")
        status, text = authenticate("dora@example.test", 'quo"ted \\ one', by_mail(kind, strip_domain_name="yes"), "mail")
        equal(status, 0, f"{kind}: {text}")

    dovecot()
    at_once(ask, ["imap", "pop3", "smtp"])


@suite.test_apart
def a_wrong_certificate_gets_no_password():
    def ask(kind, tls):
        port = dovecot().ports[kind + ("s" if tls == "tls" else "")]
        for wrong in ({"tls_ca_file": OTHER_CA.certificate}, {"server": f"localhost:{port}"}):
            status, text = authenticate("dora@example.test", PASSWORD, by_mail(kind, tls, **wrong), "mail")
            equal(status, 75, f"{kind} {tls} {wrong}: {text}")

    dovecot()
    at_once(lambda way: ask(*way), [(kind, tls) for kind in ("imap", "pop3", "smtp") for tls in ("starttls", "tls")])
    equal(authenticate("dora@example.test", PASSWORD, by_mail("imap", "tls", tls_ca_file=OTHER_CA.certificate, tls_verify="no"), "mail")[0], 0)


CANNOT_TELL = {
    "offers no AUTH": ("smtp", Scripted, ("220 hello", {"EHLO": "250 here", "QUIT": None})),
    "AUTH later": ("smtp", Scripted, ("220 hello", {"EHLO": "250-here\r\n250 AUTH PLAIN", "AUTH": "454 4.7.0 later", "QUIT": None})),
    "wants TLS": ("smtp", Scripted, ("220 hello", {"EHLO": "250-here\r\n250 AUTH PLAIN", "AUTH": "538 5.7.11 encrypt", "QUIT": None})),
    "goes away": ("smtp", Scripted, ("220 hello", {"EHLO": "250-here\r\n250 AUTH PLAIN", "AUTH": None})),
    "greets with 554": ("smtp", Scripted, ("554 no", {"QUIT": None})),
    "is logged in already": ("imap", Scripted, ("* PREAUTH hello", {"CAPABILITY": "* CAPABILITY IMAP4rev1\r\n{tag} OK", "LOGOUT": None},
                                                "{tag} BAD no", True)),
    "is out of order": ("imap", Scripted, ("* OK hello", {"CAPABILITY": "* CAPABILITY IMAP4rev1\r\n{tag} OK", "LOGIN": "{tag} NO [UNAVAILABLE] x",
                                                          "LOGOUT": None}, "{tag} BAD no", True)),
    "talks HTTP": ("imap", Scripted, ("HTTP/1.1 400 Bad Request", {}, None)),
    "is busy": ("pop3", Scripted, ("+OK hello", {"CAPA": "-ERR what?", "USER": "+OK", "PASS": "-ERR [SYS/TEMP] later", "QUIT": None})),
    "has no USER": ("pop3", Scripted, ("+OK hello", {"CAPA": "-ERR what?", "USER": "-ERR what?", "QUIT": None})),
    "is silent": ("pop3", Scripted, (None,)),
}


def cannot_tell(name):
    kind, make, arguments = CANNOT_TELL[name]
    with make(*arguments) as peer:
        status, text = authenticate("dora@example.test", PASSWORD, by_mail(kind, port=peer.port, timeout=1), "mail")
        equal(status, 75, text)
        check("cannot tell" in text and "try again later" in text, text)


for each in CANNOT_TELL:
    suite.add("a_server_that_" + each.replace(" ", "_").lower(), lambda name=each: cannot_tell(name), apart=True)


@suite.test_apart
def a_server_without_starttls_gets_no_password():
    for kind, greeting, answers, tagged in (("smtp", "220 hello", {"EHLO": "250-here\r\n250 AUTH PLAIN LOGIN", "AUTH": "235 fine"}, False),
                                            ("pop3", "+OK hello", {"CAPA": "+OK\r\nUSER\r\n.", "USER": "+OK", "PASS": "+OK"}, False),
                                            ("imap", "* OK hello", {"CAPABILITY": "* CAPABILITY IMAP4rev1\r\n{tag} OK", "LOGIN": "{tag} OK"}, True)):
        with Scripted(greeting, answers, "500 what?", tagged) as peer:
            status, text = authenticate("dora@example.test", PASSWORD, by_mail(kind, "starttls", port=peer.port), "mail")
            equal(status, 75, f"{kind}: {text}")
            for word in ("AUTH", "USER", "PASS", "LOGIN"):
                check(not any(word in line.upper().split() for line in peer.heard), kind, peer.heard)


# ---- an account that is known to be good


def controlled(kind, tls="off", port=None, **keys):
    return by_mail(kind, tls, port, **{"control_user": CONTROL[0], "control_password_file": CONTROL_SECRET, **keys})


@suite.test_apart
def a_password_is_wrong_only_where_the_control_account_is_let_in():
    def ask(kind):
        for keys, address, password, wanted in (
                ({}, "dora@example.test", "mistaken!", 1), ({}, CONTROL[0], "mistaken!", 1), ({}, "dora@example.test", PASSWORD, 0),
                ({"control_password_file": STALE_SECRET}, "dora@example.test", "mistaken!", 75),
                ({"control_password_file": STALE_SECRET}, CONTROL[0], CONTROL[1], 0),
                ({"control_password_file": STALE_SECRET}, "dora@example.test", PASSWORD, 0),
                ({"control_password_file": WORK / "lost"}, "dora@example.test", "mistaken!", 75)):
            status, text = authenticate(address, password, controlled(kind, "starttls", **keys), "mail")
            equal(status, wanted, f"{kind} {keys} {address} {password}: {text}")
            equal("but it refuses even control_user: " in text, keys == {"control_password_file": STALE_SECRET} and wanted == 75, text)
        check("control_user cannot be asked for: " in text and "No such file" in text, text)

    dovecot()
    at_once(ask, ["imap", "pop3", "smtp"])
    sections = by_mail("imap", control_user=CONTROL[0], control_password_variable="CONTROL_PASSWORD")
    equal(authenticate("dora@example.test", "mistaken!", sections, "mail", {"CONTROL_PASSWORD": CONTROL[1]})[0], 1)
    equal(authenticate("dora@example.test", "mistaken!", sections, "mail")[0], 75)


def in_base64(text):
    return base64.b64encode(text.encode()).decode()


def doubtful(known=None, user="535 no", **keys):
    """A server that is asked with AUTH LOGIN: its answer to the password of control_user, and to any other."""
    return Scripted("220 m", {"EHLO": "250-m\r\n250 AUTH LOGIN", "AUTH": "334 VXNlcm5hbWU6", "QUIT": None,
                              **{in_base64(name).upper(): "334 UGFzc3dvcmQ6" for name in ("dora@example.test", CONTROL[0])},
                              in_base64(CONTROL[1]).upper(): known}, user, **keys)


@suite.test_apart
def who_cannot_tell_of_the_control_account_cannot_tell_of_anybody():
    for known, user, wanted, asked in (("235 in", "535 no", 1, True), ("535 no", "535 no", 75, True), ("454 later", "535 no", 75, True),
                                       (None, "535 no", 75, True), ("235 in", "235 in", 0, False), ("235 in", "454 later", 75, False)):
        with doubtful(known, user) as peer:
            status, text = authenticate("dora@example.test", "mistaken!", controlled("smtp", port=peer.port), "mail")
            equal(status, wanted, f"{known} {user}: {text}")
            equal(in_base64(CONTROL[1]) in peer.heard, asked, f"{known} {user}: {peer.heard}")


@suite.test_apart
def the_next_server_when_one_refuses_even_the_control_account():
    with doubtful("535 no") as doubted, doubtful("235 in") as believed:
        both = {"server": f"127.0.0.1:{doubted.port} 127.0.0.1:{believed.port}"}
        status, text = authenticate("dora@example.test", "mistaken!", controlled("smtp", **both), "mail")
        equal(status, 1, text)
        equal((in_base64("mistaken!") in doubted.heard, in_base64("mistaken!") in believed.heard), (True, True))


@suite.test_apart
def the_control_account_is_asked_for_at_the_same_address():
    hosts = WORK / "hosts"
    hosts.write_text("127.0.0.1 twice.test\n127.0.0.2 twice.test\n", encoding="ascii")
    through = ["unshare", "--mount", "--propagation", "private", "sh", "-c", f'mount --bind {hosts} /etc/hosts && exec "$@"', "sh"]
    for once, wanted in ((False, 1), (True, 75)):
        port = free_port()
        with doubtful("235 in", place=("127.0.0.1", port), once=once) as one, doubtful("235 in", place=("127.0.0.2", port), once=once) as other:
            status, text = authenticate("dora@example.test", "mistaken!", controlled("smtp", server=f"twice.test:{port}"), "mail", through=through)
            equal(status, wanted, text)
            # The client has gone when its QUIT is on the way: the peer's thread may read it later.
            quits = [1 if once else 2]
            wait_for(f"the servers asked to hear QUIT {quits} times: {text}",
                     lambda: [peer.heard.count("QUIT") for peer in (one, other) if peer.heard] == quits)


class Turncoat:
    """Passes its first connection on to one port, further ones to another. `octets`: what its clients said."""

    def __init__(self, *ports):
        self.octets = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(ports,), daemon=True).start()

    def _accept(self, ports):
        for port in ports:
            connection, _ = self._listener.accept()
            there = socket.create_connection(("127.0.0.1", port))
            for one, other in ((connection, there), (there, connection)):
                threading.Thread(target=self._pass, args=(one, other, one is connection), daemon=True).start()

    def _pass(self, one, other, from_client):
        try:
            while data := one.recv(4096):
                self.octets += data if from_client else b""
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@suite.test_apart
def the_control_account_goes_out_only_where_the_users_would():
    for kind, greeting, otherwise in (("smtp", "220 m", "500 what?"), ("imap", "* OK m", "{tag} BAD no"), ("pop3", "+OK m", "-ERR what?")):
        with Scripted(greeting, {"EHLO": "250-m\r\n250 AUTH PLAIN LOGIN"}, otherwise) as bare:
            sections = controlled(kind, "starttls", port=Turncoat(dovecot().ports[kind], bare.port).port)
            status, text = authenticate("dora@example.test", "mistaken!", sections, "mail")
            equal(status, 75, f"{kind}: {text}")
            check("it cannot be asked for control_user: " in text and bare.heard, kind, text, bare.heard)
            check(not any(word in line.upper().split() for line in bare.heard for word in ("AUTH", "USER", "PASS", "LOGIN", "AUTHENTICATE")), bare.heard)


@suite.test_apart
def old_servers_are_asked_in_the_old_way():
    with Scripted("+OK <1.2@old>", {"CAPA": "-ERR what?", "USER": "+OK", "PASS": "+OK"}) as pop3:
        equal(authenticate("dora@example.test", PASSWORD, by_mail("pop3", port=pop3.port, strip_domain_name="yes"), "mail")[0], 0)
        check("USER dora" in pop3.heard and f"PASS {PASSWORD}" in pop3.heard and not any("APOP" in line for line in pop3.heard), pop3.heard)
    with Scripted("220 old", {"EHLO": "250-here\r\n250 AUTH=LOGIN", "AUTH": "334 VXNlcm5hbWU6", "ZG9YQQ==": "x"}, "535 no") as smtp:
        equal(authenticate("dora@example.test", PASSWORD, by_mail("smtp", port=smtp.port), "mail")[0], 75, "the name alone was refused")


@suite.test_apart
def one_server_after_the_other():
    sections = {**by_ldap(), **by_mail("imap"), "login gone": {"type": "pop3", "server": f"127.0.0.1:{free_port()}"}}
    for login, address, password, wanted in (
            ("people mail", "dora@example.test", PASSWORD, 0),  # the directory does not know her
            ("mail people", "alice@example.test", PASSWORD, 0),
            ("people mail", "dora@example.test", "mistaken!", 1),
            ("people gone", "alice@example.test", "mistaken!", 1),  # the directory knows: nobody else is asked
            ("gone people", "alice@example.test", PASSWORD, 0),
            ("gone people", "alice@example.test", "mistaken!", 75),
            ("people gone", "nobody@example.test", "mistaken!", 75),
            ("gone", "alice@example.test", PASSWORD, 75)):
        status, text = authenticate(address, password, sections, login)
        equal(status, wanted, f"{login} {address} {password}: {text}")
    equal(authenticate("alice@example.test", PASSWORD, by_ldap(server=f"127.0.0.1:{free_port()}"), "people")[0], 75)
    equal(authenticate("alice@example.test", PASSWORD, {}, "")[0], 75)


@suite.test_apart
def each_domain_asks_its_own_servers():
    domains = WORK / "domains"
    domains.write_text("listed.test as example.test\n", encoding="ascii")
    sections = {**by_ldap(), **by_mail("imap"), "routing": {"domain_file": domains}, "domain example.test": {"login": "mail"}}
    for address, wanted in (("dora@example.test", 0), ("alice@example.test", 1), ("dora@listed.test", 1), ("dora@other.test", 1)):
        status, text = authenticate(address, PASSWORD, sections, "people")
        equal(status, wanted, f"{address}: {text}")
        equal("mail 127.0.0.1" in text, not address.endswith("other.test"), text)


@suite.test
def the_password_comes_from_the_terminal_and_is_not_shown():
    path = ini({"general": {"login": "people"}, **by_ldap()})
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(program("sandwichctl"), ["sandwichctl", "-c", path, "auth-test", "alice@example.test"])
    shown = b""
    while b"Password of alice@example.test: " not in shown:
        shown += os.read(terminal, 1000)
    os.write(terminal, PASSWORD.encode() + b"\n")
    try:
        while data := os.read(terminal, 1000):
            shown += data
    except OSError:  # the other end is closed
        pass
    equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, shown)
    os.close(terminal)
    check(PASSWORD.encode() not in shown and b"right" in shown, shown)


@suite.test
def wrong_usage_and_settings():
    for arguments, wanted in ((["auth-test"], 2), (["auth-test", "a@b.test", PASSWORD], 2), (["-c", "/nonexistent", "auth-test", "a@b.test"], 2),
                              (["-c", ini({"login x": {"type": "imap"}}), "auth-test", "a@b.test"], 2)):
        done = subprocess.run([program("sandwichctl"), *arguments], input="x\n", capture_output=True, text=True, check=False)
        equal(done.returncode, wanted, f"{arguments}: {done.stderr}")


# ---- the doctor


def doctor(sections):
    """Of a doctor without Sendmail and daemon: see doctored.findings()."""
    general = {"control_socket": WORK / "control", "pid_file": WORK / "pid"}
    found, status, printed = findings(ini({"general": general, "socket_1": {"proxy_port": free_port()},
                                           "scanner.clamav": {"allow_test_signatures": "yes"}, **sections}))
    check(not any(secret in printed for secret in (READER[1], CONTROL[1], "from before")), "a password was printed")
    return found, status


@suite.test_apart
def the_doctor_tells_of_each_server_why_it_fails():
    wrong = WORK / "not-the-password"
    wrong.write_text("something else", encoding="ascii")
    staff = WORK / "staff"
    staff.write_text("bob@example.test\n", encoding="ascii")
    staff.chmod(0o644)
    refused = free_port()
    with Deaf() as deaf, Scripted(None) as silent, Scripted("554 no") as hostile, Scripted("220 m", {"EHLO": "250 m"}, "250 ok") as plain, \
            Scripted("220 m", {"EHLO": "250 m", "VRFY": "252 maybe"}) as secretive:
        here = "127.0.0.1:"
        found, status = doctor({
            "smtp": {"downstream_smtp_server_addr": f"{here}{plain.port}"},
            "directory": {"domains": "a.test", "sources": "list staff, list lost, vrfy hub, ldap good"},
            "source.list staff": {"file": staff}, "source.list lost": {"file": WORK / "lost"},
            "source.vrfy hub": {"server": f"{here}{secretive.port}"}, "source.smtp hub": {"server": f"{here}{plain.port}"},
            "domain refused.test": {"route_1": f"10 {here}{refused}"},
            "domain deaf.test": {"route_1": f"10 {here}{deaf.port}"},
            "domain hostile.test": {"route_1": f"10 {here}{hostile.port}", "route_2": f"20 {here}{plain.port}"},
            "domain secure.test": {"route_1": f"10 {here}{plain.port} tls=required"},
            "domain nowhere.test": {"route_1": "10 no-such-host.invalid"},
            "ldap good": ldap(), "ldap unsure": ldap(bind_password_file=wrong), "ldap base": ldap(base_dn="dc=nowhere,dc=test"),
            "ldap down": ldap(server=f"{here}{refused}"), "ldap mute": ldap(server=f"{here}{silent.port}"),
            "ldap deaf": ldap(server=f"{here}{deaf.port}"), "ldap variable": {key: value for key, value in ldap(
                bind_password_variable="SANDWICH_NOT_SET").items() if key != "bind_password_file"},
            "ldap forged": ldap(tls="starttls", tls_ca_file=OTHER_CA.certificate),
            "login imap": by_mail("imap", "tls")["login mail"], "login pop": by_mail("pop3", tls_ca_file=OTHER_CA.certificate, tls="starttls")["login mail"],
            "login down": {"type": "imap", "server": f"{here}{refused}"},
            "login known": controlled("imap", "tls")["login mail"],
            "login stale": controlled("smtp", "starttls", control_password_file=STALE_SECRET)["login mail"],
            "login unset": by_mail("pop3", control_user="x", control_password_variable="SANDWICH_NOT_SET")["login mail"],
        })
    equal(status, 2)
    wanted = [
        (f"route 1 {here}{plain.port} (default)", "ok", "greets", ""),
        (f"route 10 {here}{refused} (refused.test)", "FAILURE", "connection refused; mail waits", "start the server"),
        (f"route 10 {here}{deaf.port} (deaf.test)", "FAILURE", "no answer in time", "firewalls"),
        (f"route 10 {here}{hostile.port} (hostile.test)", "warning", "it greets with 554 no; another", "let the server"),
        (f"route 20 {here}{plain.port} (hostile.test)", "ok", "greets", ""),
        (f"route 10 {here}{plain.port} tls=required (secure.test)", "FAILURE", "does not offer STARTTLS", "tls="),
        ("route 10 no-such-host.invalid:25 (nowhere.test)", "FAILURE", "no-such-host.invalid", "correct the name"),
        ("list staff", "ok", "1 recipients", ""), ("list lost", "FAILURE", "No such file", "correct the file"),
        ("vrfy hub", "FAILURE", "answers VRFY with 252", "novrfy"), ("smtp hub", "ok", "answers: 250 ok", ""),
        ("ldap good", "ok", "answers", ""), ("ldap unsure", "FAILURE", "Invalid credentials", "correct the section"),
        ("ldap base", "FAILURE", "No such object", "correct the section"), ("ldap down", "FAILURE", "connection refused", "start the server"),
        ("ldap mute", "FAILURE", "", "correct the section"), ("ldap deaf", "FAILURE", "no answer in time", "firewalls"),
        ("ldap variable", "warning", "SANDWICH_NOT_SET is not set", "sandwichctl recipient"),
        ("ldap forged", "FAILURE", "STARTTLS", "its certificate must come from tls_ca_file"),
        ("login imap", "ok", "answers", ""), ("login pop", "FAILURE", "certificate", "correct the section"),
        ("login down", "FAILURE", "connection refused", "start the server"),
        ("login known", "ok", "lets control_user in", ""), ("login stale", "FAILURE", "it refuses even control_user", "saslauthd"),
        ("login unset", "warning", "SANDWICH_NOT_SET is not set", "run it with"),
        ("rights of [login stale] control_password_file", "ok", "", ""),
    ]
    compare(found, wanted)
    equal(found["sandwichd"][0][0], "FAILURE", "no daemon runs")


def cleanup():
    for engine in STARTED.values():
        engine.close()
    CERTIFICATES.__exit__()
    shutil.rmtree(WORK, ignore_errors=True)


if __name__ == "__main__":
    suite.main(cleanup)
