"""A real Postfix for a test: Debian's package, unpacked in a temporary directory that vanishes with it, started without an installation.

Needs root, as Postfix does. It is three servers in one: `port` hands mail to a filter at `filter_port` before it takes it
(smtpd_proxy_filter), `queueing_port` takes it and hands it on from its queue (content_filter); `back_port` takes what comes from the
filter and delivers it to `next_port`. All take XCLIENT, `back_port` also XFORWARD."""

import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile
import time

from suite import Failure, Skip

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("SANDWICH_CACHE", "/var/cache/sandwich")) / "postfix"
OWNER, GROUP = "games", "mail"  # accounts that every Debian has and that no process of the daemon under test runs as
_QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace")


def package():
    parts = ROOT / "scripts/lib"
    script = f'set -euo pipefail; . "{parts}/base.sh"; . "{parts}/packages.sh"; fetch_postfix "$1" >&2'
    subprocess.run(["bash", "-c", script, "postfix", str(CACHE)], check=True)
    return sorted(CACHE.glob("postfix_*.deb"))[-1]


class Postfix:
    def __init__(self, ports, filter_port, next_port):
        if os.geteuid() != 0:
            raise Skip("Postfix runs only when root starts it")
        self.port, self.queueing_port, self.back_port = ports
        self.process = None
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sandwich-postfix-"))
        try:
            self.directory.chmod(0o755)
            subprocess.run(["dpkg", "-x", str(package()), str(self.directory)], check=True)
            self.programs = self.directory / "usr/lib/postfix"
            self._make_directories()
            self._configure(filter_port, next_port)
            self._start()
        except BaseException:
            self.close()
            raise

    def _make_directories(self):
        owner, group = pwd.getpwnam(OWNER).pw_uid, pwd.getpwnam(GROUP).pw_gid
        for name in ("queue", "queue/pid", "queue/public", "queue/maildrop", "conf", "state", "log",
                     *("queue/" + name for name in _QUEUES)):
            (self.directory / name).mkdir(mode=0o755)
        for name in (*("queue/" + name for name in _QUEUES), "state"):
            os.chown(self.directory / name, owner, -1)
            os.chmod(self.directory / name, 0o700)
        for name, mode in (("public", 0o2710), ("maildrop", 0o1730)):
            os.chown(self.directory / "queue" / name, owner, group)
            os.chmod(self.directory / "queue" / name, mode)

    def _configure(self, filter_port, next_port):
        inside = self.directory
        (inside / "conf/main.cf").write_text(f"""\
compatibility_level = 3.6
queue_directory = {inside}/queue
data_directory = {inside}/state
daemon_directory = {self.programs}/sbin
command_directory = {inside}/usr/sbin
shlib_directory = {self.programs}
meta_directory = {inside}/etc/postfix
mail_owner = {OWNER}
setgid_group = {GROUP}
import_environment = MAIL_CONFIG LD_LIBRARY_PATH={self.programs}
maillog_file = {inside}/log/postfix
maillog_file_prefixes = {inside}
inet_interfaces = 127.0.0.1
inet_protocols = all
myhostname = postfix.test
mydestination =
alias_maps =
relayhost = [127.0.0.1]:{next_port}
mynetworks = 127.0.0.0/8
smtpd_client_restrictions =
relay_domains = to.test
relay_transport = relay:[127.0.0.1]:{next_port}
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_authorized_xclient_hosts = 127.0.0.0/8
smtpd_peername_lookup = no
smtpd_tls_security_level = none
smtp_tls_security_level = none
smtp_dns_support_level = disabled
disable_dns_lookups = yes
smtputf8_enable = yes
""", encoding="ascii")
        services = [f"127.0.0.1:{self.port} inet n - n - 20 smtpd\n  -o smtpd_proxy_filter=127.0.0.1:{filter_port}",
                    f"127.0.0.1:{self.queueing_port} inet n - n - 20 smtpd\n  -o content_filter=scan:[127.0.0.1]:{filter_port}",
                    f"127.0.0.1:{self.back_port} inet n - n - 20 smtpd\n  -o syslog_name=back\n"
                    "  -o smtpd_authorized_xforward_hosts=127.0.0.0/8",
                    "scan unix - - n - 10 smtp\n  -o smtp_send_xforward_command=yes\n  -o disable_mime_output_conversion=yes"]
        for line in ("cleanup unix n - n - 0 cleanup", "qmgr unix n - n 300 1 qmgr", "rewrite unix - - n - - trivial-rewrite",
                     "bounce unix - - n - 0 bounce", "defer unix - - n - 0 bounce", "trace unix - - n - 0 bounce",
                     "proxymap unix - - n - - proxymap", "smtp unix - - n - - smtp", "relay unix - - n - - smtp",
                     "anvil unix - - n - 1 anvil", "scache unix - - n - 1 scache", "error unix - - n - - error",
                     "retry unix - - n - - error", "postlog unix-dgram n - n - 1 postlogd"):
            services.append(line)
        (inside / "conf/master.cf").write_text("\n".join(services) + "\n", encoding="ascii")

    def _start(self):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LD_LIBRARY_PATH": str(self.programs), "LANG": "C",
                       "MAIL_CONFIG": str(self.directory / "conf"), "MAIL_LOGTAG": "postfix"}
        self.process = subprocess.Popen([self.programs / "sbin/master", "-d", "-c", self.directory / "conf"], env=environment,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        end = time.monotonic() + 20
        while "daemon started" not in self.log():
            if self.process.poll() is not None:
                raise Failure(f"Postfix did not start: {self.process.stdout.read().decode()} {self.log()[-1000:]}")
            if time.monotonic() > end:
                raise Failure(f"Postfix does not become ready: {self.log()[-1000:]}")
            time.sleep(0.02)

    def log(self):
        try:
            return (self.directory / "log/postfix").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()  # the master ends its processes
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
