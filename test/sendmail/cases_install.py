"""scripts/run --install into a private root: what it puts there works, and what is there already is respected."""

import os
import stat
import subprocess

from lab import mail
from lab.case import Skip, expect, expect_equal, need_system
from lab.sandwich import CHECKOUT, CONFIG, DELIVERY_QUEUE

_PROGRAMS = ["/usr/local/sbin/sandwichd", "/usr/local/sbin/sandwichctl", "/usr/local/sbin/sandwich-cf"]
_INIT = "/etc/init.d/sandwich"


def _installer(lab, action, wanted=0):
    environment = dict(os.environ, DESTDIR=str(lab.root.path), SANDWICH_BUILD_DIR=str(lab.sandwich.build))
    done = subprocess.run(
        [CHECKOUT / "scripts/run", action],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    expect_equal(done.returncode, wanted, f"exit status of scripts/run {action}, which said {done.stdout[-1500:]!r}")
    return done.stdout


def _signatures(lab, text):
    """What an administrator would do for a trial without freshclam."""
    return text.replace("[scanner.clamav]", "[scanner.clamav]\nallow_test_signatures=yes", 1)


def case_installed_sandwich_runs(lab):
    need_system(lab)
    if not (lab.sandwich.build / "build.ninja").exists():
        raise Skip(f"{lab.sandwich.build} is not a build directory of Meson")
    root = lab.root
    lab.sandwich.stop()
    kept = (root / CONFIG).read_text()
    source = (root / "/etc/mail/sendmail.cf").read_bytes()
    for inside in [CONFIG, "/etc/default/sandwich", _INIT, "/etc/mail/sandwich-in.cf", "/etc/mail/sandwich-deliv.cf", *_PROGRAMS]:
        (root / inside).unlink(missing_ok=True)
    try:
        said = _installer(lab, "--install")
        for inside in [CONFIG, _INIT, *_PROGRAMS]:
            expect(os.path.lexists(root / inside), f"{inside} is missing after: {said}")
        expect_equal((root / "/etc/mail/sendmail.cf").read_bytes(), source, "sendmail.cf of the distribution")
        _check_queue(root)
        sample = (root / CONFIG).read_text()
        (root / CONFIG).write_text(_signatures(lab, sample))
        _check_mail(lab)
        _check_second_install(lab)
        _check_uninstall(lab)
    finally:
        lab.sandwich.inside("/bin/sh", "-c", f"[ ! -x {_INIT} ] || {_INIT} stop", timeout=120)
        lab.sandwich.install_daemon()
        root.write(CONFIG, kept)
        lab.sandwich.make_variants()
        lab.sandwich.start()


def _check_queue(root):
    ours, theirs = (root / DELIVERY_QUEUE).stat(), (root / "/var/spool/mqueue").stat()
    found = (ours.st_uid, ours.st_gid, stat.S_IMODE(ours.st_mode))
    expect_equal(found, (theirs.st_uid, theirs.st_gid, stat.S_IMODE(theirs.st_mode)), "owner and mode of the delivery queue")


def _check_mail(lab):
    done = lab.sandwich.inside(_INIT, "start", timeout=120)
    expect_equal(done.returncode, 0, f"init script start: {done.stdout}")
    clean, infected = mail.token(), mail.token()
    lab.send("s@outside.test", ["alice@example.test"], mail.message(clean))
    lab.send("s@outside.test", ["alice@example.test"], mail.message(infected, mail.EICAR + b"\r\n"))
    lab.sandwich.delivered("alice", clean)
    lab.sandwich.settle(patience=90)
    expect(not lab.sandwich.mailbox("alice", infected), "infected mail reached alice")
    expect_equal(len(lab.sandwich.quarantined(infected)), 1, "entries in the quarantine")
    expect_equal(lab.sandwich.inside("/usr/local/sbin/sandwichctl", "status").returncode, 0, "sandwichctl status, without options")


def _check_second_install(lab):
    edited = (lab.root / CONFIG).read_text()
    said = _installer(lab, "--install")
    expect_equal((lab.root / CONFIG).read_text(), edited, "the edited sandwich.ini")
    expect("is yours and stays" in said and (lab.root / (CONFIG + ".new")).exists(), f"the new sample lies beside it: {said}")


def _check_uninstall(lab):
    done = lab.sandwich.inside(_INIT, "stop", timeout=120)
    expect_equal(done.returncode, 0, f"init script stop: {done.stdout}")
    waiting = lab.root / f"{DELIVERY_QUEUE}/qfwaiting"
    waiting.touch()
    said = _installer(lab, "--uninstall", wanted=1)
    expect("1 messages wait" in said, said)
    waiting.unlink()
    _installer(lab, "--uninstall")
    for inside in [_INIT, "/etc/mail/sandwich-in.cf", "/etc/mail/sandwich-deliv.cf", *_PROGRAMS]:
        expect(not os.path.lexists(lab.root / inside), f"{inside} is still there")
    for inside in (CONFIG, "/var/lib/sandwich/quarantine", "/etc/mail/sendmail.cf"):
        expect((lab.root / inside).exists(), f"{inside} is gone")
