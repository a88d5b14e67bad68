"""Which recipients exist, as real Sendmail has it: its own maps, VRFY with and without novrfy, its socketmap."""

import contextlib
import re
import subprocess
import threading

from lab import mail
from lab.case import expect, expect_equal, need_system
from lab.sandwich import CONFIG, DELIVERY_CF, wait_for

SOCKETMAP = "/run/sandwich/socketmap"
ALIASES = "sales: alice\nteam+*: alice, bob\nchain: sales\nprog: \"|/bin/true\"\ndot.ted: bob\nUPPER: carol\nfar: x@remote.test\nbad: nosuch\n"
VIRTUAL = """info@example.test\talice
info@virt.test\tbob@example.test
gone@example.test\terror:nouser 550 Gone
code@example.test\terror:5.1.1:550 Gone
boss+*@example.test\tcarol
det++@example.test\t%1@example.test
bad@virt.test\tnosuch
out@virt.test\tx@remote.test
@all.test\t%1@example.test
"""
ROUTES = "hub.test\tesmtp:[192.0.2.1]\n.shut.test\terror:5.1.1:550 nobody here\nbox.test\tlocal:bob\n"
ADDRESSES = [
    *(f"{name}@example.test" for name in (
        "alice", "ALICE", "alice+x", "alice+x+y", "nosuch", "nosuch+x", "sales", "Sales+x", "team", "team+x", "chain", "prog", "dot.ted",
        "dot", "upper", "UPPER+x", "far", "bad", "postmaster", "Postmaster+x", "postmasters", "mailer-daemon", "root", "daemon",
        "info", "INFO", "info+x", "gone", "code", "boss", "boss+x", "det", "det+x", "+alice", "alice+")),
    "alice@mx.example.test", "nosuch@mx.example.test", "alice@localhost", "nosuch@localhost",
    "info@virt.test", "Info+x@VIRT.test", "bad@virt.test", "out@virt.test", "alice@all.test", "alice+x@all.test", "nosuch@all.test",
    "any@hub.test", "any@sub.shut.test", "any@box.test", "any@remote.test",
]


@contextlib.contextmanager
def _settings(lab, extra, users=""):
    """The daemon with these sections besides, and this in [users]; what it was before comes back."""
    sandwich = lab.sandwich
    sandwich.stop_proxy()
    sandwich.write_config(extra)
    file = sandwich.root / CONFIG
    file.write_text(file.read_text().replace("[users]\n", "[users]\n" + users))
    sandwich.start_proxy()
    try:
        yield
    finally:
        sandwich.stop_proxy()
        sandwich.write_config()
        sandwich.start_proxy()


def _says(lab, source, address):
    """What a source says of an address: known, unknown, ..."""
    told = lab.sandwich.ctl("recipient", address)
    return re.search(rf"^{source}: ([a-z ]+)", told, re.M)[1].strip()


def _sendmail_says(lab, cf, addresses):
    """{address: Sendmail's own reply to RCPT}."""
    sandwich = lab.sandwich
    command = ["chroot", sandwich.root.path, "/usr/sbin/sendmail-mta", "-Am", f"-C{cf}", "-bs"]
    with sandwich.network.inside(), subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:

        def ask(line):
            if line:
                process.stdin.write(line.encode() + b"\r\n")
                process.stdin.flush()
            while (reply := process.stdout.readline().decode("latin-1").rstrip()) and reply[3:4] == "-":
                pass
            return reply

        for line in ("", "EHLO localhost", "MAIL FROM:<>"):
            reply = ask(line)
            expect(reply[:1] == "2", f"Sendmail says {reply} to {line}")
        replies = {address: ask(f"RCPT TO:<{address}>") for address in addresses}
        ask("QUIT")
    return replies


def _set_up_maps(root):
    """A sendmail.cf with virtusertable and mailertable, for the source alone; and a daemon that may read the maps."""
    group = root / "/etc/group"
    group.write_text(re.sub(r"^(smmsp:.*)$", lambda m: m[1] + ("" if m[1].endswith(":") else ",") + "sandwich", group.read_text(), flags=re.M))
    text = (root / "/etc/mail/sendmail.mc").read_text()
    features = "FEATURE(`virtusertable')dnl\nFEATURE(`mailertable')dnl\nVIRTUSER_DOMAIN(`virt.test')dnl\nLOCAL_DOMAIN(`all.test')dnl\n"
    root.write("/etc/mail/maps.mc", text.replace("MAILER_DEFINITIONS", features + "MAILER_DEFINITIONS", 1))
    root.make_cf("maps")
    made = root / "/etc/mail/maps.cf"
    made.write_text(re.sub(r"^O BadRcptThrottle=.*$", "", made.read_text(), flags=re.M))  # no pauses for unknown recipients


def _make_map(root, name, text, kind="hash"):
    root.write(f"/etc/mail/{name}", text)
    with open(root / f"/etc/mail/{name}", "rb") as source:
        root.run("/usr/libexec/sendmail/makemap", kind, f"/etc/mail/{name}", stdin=source)


def _doctor_of_socketmap(sandwich):
    """What sandwichctl doctor says of it."""
    told = sandwich.inside("/usr/local/sbin/sandwichctl", "doctor").stdout
    return next(line for line in told.splitlines() if " socketmap: " in line)


def case_recipients_of_sendmails_own_maps(lab):
    """Sendmail itself is asked by RCPT about each address, and the source must say the same."""
    need_system(lab)
    sandwich, root = lab.sandwich, lab.sandwich.root
    _set_up_maps(root)
    _make_map(root, "virtusertable", VIRTUAL)
    _make_map(root, "mailertable", ROUTES)
    sandwich.make_maps(ALIASES)
    try:
        with _settings(lab, "[source.maps main]\nsendmail_cf=/etc/mail/maps.cf\n"):
            wait_for(lambda: _says(lab, "maps main", "nosuch@example.test") == "unknown", 10, "the maps are quiet")
            real = _sendmail_says(lab, "/etc/mail/maps.cf", ADDRESSES)
            ours = {address: _says(lab, "maps main", address) for address in ADDRESSES}
            # "error:nouser 550 Gone" is refused with 550 5.0.0.
            wrong = {address: (reply, ours[address]) for address, reply in real.items()
                     if (ours[address] == "unknown") != reply.startswith(("550 5.1.1", "550 5.0.0"))}
            expect_equal(wrong, {}, "Sendmail and the source differ")
            known = [address for address in ADDRESSES if ours[address] == "known"]
            expect(len(known) >= 25 and sum(answer == "unknown" for answer in ours.values()) >= 12, f"answers: {ours}")
            expect("mailbox alice" in sandwich.ctl("recipient", "chain@example.test"), "an alias of an alias leads to its user")
            # Compiled anew, the other way, while the daemon runs.
            expect_equal(_says(lab, "maps main", "new@example.test"), "unknown", "before")
            _make_map(root, "virtusertable", VIRTUAL + "new@example.test\talice\n", "hash")
            sandwich.make_maps(ALIASES + "newer: bob\n")
            expect(_says(lab, "maps main", "newer@example.test") != "unknown", "refused while the map is new")
            wait_for(lambda: [_says(lab, "maps main", name + "@example.test") for name in ("new", "newer", "nosuch")]
                     == ["known", "known", "unknown"], 10, "the new maps are read")
    finally:
        sandwich.make_maps()


def case_recipients_asked_by_vrfy(lab):
    """Debian's Sendmail answers VRFY; with novrfy it says 252, and nobody is refused for that."""
    sandwich = lab.sandwich
    ports = sandwich.ports
    sandwich.make_maps("sales: alice\n")
    settings = (f"[directory]\ndomains=example.test\nsources=vrfy main\n"
                f"[source.vrfy main]\nserver=127.0.0.1\nport={ports.delivery}\ntimeout=30s\n"
                f"[source.smtp main]\nserver=127.0.0.1\nport={ports.delivery}\ntimeout=30s\n")
    with _settings(lab, settings, users="domains=example.test\n"):
        names = ["alice", "bob", "carol", "dave", "erin", "frank", "postmaster"]  # more than Sendmail answers without a pause
        expect_equal([_says(lab, "vrfy main", f"{name}@example.test") for name in names], ["known"] * len(names), "VRFY")
        expect_equal(_says(lab, "vrfy main", "nosuch@example.test"), "unknown", "VRFY")
        # VRFY expands no alias, so each address is a mailbox of its own in the user list.
        mark = mail.token()
        lab.send("s@outside.test", ["alice@example.test", "sales@example.test"], mail.message(mark))
        expect("vrfy main: known (" in sandwich.ctl("recipient", "sales@example.test"), "an alias has no mailbox")
        expect("<sales@example.test>" in sandwich.ctl("recipient", "sales@example.test"), "Sendmail's own word")
        wait_for(lambda: _mailboxes(lab) == {"alice@example.test": [], "sales@example.test": []}, 10, f"the user list: {_mailboxes(lab)}")
        sandwich.delivered("alice", mark)
        sandwich.ctl("users", "remove", "alice@example.test", "sales@example.test")
        expect_equal([_says(lab, "smtp main", f"{name}@example.test") for name in ("alice", "nosuch")], ["known", "unknown"], "RCPT")
        text = (sandwich.root / DELIVERY_CF).read_text()
        sandwich.root.write("/etc/mail/novrfy.cf", re.sub(r"^(O PrivacyOptions=.*)$", r"\1,novrfy", text, flags=re.M))
        sandwich.stop_delivery()
        sandwich._start_sendmail("sm-deliv", "/etc/mail/novrfy.cf", "127.0.0.1", ports.delivery)
        try:
            wait_for(lambda: _says(lab, "vrfy main", "alice@example.test") == "cannot tell", 10, "novrfy")
            expect_equal(_says(lab, "vrfy main", "nosuch@example.test"), "cannot tell", "novrfy")
            expect_equal([_says(lab, "smtp main", f"{name}@example.test") for name in ("alice", "nosuch")], ["known", "unknown"], "RCPT")
        finally:
            sandwich.stop_delivery()
            sandwich.start_delivery()
        wait_for(lambda: _says(lab, "vrfy main", "alice@example.test") == "known", 10, "VRFY again")
    sandwich.make_maps()


def _mailboxes(lab):
    """{mailbox: its aliases}, as the user list has it."""
    lines = [line.split() for line in lab.sandwich.ctl("users", "list").splitlines()[1:]]
    return {words[0]: [word for word in words[1:] if "@" in word] for words in lines}


def _rcpt(lab, *recipients):
    """The codes of the replies at port 25."""
    codes = []
    with lab.session() as client:
        client.mail_from("s@outside.test")
        for recipient in recipients:
            try:
                client.rcpt_to(recipient)
                codes.append(250)
            except mail.Refused as refusal:
                codes.append(refusal.code)
    return codes


# What Sendmail answers, whatever its rules make of it, in a session that has asked before, when the socket is gone at the next question.
_SOCKET_LOST = b"socket_map_lookup(sandwichsocket)"


class _Senders:
    """Sessions with the inbound Sendmail, a message in each: one recipient who exists, one who does not."""

    def __init__(self, lab, count):
        self._lab, self._over, self.faults = lab, threading.Event(), []
        self.sent = []  # (mark, code for who exists, code for the stranger)
        self._threads = [threading.Thread(target=self._run) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def _run(self):
        try:
            while not self._over.wait(0.1):
                self._send(mail.token())
        except Exception as problem:  # told by the main thread
            self.faults.append(problem)

    def _send(self, mark):
        codes = []
        with self._lab.session() as client:
            client.mail_from("s@outside.test")
            for recipient in ("alice@example.test", "bob@example.test"):
                code, text = client.docmd(f"RCPT TO:<{recipient}>")
                if code == 451:
                    expect(_SOCKET_LOST in text, f"451 without a reason: {text}")
                codes.append(code)
            if 250 in codes:
                client.send_data(mail.message(mark))
            client.quit()
        self.sent.append((mark, *codes))

    def wait(self, what, enough):
        begin = len(self.sent)
        wait_for(lambda: self.faults or enough(self.sent[begin:]), 60, what)
        if self.faults:
            raise self.faults[0]

    def __len__(self):
        return len(self._threads)

    def stop(self):
        self._over.set()
        for thread in self._threads:
            thread.join()


def _socketmap_outage_under_load(lab):
    """sandwichd goes and comes back while sessions are open: whoever exists is never refused for good, and what was accepted is there
    once."""
    senders = _Senders(lab, 4)
    try:
        senders.wait("strangers are refused", lambda sent: len(sent) >= 4)
        lab.sandwich.stop_proxy()
        senders.wait("strangers are accepted", lambda sent: sum(stranger == 250 for _, _, stranger in sent) >= 4)
        lab.sandwich.start_proxy()
        senders.wait("strangers are refused again", lambda sent: sum(stranger == 550 for _, _, stranger in sent) >= 4)
    finally:
        senders.stop()
    expect_equal(senders.faults, [], "what went wrong after the last look")
    lab.sandwich.settle()
    codes = [(known, stranger) for _, known, stranger in senders.sent]
    lost = sum(451 in both for both in codes)
    expect({known for known, _ in codes} <= {250, 451}, f"who exists is refused: {codes}")
    expect({stranger for _, stranger in codes} <= {250, 451, 550}, f"replies to strangers: {codes}")
    expect(lost <= len(senders), f"more than one session of each sender lost its socket: {codes}")
    accepted = [mark for mark, known, _ in senders.sent if known == 250]
    arrived = [len(lab.sandwich.mailbox("alice", mark)) for mark in accepted]
    through = sum(stranger == 250 for _, stranger in codes)
    print(f"  socketmap gone: {len(codes)} messages, {arrived.count(1)} delivered, {through} strangers accepted meanwhile, {lost} told to come again, "
          f"0 misrejected, {arrived.count(0)} lost, {sum(count > 1 for count in arrived)} twice", flush=True)
    expect_equal(set(arrived), {1}, "how often each is there")
    expect(not any(lab.sandwich.mailbox("bob", mark) for mark, _, _ in senders.sent), "a stranger got mail")


def case_recipients_refused_at_port_25_by_the_socketmap(lab):
    need_system(lab)
    sandwich = lab.sandwich
    sandwich.root.write("/etc/sandwich/known", "alice@example.test\n")
    settings = f"[directory]\ndomains=example.test\nsources=list main\nsocketmap={SOCKETMAP}\n[source.list main]\nfile=/etc/sandwich/known\n"
    with _settings(lab, settings):
        wait_for(lambda: _says(lab, "list main", "bob@example.test") == "unknown", 10, "the list is quiet")
        sandwich.make_variants("--socketmap", SOCKETMAP, "--no-recipient-check")
        sandwich.stop_inbound()
        sandwich.start_inbound()
        try:
            expect_equal(_rcpt(lab, "alice@example.test", "bob@example.test", "Alice+x@example.test"), [250, 550, 250], "RCPT at port 25")
            expect(_doctor_of_socketmap(sandwich).startswith("ok"), f"the doctor: {_doctor_of_socketmap(sandwich)}")
            sandwich.stop_proxy()
            expect(_doctor_of_socketmap(sandwich).startswith("FAILURE"), f"the doctor: {_doctor_of_socketmap(sandwich)}")
            expect_equal(_rcpt(lab, "alice@example.test", "bob@example.test"), [250, 250], "RCPT without sandwichd")
            mark = mail.token()
            lab.send("s@outside.test", ["alice@example.test"], mail.message(mark))
            sandwich.start_proxy()
            sandwich.delivered("alice", mark)
            expect_equal(_rcpt(lab, "alice@example.test", "bob@example.test"), [250, 550], "RCPT with sandwichd again")
            _socketmap_outage_under_load(lab)
        finally:
            if sandwich.proxy_pid() is None:
                sandwich.start_proxy()
            sandwich.make_variants()
            sandwich.stop_inbound()
            sandwich.start_inbound()
