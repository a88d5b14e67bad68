"""The init script: order, exit statuses, and mail through what it started."""

import re
import shutil

from lab import mail
from lab.case import expect, expect_equal, need_system
from lab.sandwich import CHECKOUT, CONFIG, DELIVERY_CF, wait_for

_SCRIPT = "/etc/init.d/sandwich"
_NAMES = ("inbound", "proxy", "delivery")


def _init(lab, *arguments, wanted=0):
    done = lab.sandwich.inside(_SCRIPT, *arguments, timeout=120)
    expect_equal(done.returncode, wanted, f"exit status of `sandwich {' '.join(arguments)}`, which said {done.stdout!r}")
    return done.stdout


def _with_init_script(lab, body):
    need_system(lab)
    shutil.copy(CHECKOUT / "etc/init.d/sandwich", lab.root / _SCRIPT)
    lab.root.write("/etc/default/sandwich", "INBOUND_QUEUE_INTERVAL=3s\nDELIVERY_QUEUE_INTERVAL=3s\n")
    lab.sandwich.stop()
    try:
        body()
    finally:
        lab.sandwich.inside(_SCRIPT, "stop", timeout=120)
        lab.sandwich.start()


def case_init_start_status_stop(lab):
    def body():
        _init(lab, "status", wanted=3)
        said = _init(lab, "start")
        expect_equal(re.findall(r"(\w+) started", said), ["delivery", "proxy", "inbound"], "order of the start")
        _init(lab, "start")  # again: nothing to do, no failure
        for name in _NAMES:
            expect("runs, pid" in _init(lab, "status", name), f"status of {name}")
        mark = mail.token()
        lab.send("s@outside.test", ["alice@example.test"], mail.message(mark))
        lab.sandwich.delivered("alice", mark)
        for ident in ("sm-in", "sm-deliv"):
            expect(lab.sandwich.log(ident, mark), f"the log has lines of {ident}")
        said = _init(lab, "stop")
        expect_equal(re.findall(r"(\w+) stopped", said), ["inbound", "proxy", "delivery"], "order of the stop")
        _init(lab, "status", wanted=3)
        _init(lab, "stop")  # again
        expect(not _sendmails(lab), f"left running: {_sendmails(lab)}")

    _with_init_script(lab, body)


def case_init_status_tells_which_daemon_is_down(lab):
    def body():
        _init(lab, "start")
        for name in _NAMES:
            _init(lab, "stop", name)
            _init(lab, "status", name, wanted=3)
            said = _init(lab, "status", wanted=3)
            expect_equal(re.findall(r"(\w+) does not run", said), [name], "daemons that do not run")
            for other in set(_NAMES) - {name}:
                _init(lab, "status", other)
            _init(lab, "start", name)
            _init(lab, "status")
        # Killed: the pid file stays behind.
        lab.sandwich.inside("/bin/sh", "-c", f"kill -9 $(head -n 1 {_pid_file(lab)})")
        wait_for(lambda: not lab.sandwich.listens(("127.0.0.1", 25)), 10, "the inbound Sendmail is dead")
        _init(lab, "status", "inbound", wanted=1)
        _init(lab, "start", "inbound")

    _with_init_script(lab, body)


def case_init_restart_and_reload(lab):
    def body():
        _init(lab, "reload", wanted=7)
        _init(lab, "try-restart")
        _init(lab, "status", wanted=3)  # it was not running, so try-restart leaves it so
        _init(lab, "start")
        _init(lab, "reload")
        wait_for(lambda: all("runs, pid" in _status(lab, name) for name in _NAMES), 20, "all run after a reload")
        _init(lab, "restart")
        _init(lab, "status")
        mark = mail.token()
        lab.send("s@outside.test", ["alice@example.test"], mail.message(mark))
        lab.sandwich.delivered("alice", mark)

    _with_init_script(lab, body)


def case_init_isvw_runs_the_queue_that_the_command_leaves(lab):
    def body():
        text = (lab.root / CONFIG).read_text()
        lab.root.write(CONFIG, text.replace("[smtp]\n", f"[smtp]\noriginal=/usr/lib/sendmail -bs -odq -C{DELIVERY_CF}\n"))
        with open(lab.root / "/etc/default/sandwich", "a", encoding="ascii") as settings:
            settings.write("DELIVERY_MODE=isvw\n")
        try:
            said = _init(lab, "start")
            expect_equal(re.findall(r"(\w+) started", said), ["delivery", "proxy", "inbound"], "order of the start")
            expect(not lab.sandwich.listens(("127.0.0.1", lab.sandwich.ports.delivery)), "the queue runner listens")
            _init(lab, "start")  # again: it is seen to run
            _init(lab, "stop", "delivery")
            mark = mail.token()
            lab.send("s@outside.test", ["alice@example.test"], mail.message(mark))
            wait_for(lambda: lab.sandwich.queue("mqueue-delivery"), 20, "the command has it in its queue")
            expect(not lab.sandwich.mailbox("alice", mark), "delivered without the queue runner")
            _init(lab, "start", "delivery")
            lab.sandwich.delivered("alice", mark)
            _init(lab, "status")
            said = _init(lab, "stop")
            expect_equal(re.findall(r"(\w+) stopped", said), ["inbound", "proxy", "delivery"], "order of the stop")
        finally:
            lab.sandwich.inside(_SCRIPT, "stop", timeout=120)
            lab.root.write(CONFIG, text)
        lab.root.write("/etc/default/sandwich", "DELIVERY_MODE=none\n")
        _init(lab, "start", wanted=6)
        lab.root.write("/etc/default/sandwich", "")

    _with_init_script(lab, body)


def case_init_starts_the_daemons_of_this_box(lab):
    """As on the scanner box of sandwich-boxes(7)."""
    def body():
        lab.root.write("/etc/default/sandwich", "DAEMONS=proxy\n")
        expect_equal(re.findall(r"(\w+) started", _init(lab, "start")), ["proxy"], "started")
        expect_equal(re.findall(r"(\w+) runs, pid", _init(lab, "status")), ["proxy"], "what the status is about")
        _init(lab, "status", "delivery", wanted=3)
        expect_equal(re.findall(r"(\w+) stopped", _init(lab, "stop")), ["proxy"], "stopped")
        lab.root.write("/etc/default/sandwich", 'DAEMONS="proxy scanner"\n')
        expect("not scanner" in _init(lab, "start", wanted=6), "the reason")
        lab.root.write("/etc/default/sandwich", "")

    _with_init_script(lab, body)


def case_init_refuses_what_it_cannot_do(lab):
    def body():
        _init(lab, wanted=2)
        _init(lab, "dance", wanted=2)
        _init(lab, "start", "nobody", wanted=2)
        inbound = lab.root / "/etc/mail/sandwich-in.cf"
        text = inbound.read_bytes()
        inbound.unlink()
        try:
            expect("sandwich-in.cf is missing" in _init(lab, "start", "inbound", wanted=6), "the reason")
        finally:
            inbound.write_bytes(text)

    _with_init_script(lab, body)


def _status(lab, name):
    return lab.sandwich.inside(_SCRIPT, "status", name).stdout


def _pid_file(lab):
    text = (lab.root / "/etc/mail/sandwich-in.cf").read_text()
    return re.findall(r"(?m)^O PidFile=(\S+)", text)[-1]


def _sendmails(lab):
    done = lab.sandwich.inside("/bin/sh", "-c", "cat /proc/[0-9]*/comm 2>/dev/null; true")
    return [name for name in done.stdout.split() if name.startswith(("sendmail", "sandwichd"))]
