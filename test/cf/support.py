"""Shared by the tests of sandwich-cf: running it, building configurations with Debian's m4 files, talking to Sendmail.

Every Sendmail here is a private one: own configuration, own maps and queue in a temporary directory, no daemon, no DNS
(its service switch knows files only).
"""

import functools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
TOOL = os.path.join(TOP, "scripts", "sandwich-cf")
OLD_STYLE = os.path.join(HERE, "old-style.cf")
ANCIENT = os.path.join(HERE, "ancient.cf")
M4_DIR = "/usr/share/sendmail/cf/"

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TOP, "scripts"))

HOST = "mx.example.test"


def sendmail_path():
    for path in ("/usr/sbin/sendmail-mta", "/usr/lib/sendmail-mta"):
        if os.access(path, os.X_OK):
            return path
    return None


@functools.cache
def named():
    """Command prefix that gives Sendmail a qualified host name (without one it sleeps a minute at start), or None."""
    command = ["unshare", "--uts", "sh", "-c", f'hostname {HOST} && exec "$@"', "sh"]
    try:
        if subprocess.run(command + ["true"], capture_output=True, check=False).returncode == 0:
            return command
    except OSError:
        pass
    return [] if "." in socket.gethostname() else None


needs_m4 = unittest.skipUnless(os.path.isdir(M4_DIR) and shutil.which("m4"), "needs sendmail-cf and m4")
needs_sendmail = unittest.skipUnless(sendmail_path() and os.path.isdir(M4_DIR) and shutil.which("m4")
                                     and named() is not None,
                                     "needs sendmail-bin, sendmail-cf, m4, and root or a qualified host name")


def run_tool(*arguments, env=None):
    """sandwich-cf with these arguments: CompletedProcess with text output."""
    return subprocess.run([TOOL, *map(str, arguments)], capture_output=True, encoding="latin-1", check=False,
                          env={**os.environ, **(env or {})}, timeout=200)


def read(path):
    with open(path, encoding="latin-1", newline="") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="latin-1", newline="") as file:
        file.write(text)
    return path


DEBIAN_MC = """\
VERSIONID(`sandwich-cf test')
OSTYPE(`debian')dnl
DOMAIN(`debian-mta')dnl
undefine(`confHOST_STATUS_DIRECTORY')dnl
{before}
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Family=inet,  Name=MTA-v4, Port=smtp, Addr=127.0.0.1')dnl
DAEMON_OPTIONS(`Family=inet,  Name=MSP-v4, Port=submission, M=Ea, Addr=127.0.0.1')dnl
define(`confPRIVACY_FLAGS',`needmailhelo,needexpnhelo,needvrfyhelo,restrictqrun,restrictexpand,nobodyreturn,authwarnings')dnl
define(`confCONNECTION_RATE_THROTTLE', `15')dnl
FEATURE(`use_cw_file')dnl
FEATURE(`access_db', , `skip')dnl
FEATURE(`greet_pause', `1000')dnl
FEATURE(`delay_checks', `friend', `n')dnl
FEATURE(`conncontrol', `nodelay', `terminate')dnl
FEATURE(`ratecontrol', `nodelay', `terminate')dnl
{features}
MAILER_DEFINITIONS
MAILER(`local')dnl
MAILER(`smtp')dnl
{mailers}
"""


def m4(before="", features="", mailers=""):
    """Text of a sendmail.cf made from Debian's m4 files, with lines added to Debian's own sendmail.mc."""
    source = DEBIAN_MC.format(before=before, features=features, mailers=mailers)
    run = subprocess.run(["m4", f"-I{M4_DIR}", f"-D_CF_DIR_={M4_DIR}", f"{M4_DIR}m4/cf.m4", "-"], input=source,
                         capture_output=True, encoding="latin-1", check=True)
    return run.stdout


class TempCase(unittest.TestCase):
    """A test with a temporary directory."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="sandwich-cf.")
        os.chmod(self.dir, 0o755)
        self.addCleanup(shutil.rmtree, self.dir)

    def path(self, name):
        return os.path.join(self.dir, name)

    def make(self, source, *options, name="out", ok=True):
        """Both variants of a file (path): (inbound path, delivery path, CompletedProcess)."""
        inbound, delivery = self.path(f"{name}-in.cf"), self.path(f"{name}-deliv.cf")
        run = run_tool(source, "--inbound", inbound, "--delivery", delivery, "--no-validate", *options)
        if ok:
            self.assertEqual(run.returncode, 0, run.stderr)
        return inbound, delivery, run


class PrivateSendmail:
    """A set-up of its own in a directory: configuration, aliases, maps, queue."""

    def __init__(self, directory, before="", features="", mailers="", edit=None):
        self.dir = directory
        self.aliases = self.file("aliases", "")
        self.local_names = self.file("local-host-names", "")
        self.file("switch", "hosts files\naliases files\npasswd files\n")
        os.makedirs(os.path.join(directory, "queue"), exist_ok=True)
        os.chmod(os.path.join(directory, "queue"), 0o700)
        self.file("access", "")
        self.map("access", "")
        text = m4(before, features, mailers)
        for old, new in (("/etc/mail/", directory + "/"), ("/var/spool/mqueue", directory + "/queue"),
                         ("R<?> <$*>\t\t$# 1000", "R<?> <$*>\t\t$# 0"),
                         ("#O ServiceSwitchFile=", "O ServiceSwitchFile="), ("/service.switch", "/switch"),
                         ("/var/lib/sendmail/", directory + "/"), ("O TrustedUser=smmta", "#O TrustedUser="),
                         ("/var/run/sendmail/mta/", directory + "/")):
            text = text.replace(old, new)
        if edit:
            text = edit(text)
        self.cf = self.file("sendmail.cf", text)

    def file(self, name, text):
        return write(os.path.join(self.dir, name), text)

    def map(self, name, text, kind="hash"):
        """A database map from 'key value' lines."""
        source = os.path.join(self.dir, name)
        subprocess.run(["makemap", kind, source], input=text.encode(), check=True, capture_output=True)
        return source

    def command(self, cf, *arguments):
        return [*named(), sendmail_path(), "-Am", f"-C{cf}", *arguments]

    def new_aliases(self, text):
        write(self.aliases, text)
        run = subprocess.run(self.command(self.cf, "-bi"), capture_output=True, encoding="latin-1", check=False)
        if run.returncode != 0:
            raise AssertionError(run.stdout + run.stderr)

    def test_mode(self, cf, *lines):
        """-bt with these input lines: the output."""
        run = subprocess.run(self.command(cf, "-bt"), input="\n".join(lines) + "\n", capture_output=True,
                             encoding="latin-1", check=False, timeout=60)
        return run.stdout + run.stderr

    def resolve_all(self, cf, addresses):
        """{address: what rule set 0 says of it}."""
        answers = {}
        chunks = self.test_mode(cf, *(f"3,0 {address}" for address in addresses)).split("\n> ")[1:]
        for address, chunk in zip(addresses, chunks):
            found = [line.split("returns:", 1)[1].strip() for line in chunk.splitlines()
                     if line.lstrip("> ").startswith("parse ") and "returns:" in line]
            if not found:
                raise AssertionError(f"no answer for {address}: {chunk}")
            answers[address] = found[-1]
        return answers

    def resolve(self, cf, address):
        return self.resolve_all(cf, [address])[address]

    def recipients(self, cf, *recipients, sender="<>"):
        """RCPT for each in one -bs session: {recipient: reply}."""
        with subprocess.Popen(self.command(cf, "-bs"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT) as process:
            def ask(line):
                if line is not None:
                    process.stdin.write(line.encode() + b"\r\n")
                    process.stdin.flush()
                while True:
                    reply = process.stdout.readline().decode("latin-1").rstrip()
                    if not reply or reply[3:4] != "-":
                        return reply

            greeting = ask(None)
            if not greeting.startswith("220"):
                raise AssertionError(greeting)
            ask("EHLO client.example.net")
            ask(f"MAIL FROM:{sender}")
            replies = {r: ask(f"RCPT TO:<{r}>") for r in recipients}
            ask("QUIT")
            process.stdin.close()
            process.wait(timeout=30)
        return replies
