"""More than one machine: scanners and the delivery Sendmail on boxes of their own, behind the lab's inbound Sendmail.

    mx 10.9.0.1 --- scanner-a 10.9.0.2, scanner-b 10.9.0.3, delivery 10.9.0.4

Each box is a network namespace at one switch; of a machine's other walls they have none, so every scanner has paths of its own."""

import contextlib
import os
import signal

from . import sandwich
from .network import Network

INBOUND, SCANNER_A, SCANNER_B, DELIVERY = "10.9.0.1", "10.9.0.2", "10.9.0.3", "10.9.0.4"
LDAP = "10.9.0.5"
NAMES = {SCANNER_A: "scanner.example.test", DELIVERY: "mail.example.test", LDAP: "ldap.example.test"}
INBOUND_CF, DELIVERY_CF = "/etc/mail/boxes-in.cf", "/etc/mail/boxes-deliv.cf"
_NET = "/24"


class ScannerBox:
    """sandwichd on a box of its own. `name` is its ident in the log."""

    def __init__(self, lab, name, address):
        self.lab, self.name, self.address = lab, name, address
        self.network = Network()
        self.config = f"/etc/sandwich/{name}.ini"
        self.pid_file = f"/run/sandwich/{name}.pid"
        root = lab.root
        for directory in ("", "spool", "quarantine", "journal", "why"):
            (root / f"/var/lib/sandwich/{name}/{directory}").mkdir(parents=True, exist_ok=True)
            root.give(f"/var/lib/sandwich/{name}/{directory}", "sandwich", "sandwich", 0o750)
        self.write_config()

    def write_config(self, client=INBOUND):
        """`client`: whom it takes mail from; the others are greeted with 421."""
        name, address, path = self.name, self.address, f"/var/lib/sandwich/{self.name}"
        self.lab.root.write(
            self.config,
            f"""[general]
user=sandwich
scan_user=sandwich-scan
pid_file={self.pid_file}
control_socket=/run/sandwich/{name}.control
spool_directory={path}/spool
[log]
target=syslog
ident={name}
[socket_1]
proxy_service=SMTP_SERVICE
proxy_addr={address}
proxy_port=18000
[smtp]
proxy_hostname={name}.example.test
smtp_allow_client_ip=addr:{client}
downstream_smtp_server_addr={DELIVERY}
downstream_smtp_server_port=19000
[scanner.clamav]
enable=yes
allow_test_signatures=yes
test_signatures={sandwich.DATA}/test-signatures
[quarantine]
path={path}/quarantine
[journal]
path={path}/journal
[explain]
path={path}/why
[users]
path={path}/users
""",
        )

    def start(self, program="/usr/local/sbin/sandwichd"):
        with self.network.inside():
            done = self.lab.root.run(program, "-c", self.config, check=False, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: exit {done.returncode}: {done.stdout}")

    def reload(self, client=INBOUND):
        """write_config(), and waits until it is in force."""
        self.write_config(client)
        before = len(self.log("reloaded:"))
        os.kill(self.processes()[0], signal.SIGHUP)
        sandwich.wait_for(lambda: len(self.log("reloaded:")) > before, 20, f"{self.name} has its new configuration")

    def processes(self):
        """All of its processes, the supervisor first."""
        try:
            top = int((self.lab.root / self.pid_file).read_text())
        except (FileNotFoundError, ValueError):
            return []
        parents = {}
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", encoding="latin-1") as file:
                parents[int(name)] = int(file.read().rsplit(")", 1)[1].split()[1])
        found = [top] if top in parents else []
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found

    def signal(self, number):
        """The whole box at once, as far as that goes: first whoever would start the others anew."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self):
        gone = self.processes()
        self.signal(signal.SIGKILL)
        sandwich.wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in gone), 10, f"{self.name} is dead")
        (self.lab.root / self.pid_file).unlink(missing_ok=True)

    def kill_proxy(self):
        """The process that speaks SMTP alone; its supervisor starts another."""
        for pid in self.processes():
            with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
                if b"--role=proxy" in file.read():
                    os.kill(pid, signal.SIGKILL)

    def stop(self):
        if processes := self.processes():
            os.kill(processes[0], signal.SIGTERM)
            sandwich.wait_for(lambda: not self.processes(), 30, f"{self.name} ends")

    def log(self, *needles):
        return self.lab.sandwich.log(f"{self.name}[", *needles)

    def handed_on(self):
        """Marks of the messages that the delivery Sendmail has from it, once for each time. By that one's log, not by this
        box's own: whoever is killed does not write its last lines."""
        lines = self.lab.sandwich.log("sm-deliv[", "msgid=<", f"[{self.address}]")
        return [line.partition("msgid=<")[2].partition("@")[0] for line in lines]


class Switch:
    """Networks at one switch: `ends` has (network, address), the first at port 0."""

    def __init__(self, ends):
        self._network, self._first = Network(), ends[0][0]
        self._network.ip("link", "add", "switch", "type", "bridge")
        self._network.ip("link", "set", "switch", "up")
        for port, (network, address) in enumerate(ends):
            network.connect_to(self._network, f"inside{port}", address + _NET, None)
            self._network.ip("link", "set", f"inside{port}", "master", "switch")

    def plug(self, port, state):
        """`state`: up or down."""
        self._network.ip("link", "set", f"inside{port}", state)

    def remove(self):
        """From the first network, which outlives it."""
        self._first.ip("link", "delete", "inside0")


class Boxes:
    """Scanner boxes `a` and `b`, and the delivery box; the lab's own daemons but for sandwichd stand still meanwhile."""

    def __init__(self, lab):
        self.lab = lab
        self.a, self.b = ScannerBox(lab, "scanner-a", SCANNER_A), ScannerBox(lab, "scanner-b", SCANNER_B)
        self.delivery = Network()
        # At port 1 is scanner A, at port 2 scanner B.
        self.switch = Switch(((lab.mx, INBOUND), (self.a.network, SCANNER_A), (self.b.network, SCANNER_B), (self.delivery, DELIVERY)))
        self.plug = self.switch.plug
        lab.serve_names(self.delivery)

    def start(self, *options):
        """`options`: more of them for sandwich-cf."""
        options += ("--scanner", f"{SCANNER_A},{SCANNER_B}", "--delivery-listen", DELIVERY)
        self.lab.sandwich.make_variants(*options, "--inbound", INBOUND_CF, "--delivery", DELIVERY_CF)
        self.lab.sandwich.stop_delivery()
        self.lab.sandwich.start_delivery_elsewhere(self.delivery, DELIVERY, DELIVERY_CF)
        for box in (self.a, self.b):
            box.start()
        self.lab.sandwich.stop_inbound()
        self.lab.sandwich.start_inbound(INBOUND_CF)

    def stop(self):
        """The lab as it was."""
        self.lab.sandwich.stop_inbound()
        for box in (self.a, self.b):
            box.stop()
        self.lab.sandwich.stop_delivery()
        self.switch.remove()
        self.lab.sandwich.start_delivery()
        self.lab.sandwich.start_inbound()


@contextlib.contextmanager
def boxes(lab, *options):
    made = Boxes(lab)
    try:
        made.start(*options)
        yield made
    finally:
        made.stop()
