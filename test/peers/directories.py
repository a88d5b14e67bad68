"""Real servers that know mailboxes and passwords: Debian's slapd and dovecot, unpacked in a temporary directory that vanishes with them,
started in the foreground on free ports of 127.0.0.1.

    with Slapd(LDIF, pair) as slapd: slapd.port, slapd.tls_port        pair: certificate and key, see certificates.py
    with Dovecot({"alice@example.test": "secret"}, pair) as dovecot: dovecot.ports["imap"], ["imaps"], ["pop3"] ...

Nothing of the machine's own is touched: no account is made, no service is installed."""

import os
import subprocess

from daemon import free_port
from engines import Engine, answers
from suite import Failure

READER = ("cn=reader,dc=test", "reader's password")
# The first entries of a tree: its top, and who may read it.
TOP = f"""dn: dc=test
objectClass: dcObject
objectClass: organization
dc: test
o: test

dn: {READER[0]}
objectClass: person
cn: reader
sn: reader
userPassword: {READER[1]}
"""
# What mail servers add to people, and what an entry of Active Directory looks like, as far as it is about mail. The numbers are of the
# branch for examples (RFC 7612 section 2: 1.3.6.1.4.1.32473).
SCHEMA = """
attributetype ( 1.3.6.1.4.1.32473.1.1 NAME 'mailAlternateAddress' EQUALITY caseIgnoreIA5Match SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 )
attributetype ( 1.3.6.1.4.1.32473.1.2 NAME 'proxyAddresses' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.32473.1.3 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
objectclass ( 1.3.6.1.4.1.32473.2.1 NAME 'mailRecipient' SUP top AUXILIARY MAY ( mail $ mailAlternateAddress ) )
objectclass ( 1.3.6.1.4.1.32473.2.2 NAME 'user' SUP person STRUCTURAL MAY ( mail $ proxyAddresses $ sAMAccountName ) )
"""


class Slapd(Engine):
    kind = "directories"

    def __init__(self, ldif, pair, other=None, megabytes=16, address="127.0.0.1", port=None):
        """`ldif`: the entries, as one text or several; `pair`: None for one without TLS; `megabytes`: what the entries may take."""
        self.ldif, self.pair, self.megabytes, self.address = ldif, pair, megabytes, address
        self.port, self.tls_port = port or free_port(address), free_port(address)
        super().__init__({"slapd", "libltdl7", "libargon2-1"}, other)

    def _start(self):
        data = self.directory / "data"
        data.mkdir()
        schema = self.unpacked / "etc/ldap/schema"
        (self.directory / "mail.schema").write_text(SCHEMA, encoding="ascii")
        configuration = self.directory / "slapd.conf"
        configuration.write_text("\n".join([
            *(f"include {schema / name}.schema" for name in ("core", "cosine", "inetorgperson", "nis")),
            f"include {self.directory / 'mail.schema'}", f"modulepath {self.unpacked / 'usr/lib/ldap'}", "moduleload back_mdb",
            f"pidfile {self.directory / 'slapd.pid'}",
            *([f"TLSCertificateFile {self.pair.certificate}", f"TLSCertificateKeyFile {self.pair.key}", "TLSVerifyClient never"] if self.pair else []),
            "defaultsearchbase dc=corp,dc=test",  # of a question that names none: to a global catalogue, the forest
            "sizelimit size.soft=100 size.hard=100 size.prtotal=unlimited",
            "database mdb", "suffix dc=test", f"directory {data}", f"maxsize {self.megabytes << 20}",
            "index objectClass,mail,mailAlternateAddress,proxyAddresses,uid eq",
            "access to attrs=userPassword by anonymous auth by * none",
            f'access to * by dn.exact="{READER[0]}" read by * none']) + "\n", encoding="ascii")
        entries = self.directory / "entries.ldif"
        with entries.open("w", encoding="utf-8") as file:
            file.writelines([self.ldif] if isinstance(self.ldif, str) else self.ldif)
        done = subprocess.run([self._program(), "-T", "add", "-q", "-f", configuration, "-l", entries], env=self.environment(), check=False,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"slapadd: {done.stderr[-1500:]}")
        self._serve()

    def _program(self):
        return self.unpacked / "usr/sbin/slapd"

    def _serve(self):
        self._run([self._program(), "-f", self.directory / "slapd.conf", "-d", "0", "-h",
                   f"ldap://{self.address}:{self.port}/" + (f" ldaps://{self.address}:{self.tls_port}/" if self.pair else "")],
                  lambda: answers(self.port, self.address) and (not self.pair or answers(self.tls_port, self.address)))

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def start_again(self):
        self._serve()


class Dovecot(Engine):
    """With its submission server as the one that speaks SMTP AUTH."""

    kind = "directories"

    def __init__(self, users, pair):
        self.users, self.pair = users, pair
        self.ports = {name: free_port() for name in ("imap", "imaps", "pop3", "pop3s", "smtp", "smtps")}
        super().__init__({"dovecot-core", "dovecot-imapd", "dovecot-pop3d", "dovecot-submissiond", "libsodium23", "libunwind8", "libstemmer0d"})

    def _start(self):
        for name in ("run", "state", "mail"):
            (self.directory / name).mkdir()
            os.chmod(self.directory / name, 0o755)
        users = self.directory / "users"
        users.write_text("".join(f"{name}:{{PLAIN}}{password}\n" for name, password in self.users.items()), encoding="ascii")
        os.chmod(users, 0o644)
        listeners = "\n".join(
            f"service {service}-login {{\n"
            f"  inet_listener {plain} {{\n    port = {self.ports[key]}\n  }}\n"
            f"  inet_listener {encrypted} {{\n    port = {self.ports[key + 's']}\n    ssl = yes\n  }}\n"
            "}\n"
            for service, plain, encrypted, key in (("imap", "imap", "imaps", "imap"), ("pop3", "pop3", "pop3s", "pop3"),
                                                   ("submission", "submission", "submissions", "smtp")))
        (self.directory / "dovecot.conf").write_text(f"""
protocols = imap pop3 submission
listen = 127.0.0.1
base_dir = {self.directory}/run
state_dir = {self.directory}/state
default_internal_user = daemon
default_internal_group = daemon
default_login_user = nobody
log_path = /dev/stderr
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
ssl = yes
ssl_cert = <{self.pair.certificate}
ssl_key = <{self.pair.key}
ssl_dh =
mail_location = maildir:{self.directory}/mail/%u
submission_relay_host = 127.0.0.1
passdb {{
  driver = passwd-file
  args = {users}
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={self.directory}/mail/%u
}}
{listeners}
""", encoding="ascii")
        # It knows only /usr/lib/dovecot: a view of /usr for it alone has the packages in it.
        view = f'mount -t overlay view -o "lowerdir={self.directory}/usr:/usr" /usr && exec /usr/sbin/dovecot -F -c "$1"'
        self._run(["unshare", "--mount", "--propagation", "private", "sh", "-c", view, "sh", self.directory / "dovecot.conf"],
                  lambda: all(answers(port) for port in self.ports.values()))
