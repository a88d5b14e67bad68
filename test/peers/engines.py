"""Real virus scanners for a test: Debian's clamd and c-icap, unpacked in a temporary directory that vanishes with them, started in
the foreground with a generated configuration and the project's test signatures.

    with Clamd() as clamd: clamd.port, clamd.socket
    with CIcap(clamd) as icap: icap.port; the service is "avscan"
"""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from daemon import free_port
from suite import Failure, Skip

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("SANDWICH_CACHE", "/var/cache/sandwich"))
_START_SECONDS = 20


def _packages(kind):
    """Those that scripts/lib/packages.sh knows under this name."""
    parts = ROOT / "scripts/lib"
    script = f'set -euo pipefail; . "{parts}/base.sh"; . "{parts}/packages.sh"; fetch_"$1" "$2" >&2'
    done = subprocess.run(["bash", "-c", script, "fetch", kind, str(CACHE / kind)], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace")
    if done.returncode != 0:
        raise Skip(f"Debian's packages of {kind} cannot be had: {done.stdout[-300:]}")
    return sorted((CACHE / kind).glob("*.deb"))


def _unpack(directory, kind, names):
    for package in _packages(kind):
        if package.name.split("_")[0] in names:
            subprocess.run(["dpkg", "-x", str(package), str(directory)], check=True)


class Engine:
    """One program of unpacked packages; a subclass says how it is started."""

    kind = "engines"

    def __init__(self, packages, other=None):
        """`other`: one of the same kind, whose unpacked packages are used; it must outlive this."""
        self.process = None
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sandwich-engine-"))
        try:
            self.directory.chmod(0o755)
            self.unpacked = other.unpacked if other else self.directory
            if not other:
                _unpack(self.directory, self.kind, packages)
            self._start()
        except BaseException:
            self.close()
            raise

    def _run(self, command, ready):
        self.process = subprocess.Popen(command, env=self.environment(), stdin=subprocess.DEVNULL,
                                        stdout=(self.directory / "output").open("wb"), stderr=subprocess.STDOUT, start_new_session=True)
        end = time.monotonic() + _START_SECONDS
        while not ready():
            if self.process.poll() is not None or time.monotonic() > end:
                raise Failure(f"{command[0]} does not become ready: {self.log()[-1500:]}")
            time.sleep(0.02)

    def environment(self):
        libraries = ":".join(str(self.unpacked / path / "x86_64-linux-gnu") for path in ("usr/lib", "lib"))
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C", "LD_LIBRARY_PATH": libraries}

    def log(self):
        return (self.directory / "output").read_text(encoding="utf-8", errors="replace")

    def close(self):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)  # its own group, made by start_new_session
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def answers(port, address="127.0.0.1"):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0


class Clamd(Engine):
    """Listens on a socket in the file system and on a port of 127.0.0.1."""

    def __init__(self, settings=()):
        self.settings = settings
        self.port = free_port()
        super().__init__({"clamav-daemon"})

    def _start(self):
        database = self.directory / "database"
        shutil.copytree(ROOT / "etc/test-signatures", database)
        self.socket = self.directory / "clamd.socket"
        configuration = self.directory / "clamd.conf"
        configuration.write_text("\n".join([
            "Foreground yes", f"LocalSocket {self.socket}", "LocalSocketMode 666", f"TCPSocket {self.port}", "TCPAddr 127.0.0.1",
            f"DatabaseDirectory {database}", f"TemporaryDirectory {self.directory}", "User root", "AlertEncrypted yes",
            "AlertExceedsMax yes", "ConcurrentDatabaseReload no", *self.settings]) + "\n", encoding="ascii")
        self._run([self.directory / "usr/sbin/clamd", "-c", configuration], lambda: self.socket.exists() and answers(self.port))


class CIcap(Engine):
    """c-icap with its service virus_scan, which asks `clamd`."""

    def __init__(self, clamd):
        self.clamd = clamd
        self.port = free_port()
        super().__init__({"c-icap", "libicapapi5", "libpcre3", "libc-icap-mod-virus-scan"})

    def _start(self):
        inside = self.directory
        library = inside / "usr/lib/x86_64-linux-gnu/c_icap"
        configuration = inside / "c-icap.conf"
        configuration.write_text(f"""\
PidFile {inside}/pid
CommandsSocket {inside}/control
Port 127.0.0.1:{self.port}
StartServers 1
MaxServers 1
ThreadsPerChild 10
TmpDir {inside}
ServerAdmin nobody@from.test
ServerName icap.test
ModulesDir {library}
ServicesDir {library}
TemplateDir {inside}/usr/share/c_icap/templates
LoadMagicFile {inside}/etc/c-icap/c-icap.magic
ServerLog {inside}/server.log
AccessLog {inside}/access.log
Service avscan_module virus_scan.so
Service echo srv_echo.so
ServiceAlias avscan virus_scan?allow204=on&sizelimit=off&mode=simple
Module common clamd_mod.so
clamd_mod.ClamdSocket {self.clamd.socket}
virus_scan.ScanFileTypes TEXT DATA EXECUTABLE ARCHIVE GIF JPEG MSOFFICE
virus_scan.SendPercentData 5
virus_scan.PassOnError off
virus_scan.DefaultEngine clamd
virus_scan.MaxObjectSize 100M
""", encoding="ascii")
        self._run([inside / "usr/bin/c-icap", "-N", "-D", "-f", configuration], lambda: answers(self.port))
