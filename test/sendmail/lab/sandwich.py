"""The three daemons in a private root: inbound Sendmail, sandwichd, delivery Sendmail, with Debian's own sendmail.cf made into
the two variants by scripts/sandwich-cf."""

import contextlib
import dataclasses
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import threading
import time

from . import mail

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]
HOST, DOMAIN = "mx.example.test", "example.test"
USERS = ["alice", "bob", "carol", "dave", "erin", "frank"]
CONTROL_SOCKET, PID_FILE = "/run/sandwich/control", "/run/sandwich/sandwichd.pid"
INBOUND_CF, DELIVERY_CF = "/etc/mail/sandwich-in.cf", "/etc/mail/sandwich-deliv.cf"
DELIVERY_QUEUE = "/var/spool/mqueue-delivery"
CHECKOUT_INSIDE = "/run/sandwich-checkout"
CONFIG = "/etc/sandwich/sandwich.ini"
DATA = "/usr/local/share/sandwich"
# Messages that wait are tried again this often, seconds. An administrator would say minutes.
QUEUE_INTERVAL = 3


@dataclasses.dataclass
class Ports:
    """Where the daemons listen; `inbound_address` is what a client connects to."""

    inbound_address: str
    inbound: int = 25
    scanner: int = 18000
    delivery: int = 19000


@dataclasses.dataclass
class Box:
    """A machine of the lab: where it is, and what it has of its own beside its network."""

    network: object
    address: str = "127.0.0.1"  # where its daemon listens for the one before it
    host: str = ""  # its name; empty: the lab's
    files: dict = dataclasses.field(default_factory=dict)  # path in the private root: path there of what this box has in its place

    def command(self, root, command):
        """What runs `command` in the private root, as this box sees it."""
        steps = [shlex.join(("mount", "--bind", str(root / own), str(root / inside))) for inside, own in self.files.items()]
        steps += [f"hostname {self.host}"] if self.host else []
        if not steps:
            return ["chroot", root.path, *command]
        return ["unshare", "--mount", "--uts", "sh", "-c", " && ".join([*steps, 'exec chroot "$@"']), "sh", root.path, *command]


@dataclasses.dataclass
class Boxes:
    """Which daemon is on which box; on one of them all, unless a case wants it otherwise."""

    inbound: Box
    scanner: Box
    delivery: Box


class Sandwich:
    """`network` is the mx host's. `build` is a build directory. `syslog` collects the mail log. Nothing runs yet."""

    def __init__(self, root, network, ports, build, syslog):
        self.root, self.network, self.ports = root, network, ports
        self.boxes = Boxes(*[Box(network)] * 3)
        self.build = pathlib.Path(build)
        self._syslog = syslog
        self._daemons = {}
        if root.copy_on_write:
            root.bind(CHECKOUT, CHECKOUT_INSIDE, read_only=True)
        self.install_daemon()
        self.write_config()

    # -- configuration -------------------------------------------------------------------------------------------------

    def install_daemon(self, sandwichd="proxy/sandwichd"):
        """The programs and what they need, without scripts/run --install. `sandwichd`: below the build directory."""
        (self.root / "/usr/local/sbin").mkdir(parents=True, exist_ok=True)
        for name, source in (("sandwichd", sandwichd), ("sandwichctl", "proxy/sandwichctl")):
            target = self.root / f"/usr/local/sbin/{name}"
            target.unlink(missing_ok=True)
            shutil.copy(self.build / source, target)
        shutil.copytree(CHECKOUT / "etc/test-signatures", self.root / f"{DATA}/test-signatures", dirs_exist_ok=True)
        stores = [f"/var/lib/sandwich/{name}" for name in ("quarantine", "journal", "why", "users")]
        for inside in (*stores, "/var/spool/sandwich", "/run/sandwich"):
            (self.root / inside).mkdir(parents=True, exist_ok=True)
            self.root.give(inside, "sandwich", "sandwich", 0o750)
        if self.root.copy_on_write:
            self.root.give("/run/sandwich", "root", "sandwich", 0o755)

    def write_config(self, extra="", delivery="127.0.0.1"):
        """sandwich.ini; `extra` is appended, whole sections. `delivery`: the address of the delivery Sendmail."""
        self.root.write(
            CONFIG,
            f"""{self.local_sections()}[socket_1]
proxy_service=SMTP_SERVICE
proxy_addr=127.0.0.1
proxy_port={self.ports.scanner}
[smtp]
downstream_smtp_server_addr={delivery}
downstream_smtp_server_port={self.ports.delivery}
{extra}""",
        )

    def local_sections(self):
        """Of sandwich.ini: files, accounts, log and signatures, which have nothing to do with where the boxes are."""
        path = self._proxy_path
        accounts = "user=sandwich\nscan_user=sandwich-scan\n" if self.root.copy_on_write else ""
        return f"""[general]
{accounts}pid_file={path(PID_FILE)}
control_socket={path(CONTROL_SOCKET)}
spool_directory={path("/var/spool/sandwich")}
[log]
target=syslog
ident=sandwichd
[scanner.clamav]
enable=yes
allow_test_signatures=yes
test_signatures={path(DATA)}/test-signatures
[quarantine]
path={path("/var/lib/sandwich/quarantine")}
[journal]
path={path("/var/lib/sandwich/journal")}
[explain]
path={path("/var/lib/sandwich/why")}
[users]
path={path("/var/lib/sandwich/users")}
"""

    def _proxy_path(self, inside):
        """How sandwichd names a file. In a root made by copying there is neither /proc nor a library for it, so there it runs
        outside, as an ordinary user."""
        return inside if self.root.copy_on_write else str(self.root / inside)

    def configure_sendmail(self, resolver, hosts, mc_edits=(), access=""):
        """Debian's sendmail.mc, with `mc_edits` (pattern, replacement), through m4 and sandwich-cf."""
        root = self.root
        root.write("/etc/resolv.conf", resolver)
        root.write("/etc/hosts", hosts)
        root.write("/etc/mailname", HOST + "\n")
        root.write("/etc/mail/local-host-names", DOMAIN + "\n")
        with open(root / "/etc/mail/access", "a", encoding="ascii") as table:
            table.write(access)
        for name in ("sendmail", "submit"):
            source = root / f"/etc/mail/{name}.mc"
            text = source.read_text()
            for pattern, replacement in mc_edits if name == "sendmail" else ():
                text, count = re.subn(pattern, replacement, text, flags=re.M)
                if count == 0:
                    raise RuntimeError(f"sendmail.mc has nothing like {pattern}")
            source.write_text(text)
            root.make_cf(name)
        self.make_maps()
        self.make_variants()

    def make_maps(self, aliases=""):
        base = "MAILER-DAEMON: postmaster\npostmaster: root\nroot: frank\n"
        self.root.write("/etc/aliases", base + aliases)
        with open(self.root / "/etc/mail/access", "rb") as table:
            self.root.run("/usr/libexec/sendmail/makemap", "hash", "/etc/mail/access", stdin=table)
        self.root.run("/usr/bin/newaliases")

    def make_variants(self, *more_options):
        """Both .cf files, by the tool that an administrator uses."""
        root, ports = self.root, self.ports
        options = ["--scanner", f"127.0.0.1:{ports.scanner}", "--delivery-listen", f"127.0.0.1:{ports.delivery}"]
        options += ["--queue", DELIVERY_QUEUE, "--no-diff", "--listen", "any" if ports.inbound == 25 else "keep", *more_options]
        if root.copy_on_write:
            tool, prefix = f"{CHECKOUT_INSIDE}/scripts/sandwich-cf", ""
            run = self.inside
        else:
            tool, prefix = CHECKOUT / "scripts/sandwich-cf", str(root.path)
            options.append("--no-validate")  # Sendmail has other paths than we do; its start is the proof
            run = lambda *command: self._run(self.network, command)  # noqa: E731
        files = [prefix + "/etc/mail/sendmail.cf", "--inbound", prefix + INBOUND_CF, "--delivery", prefix + DELIVERY_CF]
        done = run("/usr/bin/python3", tool, *files, *options)
        if done.returncode != 0:
            raise RuntimeError(f"sandwich-cf: exit {done.returncode}: {done.stdout}")

    # -- daemons -------------------------------------------------------------------------------------------------------

    def start(self):
        self.start_delivery()
        self.start_proxy()
        self.start_inbound()

    def stop(self):
        self.stop_inbound()
        self.stop_proxy()
        self.stop_delivery()

    def start_inbound(self, configuration=INBOUND_CF):
        self._start_sendmail("sm-in", configuration, self.ports.inbound_address, self.ports.inbound, self.boxes.inbound)

    def start_delivery(self, queue_run=True):
        self._start_sendmail("sm-deliv", DELIVERY_CF, self.boxes.delivery.address, self.ports.delivery, self.boxes.delivery, queue_run)

    def stop_inbound(self):
        self._stop_sendmail("sm-in")

    def stop_delivery(self):
        self._stop_sendmail("sm-deliv")

    def start_proxy(self):
        """Returns what it said. Without -f sandwichd returns when it is ready, or with the reason why it cannot be."""
        if not self.root.copy_on_write:
            return self._start_proxy_outside()
        done = self.proxy_program("sandwichd", "-c", self._proxy_path(CONFIG))
        if done.returncode != 0:
            raise RuntimeError(f"sandwichd: exit {done.returncode}: {done.stdout}")
        return done.stdout

    def _start_proxy_outside(self):
        """Outside the private root there is no /dev/log of ours: it runs in the foreground, and what it says goes into the log."""
        command = [*self._as_sandwich("sandwichd"), "-c", self._proxy_path(CONFIG), "-f"]
        daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

        def copy():
            for line in daemon.stdout:
                self._syslog.add(b"sandwichd[%d]: " % daemon.pid + line)
            daemon.wait()

        threading.Thread(target=copy, daemon=True).start()
        wait_for(lambda: daemon.poll() is not None or self.proxy_pid() == daemon.pid, 60, "sandwichd is ready")
        if daemon.poll() is not None:
            raise RuntimeError(f"sandwichd: exit {daemon.returncode}: {self.log('sandwichd[')[-5:]}")
        return ""

    def _as_sandwich(self, name):
        number = str(self.root.ids["sandwich"])
        return ["setpriv", "--reuid", number, "--regid", number, "--clear-groups", self.root / f"/usr/local/sbin/{name}"]

    def proxy_program(self, name, *arguments, timeout=60):
        """Runs sandwichd or sandwichctl. Without a system of their own both run as an ordinary user."""
        if self.root.copy_on_write:
            return self.on(self.boxes.scanner, f"/usr/local/sbin/{name}", *arguments, timeout=timeout)
        return self._run(self.network, [*self._as_sandwich(name), *arguments], timeout=timeout)

    def stop_proxy(self, patience=30):
        pid = self.proxy_pid()
        if pid is None:
            return
        os.kill(pid, 15)
        wait_for(lambda: not os.path.exists(f"/proc/{pid}"), patience, "sandwichd ends after SIGTERM")

    def proxy_pid(self):
        try:
            pid = int((self.root / PID_FILE).read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if os.path.exists(f"/proc/{pid}") else None

    def daemon_pid(self, ident):
        """Of a Sendmail that was started: sm-in or sm-deliv."""
        return self._daemons[ident].pid

    def check_running(self):
        """Raises when a daemon that was started is gone."""
        gone = [ident for ident, daemon in self._daemons.items() if daemon.poll() is not None]
        if self.proxy_pid() is None:
            gone.append("sandwichd")
        if gone or len(self._daemons) < 2:
            raise AssertionError(f"not running any more: {gone or 'a Sendmail'}")

    def restart_missing(self):
        """After a failed case: three running daemons again."""
        self.stop_inbound()
        self.stop_delivery()
        self.start_delivery()
        if self.proxy_pid() is None:
            self.start_proxy()
        self.start_inbound()

    def inside(self, *command, timeout=60, **options):
        """Runs a program as root of the host where the mailboxes are; the result has returncode and stdout (text, with stderr)."""
        return self.on(self.boxes.delivery, *command, timeout=timeout, **options)

    def on(self, box, *command, timeout=60, **options):
        """The same on another box."""
        return self._run(box.network, box.command(self.root, command), timeout=timeout, **options)

    @staticmethod
    def _run(network, command, **options):
        with network.inside():
            return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **options)

    def start_delivery_elsewhere(self, network, address, configuration):
        """The delivery Sendmail in another network namespace, with a configuration of its own; stop_delivery() ends it."""
        self._start_sendmail("sm-deliv", configuration, address, self.ports.delivery, Box(network))

    def _start_sendmail(self, ident, configuration, address, port, box=None, queue_run=True):
        box = box or self.boxes.delivery
        interval = [f"-q{QUEUE_INTERVAL}s"] if queue_run else []
        command = ["/usr/sbin/sendmail-mta", "-Am", "-L", ident, "-bD", *interval, f"-C{configuration}"]
        with box.network.inside(), open(self.root / "/var/log/daemons.out", "ab") as output:
            daemon = subprocess.Popen(
                box.command(self.root, command), stdout=output, stderr=output, stdin=subprocess.DEVNULL, process_group=0
            )
        self._daemons[ident] = daemon
        wait_for(lambda: daemon.poll() is not None or self.listens((address, port), box.network), 30, f"{ident} listens on {port}")
        if daemon.poll() is not None:
            raise RuntimeError(f"{ident} ended at once: {(self.root / '/var/log/daemons.out').read_text()[-2000:]}")

    def _stop_sendmail(self, ident):
        daemon = self._daemons.pop(ident, None)
        if daemon is None:
            return
        # With its children: one that still serves a connection of sandwichd's pool would go on taking mail from it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(daemon.pid, signal.SIGTERM)
        daemon.wait(30)

    def listens(self, address, network=None):
        with (network or self.network).inside():
            return mail.port_open(address)

    # -- what became of a message --------------------------------------------------------------------------------------

    @property
    def config_path(self):
        return self._proxy_path(CONFIG)

    def ctl(self, *arguments):
        done = self.proxy_program("sandwichctl", "-s", self._proxy_path(CONTROL_SOCKET), *arguments)
        if done.returncode != 0:
            raise RuntimeError(f"sandwichctl {' '.join(arguments)}: exit {done.returncode}: {done.stdout}")
        return done.stdout

    def quarantined(self, mark):
        """Ids of the quarantined messages that hold `mark`, from the files themselves."""
        store = self.root / "/var/lib/sandwich/quarantine"
        return sorted(path.stem for path in store.glob("*.eml") if mark.encode() in path.read_bytes())

    def mailbox_path(self, user):
        return self.root / f"/var/mail/{user}"

    def mailbox(self, user, mark):
        """The messages in a user's mailbox that hold `mark` (bytes or text)."""
        mark = mark.encode() if isinstance(mark, str) else mark
        return [stored for stored in mail.read_mailbox(self.mailbox_path(user)) if mark in stored]

    def delivered(self, user, mark, count=1, patience=30):
        """Waits until the mailbox has `count` messages with `mark`; returns them."""
        wait_for(lambda: len(self.mailbox(user, mark)) >= count, patience, f"{count} message(s) {mark} for {user}")
        found = self.mailbox(user, mark)
        if len(found) != count:
            raise AssertionError(f"{len(found)} messages for {user} instead of {count}")
        return found

    def log(self, *needles):
        """Lines of the mail log that hold all of `needles`, up to what was said just now. sandwichd writes what it says in rounds
        of some milliseconds, which is not waited for longer than that: see wait_for()."""
        time.sleep(0.03)
        self._syslog.catch_up()
        lines = (self.root / "/var/log/mail.log").read_text(errors="replace").splitlines()
        return [line for line in lines if all(needle in line for needle in needles)]

    def queue(self, name="mqueue"):
        """Envelope files that wait in a queue."""
        return [entry for entry in os.listdir(self.root / f"/var/spool/{name}") if entry.startswith("qf")]

    def settle(self, patience=60):
        """Waits until both queues are empty and stay so for a moment: what has not arrived by then never will."""
        quiet_since = None

        def quiet():
            nonlocal quiet_since
            if any(self.queue(name) for name in ("mqueue", "mqueue-delivery", "mqueue-client")):
                quiet_since = None
                return False
            quiet_since = quiet_since or time.monotonic()
            return time.monotonic() - quiet_since > 0.5

        wait_for(quiet, patience, "the queues are empty")


def wait_for(condition, patience, what):
    """Polls; after `patience` seconds the test has failed. `what`: a text, or what makes one then."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {patience} s: {what() if callable(what) else what}")
        time.sleep(0.05)
