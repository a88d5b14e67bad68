#!/usr/bin/python3
"""Every way in which a source of recipients can fail, under load: nobody who exists is refused for good, nobody who does not exist is
accepted, and each letter arrives once. The table of what became of them is printed."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys

from daemon import Daemon
from outages import COLUMNS, PEOPLE, Book, under_load, wait_in_order
from suite import Failure, PerThread, Skip, Suite, check, equal

from directories import READER, TOP, Slapd
from mailboxes import Mailboxes
from sink import CLOSE, RESET, SILENCE, Sink

suite = Suite()
table = []
FILES = ("list", "maps")
SERVERS = ("smtp", "vrfy", "accept", "socketmap")  # all ask the same server
TITLES = {"accept": "smtp, source_down=accept", "socketmap": "smtp, by the socketmap", "two": "ldap, two servers", "lockstep": "delivery server, in lockstep",
          "users": "user list"}


def write(daemon, name, text):
    with open(daemon.path(name) + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(daemon.path(name) + ".new", 0o644)
    os.rename(daemon.path(name) + ".new", daemon.path(name))


TEXTS = {"list": "".join(f"{name}@list.test\n" for name in PEOPLE), "aliases": "".join(f"{name}: root\n" for name in PEOPLE)}
TREE = TOP + "".join(f"""
dn: cn={name},dc=test
objectClass: inetOrgPerson
cn: {name}
sn: {name}
mail: {name}@ldap.test
mail: {name}@two.test
""" for name in PEOPLE)


class World:
    """A daemon with sources of every kind but LDAP, the server that some of them ask, and the delivery servers: one for the domains that
    have a source, one that is asked itself (lockstep)."""

    def __init__(self):
        self.messages = []
        self.sink = Sink(keep=False, on_message=self.messages.append)
        self.own = None
        self.start_own()
        self.hub = Mailboxes({f"{name}@{kind}.test" for name in PEOPLE for kind in SERVERS})
        self.daemon = daemon = Daemon(self.sink.port, start=False)
        for name, text in TEXTS.items():
            write(daemon, name, text)
        write(daemon, "passwd", "root:x:0:0::/:/bin/sh\n")
        write(daemon, "sendmail.cf", f"SParse0\nSParse1\nMlocal, P=x, F=lAw5\nCwmaps.test\nO AliasFile={daemon.path('aliases')}\n")
        settings = {"directory.unknown_per_minute": 0, "directory.cache_size": 0, "directory.socketmap": daemon.path("socketmap"),
                    "smtp.downstream_command_timeout": "1s", "general.threads": 2,
                    "source.list main.file": daemon.path("list"), "source.maps main.sendmail_cf": daemon.path("sendmail.cf"),
                    "source.maps main.passwd_file": daemon.path("passwd"), "domain users.test.recipient_sources": "users",
                    "domain accept.test.recipient_source_down": "accept", "domain lockstep.test.route_1": f"10 127.0.0.1:{self.own.port}"}
        for domain, source in (("list", "list"), ("maps", "maps"), ("smtp", "smtp"), ("vrfy", "vrfy"), ("accept", "smtp"), ("socketmap", "smtp")):
            settings[f"domain {domain}.test.recipient_sources"] = f"{source} main"
        for kind in ("smtp", "vrfy"):
            settings[f"source.{kind} main.server"] = f"127.0.0.1:{self.hub.port}"
            settings[f"source.{kind} main.timeout"] = "1s"
            settings[f"source.{kind} main.max_connections"] = 3
        daemon.configure(settings)
        daemon.start()
        equal(daemon.ctl("users", "add", f"{PEOPLE[0]}@users.test").returncode, 0)
        for name in PEOPLE[1:]:
            daemon.ctl("users", "add", f"{name}@users.test")

    def start_own(self):
        self.own = Sink("own.test", port=self.own.port if self.own else 0, keep=False, on_message=self.messages.append,
                        react={"RCPT": self.knows})

    @staticmethod
    def knows(_, argument):
        return "550 5.1.1 User unknown" if argument.startswith("TO:<n") else None

    def book(self, kind):
        return Book(kind, lambda: self.messages, self.ask_socketmap if kind == "socketmap" else None)

    def ask_socketmap(self, address):
        """As the rule that sandwich-cf --socketmap makes: only a clear word refuses."""
        with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rb") as stream:
            connection.settimeout(30)
            connection.connect(self.daemon.path("socketmap"))
            question = f"sandwichsocket 127.0.0.1/{address}".encode()
            connection.sendall(b"%d:%s," % (len(question), question))
            length = b""
            while (octet := stream.read(1)) not in (b":", b""):
                length += octet
            return stream.read(int(length)) != b"OK unknown"

    def close(self):
        self.daemon.close()
        self.hub.stop()
        self.own.close()
        self.sink.close()


WORLD = PerThread(World)


def outage(kinds, name, begin, end, harmless=()):
    """Breaks the sources while letters are under way, and mends them. `harmless`: kinds of which nobody has to be put off."""
    world = WORLD.get()
    books = [world.book(kind) for kind in kinds]
    wait_in_order(books, world.daemon.port)
    before = len(world.daemon.log_lines("possible_duplicate"))
    under_load(books, world.daemon.port, lambda: begin(world), lambda: end(world))
    twice = len(world.daemon.log_lines("possible_duplicate")) - before
    enter([book.close(name, twice, let_through=book.kind == "accept") for book in books], harmless)


def enter(rows, harmless=()):
    table.extend(rows)
    for row in rows:
        told = dict(zip(COLUMNS, row[2:]))
        if row[0] == "accept":
            check(told["let through"] > 0, "nobody was accepted during the outage", row)
        elif row[0] not in harmless:
            check(told["put off"] > 0, "nobody was put off by the outage", row)


def mood(name):
    def begin(world):
        world.hub.mood = name

    def end(world):
        world.hub.mood = None
        world.hub.stop()  # whoever hangs there
        world.hub.start()

    return begin, end


# What is done about an outage, in the moods that tell; how it is noticed, in all.
for one in ("silent", "later", "close", "reset", "busy", "garbage", "refuse"):
    kinds = SERVERS if one in ("silent", "later") else SERVERS[:2]
    suite.add(f"servers_{one}", lambda kinds=kinds, one=one: outage(kinds, one, *mood(one)), apart=True)
suite.add("servers_gone", lambda: outage(SERVERS, "gone", lambda world: world.hub.stop(), lambda world: world.hub.start()), apart=True)


def reaction(value):
    def begin(world):
        world.own.react["RCPT"] = value

    def end(world):
        world.own.react["RCPT"] = world.knows

    return begin, end


def own_gone(world):
    world.own.close()


LOCKSTEP = {"silent": SILENCE, "close": CLOSE, "reset": RESET, "busy": "421 4.3.2 busy", "later": "451 4.3.0 later", "garbage": "what is no reply",
            "refuse": "503 5.5.1 not now"}
for one, said in LOCKSTEP.items():
    suite.add(f"lockstep_{one}", lambda one=one, said=said: outage(["lockstep"], one, *reaction(said)), apart=True)
suite.add("lockstep_gone", lambda: outage(["lockstep"], "gone", own_gone, World.start_own), apart=True)


def restore(world):
    for name, text in TEXTS.items():
        write(world.daemon, name, text)


def unlink(world):
    for name in TEXTS:
        os.unlink(world.daemon.path(name))


# Half of each file, as a program that does not rename leaves it, written again and again while letters come. Says at the end how long it
# paused at most: what has been quiet for a second is whole to whoever looks.
WRITER = """
import sys, time
last, pause = time.monotonic(), 0.0
while time.monotonic() < last + 60:
    for name in sys.argv[1:]:
        with open(name, "w") as out:
            out.write({"list": "p0@list.test\\np1@list.test\\n", "aliases": "p0: root\\n"}[name.rsplit("/")[-1]])
    now = time.monotonic()
    last, pause = now, max(pause, now - last)
    print(pause, flush=True)
    time.sleep(0.02)
"""


def half_written():
    writers, pauses = [], []

    def begin(world):
        writers.append(subprocess.Popen([sys.executable, "-c", WRITER, *map(world.daemon.path, TEXTS)], stdout=subprocess.PIPE, text=True))
        pauses.append(writers[0].stdout.readline())

    def end(world):
        writers[0].terminate()
        restore(world)
        pauses.extend(writers[0].stdout.read().split())
        writers[0].wait()

    try:
        outage(FILES, "half written", begin, end)
    except Failure:
        if pauses and float(pauses[-1]) > 0.8:
            raise Skip("the machine is too busy: the writer paused") from None
        raise


suite.add("files_half_written", half_written, apart=True)
suite.add("files_missing", lambda: outage(FILES, "missing", unlink, restore), apart=True)
suite.add("list_broken", lambda: outage(["list"], "broken", lambda world: write(world.daemon, "list", "no address\n"), restore), apart=True)


@suite.test_apart
def the_user_list_is_being_written():
    held = []

    def begin(world):
        held.append(sqlite3.connect(world.daemon.path("users/users.db"), isolation_level=None, check_same_thread=False))
        held[0].execute("BEGIN EXCLUSIVE")
        held[0].execute("DELETE FROM mailbox")

    outage(["users"], "locked", begin, lambda world: held[0].close(), harmless=["users"])


@suite.test_apart
def the_user_list_is_damaged():
    """In place, as a disk does it: the file, its log, and the index of it that programs share."""

    def begin(world):
        path = world.daemon.path("users/users.db")
        with sqlite3.connect(path) as source, sqlite3.connect(path + ".saved") as target:
            source.backup(target)
        source.close()
        target.close()
        for name in (path, path + "-wal", path + "-shm"):
            with open(name, "r+b") as file:
                file.write((b"\0" if name.endswith("shm") else b"no database ") * (os.path.getsize(name) // 12 or 1))

    def end(world):
        path = world.daemon.path("users/users.db")
        facts = os.stat(path)
        os.chown(path + ".saved", facts.st_uid, facts.st_gid)
        for name in (path + "-wal", path + "-shm"):
            if os.path.exists(name):
                os.unlink(name)
        os.rename(path + ".saved", path)

    outage(["users"], "damaged", begin, end)


class Directories:
    """Two slapds with the same people, and a daemon that asks the first (ldap.test), or the second where the first does not answer
    (two.test)."""

    def __init__(self):
        self.messages = []
        self.daemon = self.second = None
        self.sink = Sink(keep=False, on_message=self.messages.append)
        self.first = Slapd(TREE, None)
        try:
            self.second = Slapd(TREE, None, self.first)
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self):
        self.daemon = daemon = Daemon(self.sink.port, start=False)
        with open(daemon.path("password"), "w", encoding="ascii") as file:
            file.write(READER[1] + "\n")
        os.chmod(daemon.path("password"), 0o600)
        settings = {"directory.cache_size": 0, "directory.unknown_per_minute": 0, "general.threads": 2}
        for name, servers in (("ldap", [self.first]), ("two", [self.first, self.second])):
            settings |= {f"ldap {name}.server": " ".join(f"127.0.0.1:{slapd.port}" for slapd in servers), f"ldap {name}.base_dn": "dc=test",
                         f"ldap {name}.bind_dn": READER[0], f"ldap {name}.bind_password_file": daemon.path("password"),
                         f"ldap {name}.connect_timeout": "1s", f"ldap {name}.timeout": "3s" if name == "two" else "1s",
                         f"domain {name}.test.recipient_sources": f"ldap {name}"}
        daemon.configure(settings)
        daemon.start()

    def close(self):
        for one in (self.daemon, self.second, self.first, self.sink):
            if one:
                one.close()


DIRECTORY = {"gone": (Slapd.stop, Slapd.start_again), "silent": (lambda slapd: os.kill(slapd.process.pid, signal.SIGSTOP),
                                                                lambda slapd: os.kill(slapd.process.pid, signal.SIGCONT))}


@suite.test_apart
def directories_gone_and_silent():
    world = Directories()
    try:
        for name, (begin, end) in DIRECTORY.items():
            books = [Book(kind, lambda: world.messages) for kind in ("ldap", "two")]
            wait_in_order(books, world.daemon.port)
            under_load(books, world.daemon.port, lambda: begin(world.first), lambda: end(world.first))
            enter([book.close(name) for book in books], harmless=["two"])
        check(READER[1] not in world.daemon.log(), "a password is in the log")
    finally:
        world.close()


@suite.test
def the_table():
    heads = ("source", "outage", *COLUMNS)
    widths = (28, 12, *(len(name) for name in COLUMNS))
    for row in (heads, *((TITLES.get(row[0], row[0]), *row[1:]) for row in sorted(table))):
        print("  " + "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)), flush=True)
    equal({row[0] for row in table}, {*SERVERS, *FILES, "lockstep", "users", "ldap", "two"}, "sources")
    check(len(table) >= 41, "outages", len(table))


if __name__ == "__main__":
    suite.main(WORLD.close)
