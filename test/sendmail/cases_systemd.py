"""The systemd units, under a real systemd: one machine, the scanner's box of sandwich-boxes(7), and InterScan VirusWall's way."""

import contextlib
import shutil

from lab import mail, systemd
from lab.case import Skip, expect, expect_equal, need_networks, need_system
from lab.sandwich import CHECKOUT, CONFIG, DELIVERY_CF, wait_for

_DAEMONS = ("sandwich-delivery.service", "sandwichd.service", "sandwich-inbound.service")


def _states(run):
    return run("systemctl", "is-active", *_DAEMONS).stdout.split()


def _expect_active(run, when):
    if _states(run) != ["active"] * 3:
        said = run("systemctl", "--no-pager", "--lines", "20", "status", *_DAEMONS).stdout
        raise AssertionError(f"not all active after {when}: {said[-3000:]}")


def _command(run, *arguments):
    done = run("systemctl", *arguments)
    status = "" if done.returncode == 0 else run("systemctl", "--no-pager", "status", *_DAEMONS).stdout[-1500:]
    expect_equal(done.returncode, 0, f"systemctl {' '.join(arguments)}: {done.stderr} {status}")


def case_systemd_units(lab):
    need_system(lab)
    need_networks(lab)
    if why := systemd.missing(lab.root):
        raise Skip(why)
    lab.sandwich.stop()
    shutil.copy(CHECKOUT / "etc/tmpfiles.d/sandwich.conf", lab.root / "/etc/tmpfiles.d/sandwich.conf")
    try:
        with systemd.booted(lab, sorted((CHECKOUT / "etc/systemd").glob("*.service"))) as run:
            _command(run, "start", "sandwich")
            _expect_active(run, "the start")
            _check_mail(lab)
            _command(run, "reload", "sandwich")
            # systemctl waits for sandwich.service only; the three follow it, and are "reloading" meanwhile.
            with contextlib.suppress(AssertionError):
                wait_for(lambda: _states(run) == ["active"] * 3, 30, "all three are active after the reload")
            _expect_active(run, "a reload")
            _check_reload_of_what_is_not_valid(lab, run)
            _check_restart_of_what_dies(run)
            _command(run, "restart", "sandwich")
            _expect_active(run, "a restart")
            _check_mail(lab)
            _command(run, "stop", "sandwich")
            # systemctl waits for sandwich.service only; the three follow it, in their order.
            wait_for(lambda: _states(run) == ["inactive"] * 3, 60, "all three are inactive after the stop")
            left = lambda: run("sh", "-c", "cat /proc/[0-9]*/comm | grep -E '^(sendmail|sandwichd)'").stdout  # noqa: E731
            wait_for(lambda: not left(), 20, "no process is left behind")
            _check_the_units_of_one_box(run)
            _check_isvw(lab, run)
    finally:
        lab.sandwich.start()


def _check_mail(lab):
    ports = lab.sandwich.ports  # a Sendmail in the foreground does not tell systemd when it is ready
    wait_for(lambda: lab.sandwich.listens((ports.inbound_address, ports.inbound)), 20, "the inbound Sendmail listens")
    clean, infected = mail.token(), mail.token()
    lab.send("s@outside.test", ["alice@example.test"], mail.message(clean))
    lab.send("s@outside.test", ["alice@example.test"], mail.message(infected, mail.EICAR + b"\r\n"))
    lab.sandwich.delivered("alice", clean)
    wait_for(lambda: lab.sandwich.quarantined(infected), 30, "the infected message is in the quarantine")
    expect(not lab.sandwich.mailbox("alice", infected), "infected mail reached alice")


def _check_reload_of_what_is_not_valid(lab, run):
    text = (lab.root / CONFIG).read_text()
    lab.root.write(CONFIG, text + "\n[no-such-section]\nkey=1\n")
    try:
        expect(run("systemctl", "reload", "sandwichd").returncode != 0, "a reload with what is not valid succeeds")
        wait_for(lambda: "no-such-section" in _journal(run), 10, "the journal says why")
        _expect_active(run, "a reload with what is not valid")
    finally:
        lab.root.write(CONFIG, text)
    _reload_proxy(run)


def _journal(run):
    return run("journalctl", "--unit=sandwichd", "--output=cat", "--no-pager").stdout


def _check_restart_of_what_dies(run):
    """systemd starts again what was killed."""
    main = run("systemctl", "show", "--property", "MainPID", "--value", "sandwichd.service").stdout.strip()
    run("kill", "-9", main)

    def restarted():
        now = run("systemctl", "show", "--property", "MainPID", "--value", "sandwichd.service").stdout.strip()
        return now not in ("0", main) and _states(run) == ["active"] * 3

    wait_for(restarted, 30, "sandwichd runs again after it was killed")


def _check_the_units_of_one_box(run):
    _command(run, "mask", "sandwich-delivery", "sandwich-inbound")
    _command(run, "start", "sandwich")
    expect_equal(_states(run), ["inactive", "active", "inactive"], "delivery, sandwichd, inbound on the scanner's box")
    _command(run, "stop", "sandwich")
    wait_for(lambda: _states(run) == ["inactive"] * 3, 60, "sandwichd is inactive after the stop")
    _command(run, "unmask", "sandwich-delivery", "sandwich-inbound")


def _check_isvw(lab, run):
    """The drop-ins: sandwichd may start a Sendmail that delivers, and what that leaves only the queue runner brings."""
    root, units = lab.root, lab.root / "/etc/systemd/system"
    text = (root / CONFIG).read_text()
    dropped = sorted(path.name for path in (CHECKOUT / "etc/systemd/isvw").iterdir())
    shutil.copytree(CHECKOUT / "etc/systemd/isvw", units, dirs_exist_ok=True)
    try:
        _command(run, "daemon-reload")
        _set_original(lab, text, "")
        _command(run, "start", "sandwich")
        _expect_active(run, "the start as with InterScan VirusWall")
        expect(not lab.sandwich.listens(("127.0.0.1", lab.sandwich.ports.delivery)), "the queue runner listens")
        # To a mailbox by a set-id agent, and to a file in the user's home.
        root.write("/home/bob/.forward", "\\bob, /home/bob/copy\n", "bob", "bob")
        try:
            _check_mail(lab)
            mark = mail.token()
            lab.send("s@outside.test", ["bob@example.test"], mail.message(mark))
            lab.sandwich.delivered("bob", mark)
            copy = root / "/home/bob/copy"
            wait_for(lambda: copy.exists() and mark in copy.read_text(), 20, "bob's own file has it")
        finally:
            (root / "/home/bob/.forward").unlink()
        _set_original(lab, text, " -odq")
        _command(run, "stop", "sandwich-delivery")
        _reload_proxy(run)
        mark = mail.token()
        lab.send("s@outside.test", ["alice@example.test"], mail.message(mark))
        wait_for(lambda: lab.sandwich.queue("mqueue-delivery"), 20, "the command has it in its queue")
        expect(not lab.sandwich.mailbox("alice", mark), "delivered without the queue runner")
        _command(run, "start", "sandwich-delivery")
        lab.sandwich.delivered("alice", mark)
        _command(run, "reload", "sandwich")
        wait_for(lambda: _states(run) == ["active"] * 3, 30, "all three are active after the reload")
        _command(run, "stop", "sandwich")
        wait_for(lambda: _states(run) == ["inactive"] * 3, 60, "all three are inactive after the stop")
    finally:
        for name in dropped:
            shutil.rmtree(units / name)
        root.write(CONFIG, text)


def _reload_proxy(run):
    """Waits until the new configuration is in use: systemctl returns when the signal is sent."""
    reloads = lambda: _journal(run).count("reloaded: ")  # noqa: E731
    before = reloads()
    _command(run, "reload", "sandwichd")
    wait_for(lambda: reloads() > before, 30, "the new configuration is in use")


def _set_original(lab, text, option):
    command = f"/usr/lib/sendmail -bs -C{DELIVERY_CF}{option}"
    lab.root.write(CONFIG, text.replace("[smtp]\n", f"[smtp]\noriginal={command}\n"))
