"""The sandwich on boxes of their own, set up with the lines of sandwich-boxes(7) as they stand there, but for the name of the domain.

    client, remote --- mx 10.9.0.1 --- scanner 10.9.0.2, mail (delivery) 10.9.0.4, ldap 10.9.0.5

The mx host knows no user and no alias, and has an /etc/mail of its own. All else of the file system is shared: no daemon of one
box looks at what another one has there."""

import contextlib
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from . import boxes
from .case import need_networks, need_system
from .network import Network
from .page import Page
from .sandwich import CHECKOUT, CHECKOUT_INSIDE, CONFIG, USERS, Box, Boxes
from .world import CLIENT, MX_OUTSIDE, MX_REMOTE

sys.path += [str(CHECKOUT / "test/sandwich"), str(CHECKOUT / "test/peers")]

from certificates import Certificates  # noqa: E402
from directories import READER, TOP, Slapd  # noqa: E402

_OWN = "/var/lib/mx-box"  # what the mx host has in place of the shared files
_PAGE = Page("sandwich-boxes.7")
ONLY_IN_LDAP, NOT_IN_LDAP = "zoe", "carol"  # asked for only, and known to the delivery Sendmail alone
_TREE = TOP + """
dn: dc=example,dc=test
objectClass: dcObject
objectClass: organization
dc: example
o: example
""" + "".join(f"""
dn: uid={name},dc=example,dc=test
objectClass: inetOrgPerson
objectClass: posixAccount
cn: {name}
sn: {name}
uid: {name}
uidNumber: {1000 + number}
gidNumber: 100
homeDirectory: /home/{name}
mail: {name}@example.test
""" for number, name in enumerate([*USERS, ONLY_IN_LDAP]) if name != NOT_IN_LDAP)


def _block(section, beginning):
    """Of the page, with the lab's names."""
    text = _PAGE.block(section, beginning)
    for theirs, ours in (("cn=reader,dc=example,dc=com", READER[0]), ("dc=com", "dc=test"), ("example.com", "example.test")):
        text = text.replace(theirs, ours)
    return text


class Separate:
    """The boxes while they run: `inbound`, `scanner`, `delivery` (Box), `slapd`."""

    def __init__(self, lab):
        need_system(lab)
        need_networks(lab)
        self.lab, self.sandwich, self.root = lab, lab.sandwich, lab.root
        self._kept = {name: (self.root / name).read_bytes() for name in
                      ("/etc/mail/access", "/etc/mail/sendmail.mc", "/etc/mail/submit.mc", "/etc/mail/sendmail.cf", "/etc/mail/submit.cf")}
        own = {"/etc/mail": f"{_OWN}/mail", "/etc/passwd": f"{_OWN}/passwd", "/etc/aliases": f"{_OWN}/aliases"}
        self.inbound = Box(lab.mx, boxes.INBOUND, files=own)
        self.scanner = Box(Network(), boxes.SCANNER_A, "scanner.example.test")
        self.delivery = Box(Network(), boxes.DELIVERY, "mail.example.test")
        self._ldap = Network()
        self._away = contextlib.ExitStack()

    def start(self):
        self.sandwich.stop()
        self._connect()
        self._make_certificates()
        self._start_directory()
        self.root.link("/usr/local/sbin/sandwich-cf", f"{CHECKOUT_INSIDE}/scripts/sandwich-cf")
        self._make_delivery()
        self._make_scanner()
        self._make_inbound()
        self.sandwich.boxes = Boxes(self.inbound, self.scanner, self.delivery)
        self.sandwich.start()

    def stop(self):
        """The lab as it was."""
        self.sandwich.stop()
        self._away.close()
        self.sandwich.boxes = Boxes(*[Box(self.lab.mx)] * 3)
        for inside, content in self._kept.items():
            (self.root / inside).write_bytes(content)
        (self.root / "/usr/local/sbin/sandwich-cf").unlink(missing_ok=True)
        self.sandwich.make_maps()
        self.sandwich.make_variants()
        self.sandwich.write_config()
        self.sandwich.start()

    def _connect(self):
        """One switch, and the mx host between it and the world."""
        lab = self.lab
        ends = ((lab.mx, boxes.INBOUND), (self.scanner.network, boxes.SCANNER_A), (self.delivery.network, boxes.DELIVERY),
                (self._ldap, boxes.LDAP))
        self._away.callback(boxes.Switch(ends).remove)
        for network in (self.scanner.network, self.delivery.network):
            lab.serve_names(network)
            network.ip("route", "add", "default", "via", boxes.INBOUND)
        with lab.mx.inside():
            pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n")
        for network, gateway in ((lab.client, MX_OUTSIDE), (lab.remote, MX_REMOTE)):
            network.ip("route", "replace", "10.9.0.0/24", "via", gateway)

    def _make_certificates(self):
        """Each box gets what the page names."""
        mail, ours = "/etc/mail/tls", "/etc/sandwich/tls"
        made = self._away.enter_context(Certificates())
        ca = made.authority("ca")
        self.pair = made.certificate("ldap", ca, names=["DNS:ldap.example.test"])
        scanner = made.certificate("scanner", ca, names=["DNS:sandwich.scanner.example.test"])
        delivery = made.certificate("delivery", ca, names=["DNS:mail.example.test"])
        self.other_authority = pathlib.Path(made.authority("other-ca").certificate).read_bytes()
        for inside, outside in ((f"{ours}/scanner.pem", scanner.certificate), (f"{ours}/scanner.key", scanner.key),
                                (f"{ours}/ca.pem", ca.certificate), (f"{mail}/ca.pem", ca.certificate),
                                (f"{mail}/delivery.pem", delivery.certificate), (f"{mail}/delivery.key", delivery.key)):
            self.root.write(inside, pathlib.Path(outside).read_bytes(), mode=0o600 if inside.endswith(".key") else 0o644)
        self.root.write("/etc/sandwich/ldap-password", READER[1] + "\n", mode=0o600)

    def _start_directory(self):
        with self._ldap.inside():
            self.slapd = self._away.enter_context(Slapd(_TREE, self.pair, address=boxes.LDAP, port=389))

    # -- box after box, in the order of the page ----------------------------------------------------------------------

    def _on(self, box, command):
        done = self.sandwich.on(box, "sh", "-c", command)
        if done.returncode != 0:
            raise RuntimeError(f"{command}: exit {done.returncode}: {done.stdout}")
        return done.stdout

    def _make_cf(self, box, folder, define=""):
        """sendmailconfig, after an edit of sendmail.mc."""
        source = folder / "sendmail.mc"
        source.write_text(source.read_text().replace("MAILER_DEFINITIONS", define + "MAILER_DEFINITIONS", 1))
        self._on(box, "m4 /etc/mail/sendmail.mc > /etc/mail/sendmail.cf 2> /dev/null")

    def _allow(self, box, folder, lines):
        with open(folder / "access", "a", encoding="ascii") as table:
            table.write(lines)
        self._on(box, "/usr/libexec/sendmail/makemap hash /etc/mail/access < /etc/mail/access")

    def _make_delivery(self):
        folder = self.root / "/etc/mail"
        self._make_cf(self.delivery, folder, _block("TLS", r"(?s).*confSERVER_CERT"))
        access = _block("DELIVERY BOX", "Connect:")
        said = self._on(self.delivery, _block("DELIVERY BOX", "sandwich-cf"))
        if access not in said:
            raise AssertionError(f"the lines for the access map are not what sandwich-cf has printed: {said}")
        self._allow(self.delivery, folder, access)
        submit = folder / "submit.mc"
        text, count = re.subn(r"(?m)^FEATURE\(`msp'.*\n", _block("DELIVERY BOX", "FEATURE"), submit.read_text())
        if count != 1:
            raise RuntimeError("submit.mc has no line FEATURE(`msp'")
        submit.write_text(text)
        self.root.make_cf("submit")

    def _make_scanner(self):
        parts = (_block("SCANNER BOX", r"\["), _block("RECIPIENTS", r"\["), _block("TLS", r"\["))
        self.root.write(CONFIG, self.sandwich.local_sections() + "".join(parts))

    def _make_inbound(self):
        root, own = self.root, self.root / _OWN
        shutil.rmtree(own, ignore_errors=True)
        own.mkdir(parents=True)
        # Debian's files, and of the certificates the authority's.
        shutil.copytree(root / "/etc/mail", own / "mail", symlinks=True, ignore=shutil.ignore_patterns("sandwich-*", "delivery.*"))
        for name in ("access", "sendmail.mc", "submit.mc", "submit.cf"):
            (own / "mail" / name).write_bytes(self._kept[f"/etc/mail/{name}"])
        accounts = (root / "/etc/passwd").read_text().splitlines(keepends=True)
        (own / "passwd").write_text("".join(line for line in accounts if line.split(":")[0] not in USERS))
        (own / "aliases").write_text("postmaster: root\n")
        self._on(self.inbound, "newaliases")
        self._make_cf(self.inbound, own / "mail", _block("TLS", r"(?s)(?!.*confSERVER_CERT)define"))
        self._on(self.inbound, _block("INBOUND BOX", "sandwich-cf"))
        self._allow(self.inbound, own / "mail", _block("INBOUND BOX", "Connect:") + _block("TLS", "TLS_Srv"))

    # -- for the cases ------------------------------------------------------------------------------------------------

    @property
    def inbound_authority(self):
        """What the mx host believes."""
        return self.root / f"{_OWN}/mail/tls/ca.pem"

    @contextlib.contextmanager
    def firewalls(self):
        """The rules of the page on both boxes that have some."""
        rules = ((self.delivery, _block("FIREWALL", r"(?s).*19000")), (self.scanner, _block("FIREWALL", r"(?s).*18001")))
        try:
            for box, text in rules:
                self._nft(box, "-f", "-", input=text)
            yield
        finally:
            for box, _ in rules:
                self._nft(box, "flush", "ruleset")

    @staticmethod
    def _nft(box, *arguments, **options):
        with box.network.inside():
            subprocess.run(["nft", *arguments], check=True, text=True, **options)

    def check_pair(self):
        """What sandwich-cf --check says of the files of both boxes."""
        with tempfile.TemporaryDirectory() as both:
            both = pathlib.Path(both)
            shutil.copy(self.root / f"{_OWN}/mail/sandwich-in.cf", both)
            shutil.copy(self.root / "/etc/mail/sandwich-deliv.cf", both)
            command = _block("CHECKING", "sandwich-cf").replace("sandwich-cf ", f"{CHECKOUT}/scripts/sandwich-cf ", 1)
            return subprocess.run(["sh", "-c", command], cwd=both, capture_output=True, text=True, check=False)


@contextlib.contextmanager
def separate(lab):
    """lab.separate is there meanwhile."""
    made = Separate(lab)
    try:
        made.start()
        lab.separate = made
        yield
    finally:
        made.stop()
        lab.separate = None
