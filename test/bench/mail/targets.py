"""What mail is sent to: the sink itself, HAProxy before it, and sandwichd before it. Each has a name, a port, and processes()."""

import os
import resource

from . import packages, places  # noqa: F401  (places makes the tests' modules importable)
from .running import Running, answers, wait_until

from daemon import Daemon, free_port  # of test/sandwich  # noqa: E402
from suite import Failure  # noqa: E402

# Accounts that every Debian has; Postfix's programs refuse to run as root.
_NOBODY = "nobody"
_MOST_SESSIONS = 10000  # the most that sandwich.ini allows


def descriptors():
    """As many for this program, and for what it starts, as it may have; how many those are."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else 1 << 20


class Sink:
    """Postfix's smtp-sink: takes every mail and forgets it."""

    def __init__(self, directory):
        descriptors()
        unpacked = directory / "postfix"
        packages.unpack("postfix", unpacked)
        libraries = unpacked / "usr/lib/postfix"
        self.programs = unpacked / "usr/sbin"
        self.environment = packages.environment(unpacked, libraries)
        self.port = free_port()
        user = ["-u", _NOBODY] if os.geteuid() == 0 else []
        command = [self.programs / "smtp-sink", *user, "-m", _MOST_SESSIONS, "-t", 600, f"127.0.0.1:{self.port}", 1000]
        self._running = Running("sink", command, directory, lambda: answers(self.port), self.environment)

    def processes(self):
        return self._running.processes()

    def close(self):
        self._running.close()


class Direct:
    """Nothing between: what sender and sink can do on this machine."""

    name, title, scans = "direct", "direct", False

    def __init__(self, sink):
        self.port = sink.port

    def processes(self):
        return {}

    def close(self):
        pass


class Haproxy:
    """TCP mode: the cheapest thing that can stand between, as it reads nothing."""

    name, title, scans = "haproxy", "HAProxy, TCP", False

    def __init__(self, directory, sink):
        unpacked = directory / "haproxy"
        packages.unpack("haproxy", unpacked)
        self.port = free_port()
        self.most_sessions = min(_MOST_SESSIONS, descriptors() // 2 - 100)  # it refuses to start with fewer descriptors than it may need
        configuration = directory / "haproxy.cfg"
        configuration.write_text(f"""\
global
    maxconn {self.most_sessions}
defaults
    mode tcp
    timeout connect 10s
    timeout client 10m
    timeout server 10m
listen mail
    bind 127.0.0.1:{self.port}
    server sink 127.0.0.1:{sink.port}
""", encoding="ascii")
        self._running = Running("haproxy", [unpacked / "usr/sbin/haproxy", "-db", "-f", configuration], directory,
                                lambda: answers(self.port), packages.environment(unpacked))

    def processes(self):
        return self._running.processes()

    def close(self):
        self._running.close()


class Sandwich:
    """sandwichd under its supervisor, with the limits that come with it but for the number of sessions. Whatever a scan finds or
    cannot tell, the mail is delivered: a benchmark compares the same mails on every way."""

    def __init__(self, build, sink, database=None, more_settings=None):
        self.scans = database is not None
        self.name = "scanning" if self.scans else "relaying"
        self.title = "sandwichd, scanning " + ("on" if self.scans else "off")
        os.environ["SANDWICHD"] = str(places.program(build, "proxy/sandwichd"))
        os.environ["SANDWICHCTL"] = str(places.program(build, "proxy/sandwichctl"))
        settings = {"smtp.max_connections": _MOST_SESSIONS, "scanner.clamav.allow_test_signatures": None, "scanner.clamav.test_signatures": None}
        if self.scans:
            settings |= {"scanner.clamav.database": database, "scanner.clamav.action": "tag-and-deliver",
                         "scanner.clamav.failure_action": "deliver-with-mark", "content.limit_action": "deliver-with-mark"}
        else:
            settings["scanner.clamav.enable"] = "no"
        try:
            self.daemon = Daemon(sink.port, settings | (more_settings or {}), start_seconds=180)
        except Failure as failure:
            raise places.Trouble(str(failure)) from None
        self.port, self.most_sessions = self.daemon.port, _MOST_SESSIONS
        if self.scans:
            wait_until("sandwichd's workers", lambda: self.daemon.pids("worker"), 60)

    def processes(self):
        return self.daemon.processes()

    def close(self):
        self.daemon.close()
