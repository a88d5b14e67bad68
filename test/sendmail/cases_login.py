"""Passwords that a real Sendmail knows by SMTP AUTH: sandwichctl auth-test against one with SASL, as Debian packages both."""

import contextlib
import re
import subprocess

from cases_tls import make_certificates
from lab import packages
from lab.case import expect, expect_equal, need_system
from lab.sandwich import DELIVERY_CF, wait_for

_PORT = 10587
_PASSWORD = "wonder land"
_CONTROL = {"control_user": "control@example.test", "control_password_file": "/etc/sandwich/control"}
_CONTROL_PASSWORD = "known to be good"
_RIGHT, _WRONG, _LATER = 0, 1, 75  # exit status of auth-test
_SASL = "pwcheck_method: saslauthd\nmech_list: PLAIN LOGIN\n"


def _configuration(root, name, mechanisms, options=""):
    """A variant of the delivery Sendmail that lets users log in. Returns its path."""
    text = (root / DELIVERY_CF).read_text()
    text = re.sub(r"(?m)^O (DaemonPortOptions|AuthMechanisms|AuthOptions|CACert\w+|Server(?:Cert|Key)File)\b.*\n", "", text)
    text = re.sub(r"(?m)^O (PidFile|ControlSocketName|StatusFile)=.*$", r"O \1=/run/sendmail/mta/login.\1", text)
    tls = "".join(f"O {option}=/etc/mail/tls/{file}\n" for option, file in (
        ("CACertPath", ""), ("CACertFile", "ca.pem"), ("ServerCertFile", "localhost.pem"), ("ServerKeyFile", "localhost.key")))
    head = f"O DaemonPortOptions=Name=login, Family=inet, Addr=127.0.0.1, Port={_PORT}\nO AuthMechanisms={mechanisms}\n{options}{tls}"
    path = f"/etc/mail/{name}.cf"
    root.write(path, text.replace("O QueueDirectory=", head + "O QueueDirectory=", 1))
    return path


@contextlib.contextmanager
def _saslauthd(lab):
    root = lab.sandwich.root
    command = ["chroot", root.path, "/usr/sbin/saslauthd", "-d", "-a", "sasldb", "-n", "1", "-m", "/run/saslauthd"]
    with lab.sandwich.network.inside(), open(root / "/var/log/saslauthd.out", "ab") as output:
        daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=0)
    try:
        wait_for(lambda: (root / "/run/saslauthd/mux").exists() or daemon.poll() is not None, 10, "saslauthd listens")
        expect(daemon.poll() is None, "saslauthd ended")
        yield
    finally:
        daemon.terminate()
        daemon.wait(10)
        (root / "/run/saslauthd/mux").unlink(missing_ok=True)


@contextlib.contextmanager
def _sendmail(lab, configuration):
    sandwich = lab.sandwich
    sandwich._start_sendmail("sm-login", configuration, "127.0.0.1", _PORT)
    try:
        yield
    finally:
        sandwich._stop_sendmail("sm-login")


def _log_in(lab, address, password, **keys):
    """(exit status, what was said)"""
    settings = {"type": "smtp", "server": f"localhost:{_PORT}", "tls": "starttls", "tls_ca_file": "/etc/mail/tls/ca.pem", "timeout": "20s", **keys}
    lab.sandwich.root.write("/etc/sandwich/login.ini", "[general]\nlogin=mail\n[login mail]\n" + "".join(f"{k}={v}\n" for k, v in settings.items()))
    done = lab.sandwich.inside("/usr/local/sbin/sandwichctl", "-c", "/etc/sandwich/login.ini", "auth-test", address, input=password + "\n")
    expect(not any(secret in done.stdout for secret in (password, _CONTROL_PASSWORD)), f"a password was printed: {done.stdout}")
    return done.returncode, done.stdout


def case_passwords_that_sendmail_knows(lab):
    need_system(lab)
    root = lab.sandwich.root
    for package in packages.sasl():
        root._unpack(package)
    root.write("/etc/sasl2/Sendmail.conf", _SASL)
    (root / "/run/saslauthd").mkdir(exist_ok=True)
    make_certificates(root)
    for user, password in (("alice", _PASSWORD), ("control", _CONTROL_PASSWORD)):
        root.run("/usr/sbin/saslpasswd2", "-p", "-c", "-u", "example.test", user, input=password.encode())
    root.write(_CONTROL["control_password_file"], _CONTROL_PASSWORD + "\n", mode=0o600)
    for mechanism in ("PLAIN", "LOGIN"):
        with _sendmail(lab, _configuration(root, "login", mechanism, "O AuthOptions=p\n")):
            with _saslauthd(lab):
                for address, password, keys, wanted in (
                        ("alice@example.test", _PASSWORD, {}, _RIGHT), ("alice@example.test", "mistaken!", {}, _WRONG),
                        ("nobody@example.test", _PASSWORD, {}, _WRONG), ("alice@example.test", _PASSWORD, {"tls": "off"}, _LATER),
                        ("alice@example.test", "mistaken!", _CONTROL, _WRONG), ("control@example.test", "mistaken!", _CONTROL, _WRONG)):
                    status, told = _log_in(lab, address, password, **keys)
                    expect_equal(status, wanted, f"{mechanism}, {address}, {password}, {keys}: {told}")
                told = lab.sandwich.log("sm-login", "AUTH=server", f"mech={mechanism}")
                expect_equal(len(told), 3, f"log-ins by {mechanism}: alice once, control_user twice")
            # Sendmail's reply is 535 whatever keeps SASL from saying yes; only its log tells "generic failure". So the manual says.
            status, told = _log_in(lab, "alice@example.test", _PASSWORD)
            expect_equal((status, "535 5.7.0" in told), (_WRONG, True), f"without saslauthd: {told}")
            for address, password in (("alice@example.test", _PASSWORD), ("alice@example.test", "mistaken!"),
                                      ("control@example.test", _CONTROL_PASSWORD)):
                status, told = _log_in(lab, address, password, **_CONTROL)
                expect_equal((status, "but it refuses even control_user: 535 5.7.0" in told), (_LATER, True), f"{address}, {password}: {told}")
            with _saslauthd(lab):
                for password, wanted in ((_PASSWORD, _RIGHT), ("mistaken!", _WRONG)):
                    status, told = _log_in(lab, "alice@example.test", password, **_CONTROL)
                    expect_equal(status, wanted, f"with saslauthd again, {password}: {told}")
            expect(lab.sandwich.log("sm-login", f"AUTH failure ({mechanism}): generic failure"), "Sendmail does not know that SASL has failed")
        status, told = _log_in(lab, "alice@example.test", _PASSWORD)
        expect_equal(status, _LATER, f"without Sendmail: {told}")
