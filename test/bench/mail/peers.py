"""Others that stand where we stand, by --peers: which there are, and Postfix, clamd and clamsmtp. Each is a target as those in targets.py."""

import contextlib
import os

from . import amavis, haraka, packages
from .places import Trouble
from .running import Running, answers, family

from daemon import free_port  # of test/sandwich  # noqa: E402

# Name -> whether it scans.
_SCANS = {"postfix": False, "clamsmtp": True, "amavis": True, "haraka": False, "haraka-clamd": True}
NAMES = tuple(_SCANS)


def scans(name):
    return _SCANS[name]


def choose(words):
    """The names in "a,b" or "all"; a KeyError for what is none."""
    names = NAMES if words == "all" else tuple(filter(None, words.split(",")))
    for name in names:
        scans(name)
    return list(names)


class Clamd:
    """With the same signatures and its temporary files in memory, too."""

    def __init__(self, directory, memory, database):
        unpacked = directory / "clamd"
        packages.unpack("engine", unpacked, only="clamav-daemon")
        self.socket = directory / "clamd.socket"
        configuration = directory / "clamd.conf"
        configuration.write_text("\n".join([
            "Foreground yes", f"LocalSocket {self.socket}", "LocalSocketMode 666", f"DatabaseDirectory {database}",
            f"TemporaryDirectory {memory}", "User root" if os.geteuid() == 0 else "", "MaxThreads 12", "MaxQueue 1000", "StreamMaxLength 100M", "AlertEncrypted yes",
            "AlertExceedsMax yes", "ConcurrentDatabaseReload no"]) + "\n", encoding="ascii")
        self._running = Running("clamd", [unpacked / "usr/sbin/clamd", "-c", configuration], directory, self.socket.exists,
                                packages.environment(unpacked), seconds=180)

    def processes(self):
        return self._running.processes()

    def close(self):
        self._running.close()


class Postfix:
    """smtpd_proxy_filter, as Postfix stands before a filter: it takes a mail, hands it on, and answers with what it was answered."""

    name, title, scans = "postfix", "Postfix, smtpd_proxy_filter", False

    def __init__(self, sink):
        import postfix  # of test/peers
        from suite import Failure, Skip

        ports = [free_port() for _ in range(3)]
        self.port = ports[0]
        try:
            self._postfix = postfix.Postfix(ports, sink.port, sink.port)
        except (Failure, Skip) as problem:
            raise Trouble(str(problem)) from None

    def processes(self):
        return family(self._postfix.process.pid)

    def close(self):
        self._postfix.close()


class Clamsmtp:
    """A thread for each connection, and clamd."""

    name, title, scans = "clamsmtp", "clamsmtp + clamd", True

    def __init__(self, directory, memory, sink, clamd):
        unpacked = directory / "clamsmtp"
        packages.unpack("clamsmtp", unpacked)
        self.port, self._clamd = free_port(), clamd
        configuration = directory / "clamsmtpd.conf"
        # It gives up with more descriptors than select() can watch.
        configuration.write_text(f"""\
OutAddress: 127.0.0.1:{sink.port}
Listen: 127.0.0.1:{self.port}
ClamAddress: {clamd.socket}
TempDirectory: {memory}
MaxConnections: 500
Action: pass
Header: X-Scanned: yes
""", encoding="ascii")
        self._running = Running("clamsmtp", [unpacked / "usr/sbin/clamsmtpd", "-d", "1", "-f", configuration], directory,
                                lambda: answers(self.port), packages.environment(unpacked))

    def processes(self):
        return self._running.processes() | self._clamd.processes()

    def close(self):
        self._running.close()


@contextlib.contextmanager
def started(names, directory, memory, sink, database):
    """The peers named, running, as a list; clamd once for all of them."""
    made = []
    with contextlib.ExitStack() as stack:
        clamd = None
        if any(scans(name) for name in names):
            clamd = Clamd(directory, memory, database)
            stack.callback(clamd.close)
        for name in names:
            if name == "postfix":
                one = Postfix(sink)
            elif name == "clamsmtp":
                one = Clamsmtp(directory, memory, sink, clamd)
            elif name == "amavis":
                one = amavis.Amavis(directory, memory, sink, clamd)
            else:
                one = haraka.Haraka(directory, sink, clamd if scans(name) else None)
            stack.callback(one.close)
            made.append(one)
        yield made
