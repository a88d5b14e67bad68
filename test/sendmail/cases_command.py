"""[smtp] original: real Sendmail as a command (-bs -C), as InterScan VirusWall starts it; what it leaves in its queue the delivery daemon
runs, which has the same configuration and queue."""

import contextlib
import os
import signal

from lab import mail
from lab.case import expect, expect_equal, need_system
from lab.sandwich import CONFIG, DELIVERY_CF, wait_for

_COMMAND = f"/usr/lib/sendmail -bs -C{DELIVERY_CF}"


def _reload(lab):
    before = len(lab.sandwich.log("sandwichd[", "reloaded"))
    os.kill(lab.sandwich.proxy_pid(), signal.SIGHUP)
    wait_for(lambda: len(lab.sandwich.log("sandwichd[", "reloaded")) > before, 30, "the configuration is in use")


@contextlib.contextmanager
def _original(lab):
    """Yields what makes a user run a command for delivery; at the end all is as before."""
    need_system(lab)
    path = lab.root / CONFIG
    text = path.read_text()

    def use(user, command=_COMMAND, more=""):
        lab.root.write(CONFIG, text.replace("[smtp]\n", f"[smtp]\noriginal={command}\noriginal_user={user}\n{more}"))
        _reload(lab)

    try:
        yield use
    finally:
        lab.root.write(CONFIG, text)
        _reload(lab)


def _processes(lab):
    """The command's processes: children of the supervisor that are no sandwichd."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{name}/stat", encoding="latin-1") as file:
                state, parent = file.read().rsplit(")", 1)[1].split()[:2]
            with open(f"/proc/{name}/comm", encoding="latin-1") as file:
                comm = file.read().strip()
            if int(parent) == lab.sandwich.proxy_pid() and not comm.startswith("sandwichd"):
                found.append((int(name), comm, state))
    return found


def _send(lab, user):
    mark = mail.token()
    lab.send("erin@example.test", [f"{user}@example.test", "ann@remote.test"], mail.message(mark), from_mx=True)
    return user, mark


def _arrived_once(lab, sent):
    lab.sandwich.settle()
    for user, mark in sent:
        lab.sandwich.delivered(user, mark, patience=20)
        lab.arrived(lab.sink, mark, patience=20)


def case_command_delivers_as_root_and_as_the_owner_of_the_queue(lab):
    with _original(lab) as use:
        for user, option in (("root", ""), ("smmta", " -odq")):
            use(user, _COMMAND + option, "downstream_idle_timeout=2s\n")
            # To different mailboxes: two deliveries to one wait for each other's lock for seconds.
            sent = [_send(lab, name) for name in ("alice", "bob", "carol")]
            wait_for(lambda: not lab.sandwich.queue("mqueue"), 20, "the command has taken them")
            used = _processes(lab)
            # One for each loop of the proxy, at most, takes one message after the other.
            expect(1 <= len(used) <= 4, f"the command's processes as {user}: {used}")
            expect_equal({(comm, state == "Z") for _, comm, state in used}, {("sendmail", False)}, f"the command's processes as {user}")
            # Killed while they wait for the next message: that one goes over another.
            for pid, _, _ in used:
                os.kill(pid, signal.SIGKILL)
            sent.append(_send(lab, "dave"))
            _arrived_once(lab, sent)
            lines = lab.sandwich.log("sendmail[", f"msgid=<{sent[0][1]}@")
            expect(any("relay=localhost [127.0.0.1]" in line for line in lines), f"the delivery Sendmail's lines: {lines}")
            wait_for(lambda: not _processes(lab), 20, "the command's processes end, and none is a zombie")


def case_command_that_may_not_use_the_queue_keeps_mail_waiting(lab):
    with _original(lab) as use:
        use("daemon", more="downstream_idle_timeout=2s\n")
        user, mark = _send(lab, "alice")
        wait_for(lambda: lab.sandwich.log("downstream_down: command", "451"), 20, "the log says why")
        wait_for(lambda: lab.sandwich.log("sm-in", "stat=Deferred"), 20, "it waits with the inbound Sendmail")
        expect(not lab.sandwich.mailbox(user, mark), "delivered all the same")
    _arrived_once(lab, [(user, mark)])
