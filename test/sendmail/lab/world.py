"""The whole lab: a sandwich, an outside sender, a remote mail host and the DNS between them.

In namespaces of their own, with the real ports:
    client.outside.test 198.51.100.7 --- 198.51.100.1 mx.example.test 203.0.113.1 --- 203.0.113.9 mail.remote.test
Or, where there can be none, everything on free high ports of loopback."""

import contextlib
import pathlib
import shutil
import socket
import subprocess
import tempfile

from . import boxes, dns, files, mail, sandwich, sink, syslog
from .network import Network, SharedNetwork

CLIENT, MX_OUTSIDE, MX_REMOTE, REMOTE = "198.51.100.7", "198.51.100.1", "203.0.113.1", "203.0.113.9"
REMOTE_HOST = "mail.remote.test"

_ZONE = {
    "localhost": {"A": ["127.0.0.1"]},
    "example.test": {"MX": [(10, sandwich.HOST)]},
    sandwich.HOST: {"A": [MX_OUTSIDE]},
    "outside.test": {"MX": [(10, "client.outside.test")]},
    "client.outside.test": {"A": [CLIENT]},
    "remote.test": {"MX": [(10, REMOTE_HOST)]},
    "remote2.test": {"MX": [(10, REMOTE_HOST)]},
    REMOTE_HOST: {"A": [REMOTE]},
}
_ZONE |= {name: {"A": [address]} for address, name in boxes.NAMES.items()}
for _address, _name in ((CLIENT, "client.outside.test"), (MX_OUTSIDE, sandwich.HOST), (MX_REMOTE, sandwich.HOST), (REMOTE, REMOTE_HOST),
                        *boxes.NAMES.items()):
    _ZONE[".".join(reversed(_address.split("."))) + ".in-addr.arpa"] = {"PTR": [_name]}

# A line each: the first name of a line is the canonical one, to which Sendmail would rewrite the others.
_LOOPBACK_NAMES = ["localhost", *(name for name in _ZONE if not name.endswith(".arpa") and name != "localhost")]

_ACCESS = "".join(f"{what}:{CLIENT}\t0\n" for what in ("GreetPause", "ClientRate", "ClientConn"))


class World:
    """`build`: a build directory; `packages`: Sendmail's .deb files; `isolated`: what isolation.enter() returned;
    `networks`: make network namespaces. `directory`: a new folder that the caller removes, if it wants to."""

    def __init__(self, directory, build, packages, isolated, networks=True):
        if networks and not isolated:
            raise ValueError("network namespaces need the other namespaces")
        self.networks = networks
        self.root = files.PrivateRoot(directory, packages, sandwich.USERS, copy_on_write=isolated)
        self.log_path = self.root.outside("/var/log/mail.log")
        self._syslog = syslog.SyslogCollector(str(self.root / "/dev/log"), self.root / "/var/log/mail.log")
        if networks:
            self._make_networks(build)
        else:
            self._use_loopback(build)

    def _make_networks(self, build):
        socket.sethostname(sandwich.HOST)  # of our own UTS namespace
        self.mx, self.client, self.remote = Network(), Network(), Network()
        self.mx.connect_to(self.client, "outside", MX_OUTSIDE + "/24", CLIENT + "/24")
        self.mx.connect_to(self.remote, "remote", MX_REMOTE + "/24", REMOTE + "/24")
        with self.mx.inside():
            self.dns = dns.DnsServer(("127.0.0.1", 53), _ZONE)
        with self.remote.inside():
            self.sink = sink.Sink((REMOTE, 25), REMOTE_HOST)
        with self.client.inside():
            self.home = sink.Sink((CLIENT, 25), "client.outside.test")
        self.sandwich = sandwich.Sandwich(self.root, self.mx, sandwich.Ports(MX_OUTSIDE), build, self._syslog)
        self.sandwich.configure_sendmail(
            "nameserver 127.0.0.1\n",
            f"127.0.0.1 localhost\n{MX_OUTSIDE} {sandwich.HOST} mx\n",
            access=_ACCESS,
        )

    def serve_names(self, network):
        """The lab's DNS in another namespace, too, for a daemon that runs there."""
        with network.inside():
            return dns.DnsServer(("127.0.0.1", 53), _ZONE)

    def _use_loopback(self, build):
        """No DNS: names come from the private /etc/hosts, and what is not local goes to the sink, whatever its domain."""
        self.mx = self.client = self.remote = SharedNetwork()
        self.dns = None
        inbound, scanner, delivery, elsewhere = _free_ports(4)
        self.sink = self.home = sink.Sink(("127.0.0.1", elsewhere), REMOTE_HOST)
        ports = sandwich.Ports("127.0.0.1", inbound, scanner, delivery)
        self.sandwich = sandwich.Sandwich(self.root, self.mx, ports, build, self._syslog)
        self.root.write("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")
        self.root.write("/etc/mail/service.switch", "passwd files\nhosts files\naliases files\n")
        self.sandwich.configure_sendmail(
            "",
            "".join(f"127.0.0.1 {name}\n" for name in _LOOPBACK_NAMES),
            [
                (r"Name=MTA-v4, Port=smtp", f"Name=MTA-v4, Port={inbound}"),
                (r"^DAEMON_OPTIONS\(`Family=inet,  Name=MSP-v4.*$", "dnl"),
                (r"^DOMAIN\(`debian-mta'\)dnl", f"DOMAIN(`debian-mta')dnl\ndefine(`confDOMAIN_NAME', `{sandwich.HOST}')dnl"),
                (r"^MAILER_DEFINITIONS", f"define(`SMTP_MAILER_ARGS', `TCP $h')dnl\n{_route_to(elsewhere)}MAILER_DEFINITIONS"),
            ],
        )

    @contextlib.contextmanager
    def session(self, from_mx=False, timeout=120):
        """An SMTP session with the inbound Sendmail: of the outside client, or of a program on the mx host, which may relay."""
        ports = self.sandwich.ports
        with (self.mx if from_mx else self.client).inside():
            address = "127.0.0.1" if from_mx else ports.inbound_address
            client = mail.Client((address, ports.inbound), "localhost" if from_mx else "client.outside.test", timeout)
        try:
            yield client
        finally:
            client.close()

    def send(self, sender, recipients, data, from_mx=False, **parameters):
        """One message in one session; returns the inbound Sendmail's final text."""
        with self.session(from_mx) as client:
            text = client.transaction(sender, recipients, data, **parameters)
            client.quit()
            return text

    def arrived(self, server, mark, count=1, patience=30):
        """Waits until `server`, one of our sinks, has `count` messages with `mark`; returns them."""
        mark = mark.encode()
        sandwich.wait_for(lambda: len(server.find(mark)) >= count, patience, f"{count} message(s) at {server.name}")
        found = server.find(mark)
        if len(found) != count:
            raise AssertionError(f"{len(found)} messages at {server.name} instead of {count}")
        return found


def _route_to(port):
    """sendmail.mc lines: whatever is not local goes to this port of loopback."""
    return f"define(`SMART_HOST', `esmtp:[127.0.0.1]')dnl\ndefine(`ESMTP_MAILER_ARGS', `TCP $h {port}')dnl\n"


def _free_ports(count):
    """Ports that are free now. Another program may take one before we do; then the daemon says so, and the run fails."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@contextlib.contextmanager
def temporary_directory(keep=False):
    """A folder of this run's own, away when it is done."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="sandwich-lab."))
    path.chmod(0o755)
    try:
        yield path
    finally:
        if not keep:
            remove(path)


def remove(path):
    """Removes a lab's folder, and refuses while anything is still mounted in it, as that may be the machine's own."""
    for mounted in reversed(_mounts_below(path)):
        subprocess.run(["umount", "-l", mounted], capture_output=True)
    if _mounts_below(path):
        raise RuntimeError(f"{path} still has mounts; not removed")
    shutil.rmtree(path)


def _mounts_below(path):
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        points = [line.split()[4] for line in mounts]
    return [point for point in points if point.startswith(str(path) + "/")]
