#!/usr/bin/python3
"""Recipients are checked before any text is taken: lists, Sendmail's maps, mail servers asked by RCPT and VRFY, the socketmap."""

import os
import socket
import stat
import threading
import time

from daemon import Daemon, free_port
from suite import PerThread, Suite, check, equal, wait_for

from client import Client
from mailboxes import Domino, Mailboxes
from sink import Sink

suite = Suite()
# The least that an answer with a delay of "1s" takes as seen from here: the daemon counts from when its loop woke up.
_SECOND = 0.95
KNOWN_IN_LIST = "bob@list.test\nbob.smith@list.test bob@list.test\n@all.test\norders@domino.test\n"
CF = """\
SParse0
SParse1
Mlocal, P=/bin/true, F=lsDFMAw5:/|@qPn9S, A=x
Fw{0}/local-host-names %[^\\#]
C{{VirtHost}}virt.test
O AliasFile={0}/aliases
Kvirtuser text {0}/virtusertable
"""


class Check:
    """A daemon, the delivery server behind it, and the server that it asks."""

    def __init__(self):
        self.quiet = False
        self.sink = Sink()
        self.hub = hub = Mailboxes({"bob@smtp.test", "carol@both.test", "dora@vrfy.test"})
        self.spare = Mailboxes({"bob@pair.test", "bob@vpair.test"})  # behind the hub
        self.domino = Domino({"bob@domino.test", "bob@careful.test"}, groups={"team@domino.test"})
        self.daemon = Daemon(self.sink.port, start=False)
        path = self.daemon.path
        self.write("list", KNOWN_IN_LIST)
        self.write("both", "dan@both.test\n")
        self.write("sendmail.cf", CF.format(self.daemon.directory))
        self.write("local-host-names", "maps.test # ours\n")
        self.write("aliases", "sales: bob\n")
        self.write("virtusertable", "info@maps.test bob\noffice@virt.test bob\n")
        self.write("passwd", "bob:x:1:1::/:/bin/sh\n")
        for name in ("list", "both", "sendmail.cf", "local-host-names", "aliases", "virtusertable", "passwd"):
            os.utime(path(name), (1, 1))
        self.daemon.configure({
            "directory.domains": "list.test all.test",
            "directory.sources": "list main",
            "directory.socketmap": path("socketmap"),
            "directory.unknown_per_minute": 1000,
            "source.list main.file": path("list"),
            "source.list both.file": path("both"),
            "source.maps local.sendmail_cf": path("sendmail.cf"),
            "source.maps local.passwd_file": path("passwd"),
            "source.smtp hub.server": f"127.0.0.1:{hub.port}",
            "source.smtp hub.timeout": "2s",
            "source.vrfy hub.server": f"127.0.0.1:{hub.port}",
            "source.vrfy hub.timeout": "2s",
            "source.vrfy hub.max_questions": 3,
            "source.vrfy hub.max_connections": 1,
            "source.smtp pair.server": f"127.0.0.1:{hub.port} 127.0.0.1:{self.spare.port}",
            "source.vrfy pair.server": f"127.0.0.1:{hub.port} 127.0.0.1:{self.spare.port}",
            "source.vrfy domino.server": f"127.0.0.1:{self.domino.port}",
            "source.vrfy domino.trust_plain_550": "yes",
            "source.vrfy careful.server": f"127.0.0.1:{self.domino.port}",
            "source.smtp pair.timeout": "2s",
            "source.vrfy pair.timeout": "2s",
            "domain pair.test.recipient_sources": "smtp pair",
            "domain vpair.test.recipient_sources": "vrfy pair",
            "domain domino.test.recipient_sources": "list main, vrfy domino",
            "domain careful.test.recipient_sources": "vrfy careful",
            "domain maps.test.recipient_sources": "maps local",
            "domain virt.test.recipient_sources": "maps local",
            "users.domains": "maps.test virt.test",
            "domain smtp.test.recipient_sources": "smtp hub",
            "domain vrfy.test.recipient_sources": "vrfy hub",
            "domain both.test.recipient_sources": "list both, smtp hub",
            "domain open.all.test.recipient_sources": "none",
            "domain accept.test.recipient_sources": "smtp hub",
            "domain accept.test.recipient_source_down": "accept",
            "domain strict.test.recipient_sources": "vrfy hub",
            "domain strict.test.recipient_cannot_tell": "defer",
        })
        self.daemon.start()

    def close(self):
        self.daemon.close()
        for server in (self.hub, self.spare, self.domino):
            server.stop()
        self.sink.close()

    def write(self, name, text):
        temporary = self.daemon.path(name + ".new")
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.rename(temporary, self.daemon.path(name))

    def rcpt(self, *recipients):
        """Replies to RCPT, pipelined: (code, enhanced code) for each."""
        with Client(self.daemon.port) as client:
            client.ehlo()
            replies = client.envelope(recipients=recipients)[1:]
            client.command("QUIT")
            return [f"{r.code} {r.text.split(' ')[0]}" for r in replies]


WORLD = PerThread(Check)


def get():
    """The daemon, with a hub in good mood, an empty memory and files that are quiet."""
    here = WORLD.get()
    if not here.quiet:
        wait_for("the files to be quiet", lambda: here.rcpt("eve@list.test", "eve@maps.test", "eve@both.test") == [REFUSED] * 3)
        here.quiet = True
    here.hub.mood = None
    here.hub.replies = {}
    if here.hub.server is None:
        here.hub.start()
    wait_for("the hub to be used", lambda: here.rcpt("bob@smtp.test", "dora@vrfy.test") == [OK, OK])
    here.daemon.reload()  # forgets
    here.hub.forget()
    here.sink.forget()
    return here


OK, REFUSED, DEFERRED = "250 2.1.5", "550 5.1.1", "450 4.3.0"


@suite.test_apart
def a_list_knows_its_addresses_and_nobody_else():
    here = get()
    equal(here.rcpt("bob@list.test", "BOB@LIST.TEST", "bob+x@list.test", "bob.smith@list.test", "any@all.test"), [OK] * 5)
    equal(here.rcpt("eve@list.test", "bob@list.test", "eve+bob@list.test"), [REFUSED, OK, REFUSED])
    equal(here.rcpt("any@elsewhere.test", "any@sub.list.test", "any@open.all.test"), [OK] * 3, "domains that are not checked")


@suite.test_apart
def the_delivery_server_hears_of_known_recipients_only():
    here = get()
    with Client(here.daemon.port) as client:
        client.ehlo()
        reply = client.deliver("Subject: x\r\n\r\nhello\r\n", recipients=("eve@list.test", "bob@list.test", "eva@list.test"))
        equal(reply.code, 250)
        client.command("QUIT")
    equal([m.recipients for m in here.sink.messages], [["<bob@list.test>"]])
    here.daemon.wait_log(r"to=<eve@list.test>.*reply=550 5.1.1")
    with Client(here.daemon.port) as client:
        client.ehlo()
        equal([r.code for r in client.envelope(recipients=("eve@list.test", "eva@list.test"))], [250, 550, 550])
        equal(client.command("DATA").code, 554, "DATA without a recipient")
        equal(client.command("RSET").code, 250)


@suite.test_apart
def answers_keep_the_order_of_the_questions():
    here = get()
    here.sink.react["RCPT"] = lambda session, argument: "452 4.2.2 full" if "full" in argument else None
    try:
        got = here.rcpt("bob@smtp.test", "eve@list.test", "any@elsewhere.test", "eve@smtp.test", "full@elsewhere.test", "bob@list.test",
                        "dora@vrfy.test", "eva@list.test")
    finally:
        del here.sink.react["RCPT"]
    equal(got, [OK, REFUSED, OK, REFUSED, "452 4.2.2", OK, OK, REFUSED])


@suite.test_apart
def sendmails_maps_are_read_and_read_anew():
    here = get()
    equal(here.rcpt("bob@maps.test", "sales+x@maps.test", "info@maps.test", "postmaster@maps.test"), [OK] * 4)
    equal(here.rcpt("eve@maps.test", "eve+bob@maps.test"), [REFUSED] * 2)
    # All of them are one person's in the user list.
    equal(here.rcpt("office@virt.test"), [OK])
    listed = here.daemon.ctl("users", "list", "bob@").stdout.splitlines()
    equal([line.split()[0] for line in listed[1:]], ["bob@maps.test"])
    check(listed[1].endswith("  info@maps.test office@virt.test sales+x@maps.test"), listed)
    here.write("aliases", "sales: bob\neve: bob\n")
    first = here.rcpt("eve@maps.test", "eva@maps.test")
    check(REFUSED not in first, "refused while the map is being changed", first)
    wait_for("the new alias", lambda: here.rcpt("eve@maps.test", "eva@maps.test") == [OK, REFUSED])
    here.write("local-host-names", "maps.test\nnew.test\n")
    here.daemon.configure({"domain new.test.recipient_sources": "maps local"})
    here.daemon.reload()
    wait_for("the new domain", lambda: here.rcpt("bob@new.test", "eva@new.test") == [OK, REFUSED])


@suite.test_apart
def a_list_that_is_edited_is_read_anew():
    here = get()
    here.write("list", KNOWN_IN_LIST + "eve@list.test\n")
    wait_for("the new recipient", lambda: here.rcpt("eve@list.test", "eva@list.test") == [OK, REFUSED])
    here.write("list", "bob@list.test\nwrong\n")
    wait_for("the fault to be seen",
             lambda: here.rcpt("eva@list.test") == [DEFERRED] and here.daemon.log_lines(r"source_unread: list main: .*line 2"))
    equal(here.rcpt("bob@list.test", "eve@list.test"), [OK] * 2, "whom the version before knows")
    here.write("list", KNOWN_IN_LIST)
    wait_for("the list to be right again", lambda: here.rcpt("eve@list.test") == [REFUSED])


@suite.test_apart
def only_a_clear_word_of_a_server_refuses():
    here = get()
    table = {"250 ok": OK, "251 2.1.5 will forward": OK, "252 2.0.0 perhaps": OK, "550 5.1.1 no": REFUSED, "551 5.1.6 moved": REFUSED,
             "553 5.1.10 null": REFUSED, "550 no": OK, "550 5.7.1 relaying denied": OK, "553 5.1.8 sender": OK, "554 5.1.1 no": OK,
             "450 4.2.1 later": DEFERRED, "451 4.3.0 later": DEFERRED, "452 4.2.2 full": DEFERRED}
    for number, reply in enumerate(table):
        here.hub.replies[f"r{number}@smtp.test"] = reply
    equal(dict(zip(table, here.rcpt(*(f"r{n}@smtp.test" for n in range(len(table)))))), table)
    verbs = {line.split()[0].upper() for line in here.hub.commands}
    equal(verbs - {"QUIT", "EHLO"}, {"MAIL", "RCPT", "RSET"}, "what the server was told")
    check(all(line.upper().startswith("MAIL FROM:<>") for line in here.hub.asked("MAIL")), "another sender than <>")


@suite.test_apart
def vrfy_is_asked_a_few_times_on_a_connection():
    here = get()
    here.hub.replies = {"a@vrfy.test": "252 2.5.2 try RCPT", "b@vrfy.test": "502 5.5.1 disabled", "a@strict.test": "252 2.5.2 try RCPT"}
    equal(here.rcpt("dora@vrfy.test", "eve@vrfy.test", "a@vrfy.test", "b@vrfy.test", "a@strict.test"), [OK, REFUSED, OK, OK, DEFERRED])
    here.hub.forget()
    before = here.hub.connections
    with Client(here.daemon.port) as client:
        client.ehlo()
        client.command("MAIL FROM:<a@from.test>")
        for number in range(9):
            client.command(f"RCPT TO:<e{number}@vrfy.test>")
    equal(len(here.hub.asked("VRFY")), 9)
    check(here.hub.connections - before >= 3, "connections", here.hub.connections - before)


@suite.test_apart
def domino_says_550_of_whom_it_does_not_know_and_of_some_whom_it_does():
    here = get()
    equal(here.rcpt("bob@domino.test", "eve@domino.test", "team@domino.test", "two@domino.test"), [OK, REFUSED, OK, OK])
    equal(sorted(here.domino.said), ["250 <bob@domino.test>", "550 eve@domino.test is not a valid user",
                                     "550 team@domino.test is a Group not a user", "553 two@domino.test is not a unique user"])
    # What it has no word of its own for stands in a list, which is asked first.
    here.domino.said.clear()
    equal(here.rcpt("orders@domino.test"), [OK])
    equal(here.domino.said, [])
    check("vrfy domino: unknown" in here.daemon.ctl("recipient", "orders@domino.test").stdout)
    # Unless it is said that its word counts, nobody is refused for it.
    equal(here.rcpt("bob@careful.test", "eve@careful.test"), [OK, OK])
    check("vrfy careful: cannot tell" in here.daemon.ctl("recipient", "eve@careful.test").stdout)


@suite.test_apart
def the_next_server_of_a_source_is_asked_when_one_is_down():
    here = get()
    here.hub.known |= {"kim@pair.test", "kim@vpair.test"}

    def asked(server):
        return len(server.asked("RCPT")), len(server.asked("VRFY"))

    recipients = [f"{name}@{domain}.test" for domain in ("pair", "vpair") for name in ("bob", "kim", "eve")]
    equal(here.rcpt(*recipients), [REFUSED, OK, REFUSED] * 2)
    equal((asked(here.hub), asked(here.spare)), ((3, 3), (0, 0)))
    for number, down in enumerate(("silent", "close", "busy", "refuse", None)):
        here.hub.mood = down
        if down is None:
            here.hub.stop()
        # Made anew, so that they have forgotten that it was down.
        here.daemon.reload({f"source.{kind} pair.max_connections": 6 + number for kind in ("smtp", "vrfy")})
        here.spare.forget()
        equal(here.rcpt(*recipients), [OK, REFUSED, REFUSED] * 2, down)
        equal(asked(here.spare), (3, 3), down)
    here.hub.start()
    here.hub.forget()

    def again():
        here.daemon.reload()
        return here.rcpt(*recipients) == [REFUSED, OK, REFUSED] * 2

    wait_for("the first server to be asked again", again)
    here.hub.known -= {"kim@pair.test", "kim@vpair.test"}


@suite.test_apart
def the_first_source_that_knows_wins():
    here = get()
    equal(here.rcpt("dan@both.test"), [OK])
    equal(here.hub.commands, [], "asked though the list knows")
    equal(here.rcpt("carol@both.test", "eve@both.test"), [OK, REFUSED])
    here.hub.mood = "later"
    here.daemon.reload()
    equal(here.rcpt("dan@both.test", "carol@both.test", "eve@both.test"), [OK, DEFERRED, DEFERRED])


@suite.test_apart
def what_is_known_is_remembered_and_what_is_unclear_is_not():
    here = get()
    equal(here.rcpt("bob@smtp.test", "eve@smtp.test") + here.rcpt("bob@smtp.test", "eve@smtp.test"), [OK, REFUSED] * 2)
    equal(len(here.hub.asked("RCPT")), 2)
    here.hub.replies["r@smtp.test"] = "451 4.3.0 later"
    equal(here.rcpt("r@smtp.test"), [DEFERRED])
    del here.hub.replies["r@smtp.test"]
    here.hub.known.add("r@smtp.test")
    equal(here.rcpt("r@smtp.test"), [OK])
    here.hub.known.add("eve@smtp.test")
    equal(here.rcpt("eve@smtp.test"), [REFUSED])
    here.daemon.reload()
    equal(here.rcpt("eve@smtp.test"), [OK], "after a reload")
    here.hub.known -= {"r@smtp.test", "eve@smtp.test"}


@suite.test_apart
def a_server_that_is_down_refuses_nobody_and_comes_back_by_itself():
    here = get()
    here.hub.stop()
    equal(here.rcpt("bob@smtp.test", "eve@smtp.test", "eve@accept.test"), [DEFERRED, DEFERRED, OK])
    here.daemon.wait_log(r"source_down: smtp hub: 127.0.0.1:\d+: ")
    check("DOWN" in here.daemon.ctl("status").stdout, "status")
    here.hub.start()
    wait_for("the server to be asked again", lambda: here.rcpt("bob@smtp.test", "eve@smtp.test") == [OK, REFUSED])
    here.daemon.wait_log(r"source_up: smtp hub")


@suite.test_apart
def the_control_program_asks_every_source_anew():
    here = get()
    equal(here.rcpt("bob@smtp.test"), [OK])
    here.hub.forget()
    told = here.daemon.ctl("recipient", "bob@smtp.test").stdout.splitlines()
    check("remembered: known (127.0.0.1:" in "\n".join(told), told)
    check(any(line.startswith("smtp hub: known") for line in told), told)
    check(any(line.startswith("list main: unknown (not in the list); not asked for this domain") for line in told), told)
    equal(told[-1], "verdict: accept")
    check(here.hub.asked("RCPT") and here.hub.asked("VRFY"), "not asked anew")
    equal(here.daemon.ctl("recipient", "eve@list.test").stdout.splitlines()[-1], "verdict: refuse (550 5.1.1)")
    equal(here.daemon.ctl("recipient", "a@nowhere.test").stdout.splitlines()[-1], "verdict: accept, the domain is not checked")
    told = here.daemon.ctl("recipient", "bob.smith@list.test").stdout
    check("list main: known, mailbox bob@list.test" in told, told)
    equal(here.daemon.ctl("recipient", "@").returncode, 1)


def ask_socketmap(path, *keys, name="recipient"):
    """The answers to several questions over one connection."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(path)
        answers, stream = [], connection.makefile("rb")
        for key in keys:
            question = f"{name} {key}".encode()
            connection.sendall(b"%d:%s," % (len(question), question))
            length = b""
            while (octet := stream.read(1)) not in (b":", b""):
                length += octet
            answers.append(stream.read(int(length)).decode())
            equal(stream.read(1), b",")
        return answers


@suite.test_apart
def sendmail_may_ask_over_the_socketmap():
    here = get()
    path = here.daemon.path("socketmap")
    equal(ask_socketmap(path, "bob@list.test", "192.0.2.1/eve@list.test", "IPv6:2001:db8:0:0:0:0:0:1/eve@smtp.test", "/bob@smtp.test",
                        "any@elsewhere.test", "bob", "a@b@", ""),
          ["OK known", "OK unknown", "OK unknown", "OK known", "NOTFOUND ", "NOTFOUND ", "NOTFOUND ", "NOTFOUND "])
    here.hub.replies["c@vrfy.test"] = "252 2.5.2 perhaps"
    here.hub.replies["d@smtp.test"] = "451 4.3.0 later"
    answers = ask_socketmap(path, "c@vrfy.test", "d@smtp.test")
    check(answers[0] == "NOTFOUND " and answers[1].startswith("TEMP "), answers)
    for wrong in (b"x", b"99999:a", b"3:abcd", b"010:aaaaaaaaaa,"):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(path)
            connection.sendall(wrong)
            equal(connection.recv(100), b"", wrong)
    here.daemon.wait_log("socketmap_fault", count=4)
    equal(ask_socketmap(path, "bob@list.test"), ["OK known"])
    with socket.socket(socket.AF_UNIX) as connection:  # all at once, in pieces
        connection.settimeout(10)
        connection.connect(path)
        for octet in b"15:m eve@list.test,15:m bob@list.test,":
            connection.sendall(bytes([octet]))
        got = b""
        while got.count(b",") < 2:
            got += connection.recv(100)
        equal(got, b"10:OK unknown,8:OK known,")
    # A mailbox that is disabled is one that Sendmail shall refuse, also by an alias that only a source knows.
    for words in (("add", "bob@list.test"), ("disable", "bob@list.test")):
        equal(here.daemon.ctl("users", *words).returncode, 0)
    equal(ask_socketmap(path, "bob@list.test", "bob.smith@list.test", "bob+x@list.test"), ["OK unknown"] * 3)
    equal(here.rcpt("bob.smith@list.test"), ["550 5.2.1"])
    equal(here.daemon.ctl("users", "remove", "bob@list.test").returncode, 0)
    equal(ask_socketmap(path, "bob@list.test", "bob.smith@list.test"), ["OK known"] * 2)


@suite.test_apart
def the_socketmap_over_tcp_is_for_allowed_clients_and_its_path_goes_with_the_daemon():
    here = get()
    mode = os.stat(here.daemon.path("socketmap")).st_mode
    equal(stat.S_IMODE(mode), 0o666)
    port = free_port()
    daemon = Daemon(here.sink.port, {"directory.socketmap": f"127.0.0.1:{port}", "smtp.smtp_allow_client_ip": "addr:127.0.0.2"})
    with daemon:
        for source, wanted in (("127.0.0.2", b"9:NOTFOUND ,"), ("127.0.0.1", b"")):
            with socket.create_connection(("127.0.0.1", port), 10, (source, 0)) as connection:
                connection.sendall(b"8:m a@b.te,")
                try:
                    got = connection.recv(100)
                except ConnectionError:
                    got = b""
                equal(got, wanted, source)
        daemon.wait_log("socketmap_fault: 127.0.0.1 is not in smtp_allow_client_ip")
        path = daemon.path("moved")
        daemon.reload({"directory.socketmap": path})  # needs a restart
        daemon.wait_log("reload_refused")
        daemon.stop()
        daemon.start()
        check(os.path.exists(path), "no socket")
        daemon.stop()
        check(not os.path.exists(path), "the socket is left")


@suite.test_apart
def an_upstream_that_leaves_meanwhile_hurts_nobody():
    here = get()
    here.daemon.reload({"source.smtp hub.timeout": "1s"})
    here.hub.mood = "silent"
    for number in range(20):
        client = Client(here.daemon.port)
        client.ehlo()
        client.send(f"MAIL FROM:<a@from.test>\r\nRCPT TO:<w{number}@smtp.test>\r\n")
        client.reply()
        client.reset_connection()
    with Client(here.daemon.port) as client:
        client.ehlo()
        client.send("MAIL FROM:<a@from.test>\r\nRCPT TO:<w@smtp.test>\r\nRCPT TO:<bob@list.test>\r\n")
        equal([r.code for r in client.replies(3)], [250, 450, 250])
    here.hub.mood = None
    here.hub.stop()
    here.hub.start()
    here.daemon.reload({"source.smtp hub.timeout": "2s"})
    wait_for("the hub to be used", lambda: here.rcpt("bob@smtp.test") == [OK])


@suite.test_apart
def who_guesses_addresses_waits():
    here = get()
    here.daemon.reload({"directory.unknown_per_minute": 3, "directory.unknown_delay": "1s", "smtp.smtp_xclient_client_ip": "addr:127.0.0.1"})

    def slowed():
        return int(next(line for line in here.daemon.ctl("status").stdout.splitlines() if line.startswith("recipients:")).split()[5])

    def replies(client, *recipients):
        """Of the client at that address; and how long all of them took."""
        with Client(here.daemon.port) as upstream:
            upstream.ehlo()
            if client:
                upstream.command(f"XCLIENT ADDR={client}")
                upstream.ehlo()
            begin = time.monotonic()
            codes = [r.code for r in upstream.envelope(recipients=recipients)[1:]]
            return codes, time.monotonic() - begin

    before = slowed()
    codes, took = replies("192.0.2.77", *(f"g{n}@list.test" for n in range(4)), "bob@list.test")
    equal(codes, [550] * 4 + [250])
    equal(slowed() - before, 1)
    check(took > _SECOND, f"the answer came after {took} s")
    equal(len(here.daemon.log_lines(r"guessing: 192\.0\.2\.77: more than 3")), 1)
    equal(replies(None, *["g@list.test"] * 3)[0], [550] * 3)  # nobody else waits
    equal(slowed() - before, 1)
    begin = time.monotonic()
    equal(ask_socketmap(here.daemon.path("socketmap"), "192.0.2.77/g@list.test"), ["OK unknown"])
    check(time.monotonic() - begin > _SECOND, "the socketmap's answer did not wait")
    equal(slowed() - before, 2)
    # The delivery server's own word is as good as a source's; what it says of the sender or the client is none.
    words = {"<u": "550 5.1.1 User unknown", "<m": "551 5.1.6 moved", "<n": "553 5.1.10 null MX",
             "<s": "553 5.1.8 sender", "<r": "550 5.7.1 relaying denied", "<p": "550 no"}
    here.sink.react["RCPT"] = lambda session, argument: next((reply for word, reply in words.items() if word in argument), None)
    try:
        equal(replies("192.0.2.78", *(f"{kind}{n}@far.test" for n in range(2) for kind in "srp"))[0], [553, 550, 550] * 2)
        equal(replies("192.0.2.78", "u1@far.test", "m1@far.test", "n1@far.test", "bob@far.test")[0], [550, 551, 553, 250])
        equal(slowed() - before, 2)
        codes, took = replies("192.0.2.78", "u2@far.test", "bob@far.test")
        equal(codes, [550, 250])
        equal(slowed() - before, 3)
        check(took > _SECOND, f"the answer came after {took} s")
        equal(len(here.daemon.log_lines(r"guessing: 192\.0\.2\.78: more than 3")), 1)
        equal(replies("192.0.2.79", "u@far.test")[0], [550])  # nobody else waits
        here.daemon.reload({"directory.unknown_per_minute": 0})
        equal(replies("192.0.2.78", *(f"u{n}@far.test" for n in range(5)))[0], [550] * 5)
        equal(slowed() - before, 3)
    finally:
        del here.sink.react["RCPT"]
    here.daemon.reload({"directory.unknown_per_minute": 1000, "smtp.smtp_xclient_client_ip": None})


@suite.test_apart
def a_reload_under_way_loses_no_answer():
    here = get()
    stop = threading.Event()
    faults = []

    def ask():
        number = 0
        while not stop.is_set():
            number += 1
            got = here.rcpt("bob@smtp.test", f"x{number}@smtp.test", "bob@maps.test", "eva@list.test")
            if got != [OK, REFUSED, OK, REFUSED]:
                faults.append(got)

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    try:
        for number in range(6):
            here.daemon.reload({"source.smtp here.hub.max_connections": 2 + number % 2})
    finally:
        stop.set()
        for asker in askers:
            asker.join()
    # A source that was taken away under a question counts as down: never is anybody refused for it.
    check(all(got[0] in (OK, DEFERRED) and got[1] in (REFUSED, DEFERRED) and got[2:] == [OK, REFUSED] for got in faults), faults[:3])


if __name__ == "__main__":
    suite.main(WORLD.close)
