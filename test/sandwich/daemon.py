"""Starts a sandwichd of its own for a test, on a free port, in a temporary directory that vanishes with it.

    with Daemon(downstream=sink.port, settings={"smtp.max_connections": 3}) as daemon:
        ... daemon.port, daemon.log(), daemon.ctl("status"), daemon.processes()

Which programs: SANDWICHD and SANDWICHCTL, or a build directory in SANDWICH_BUILD. Run by root, the daemon
starts as root and gives its rights up (to the users `daemon` and `nobody`, which every system has); `run_as="nobody"` starts it as an
ordinary user. Test signatures by default (EICAR and the ClamAV test file)."""

import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from suite import Failure, Skip, wait_for

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HOSTNAME = "sandwich.test"  # the proxy's name in all tests
sys.path.insert(0, os.path.join(ROOT, "test", "peers"))  # for the suites: sink, client, flood


def program(name):
    """The path of sandwichd or sandwichctl."""
    candidates = [os.environ.get(name.upper())]
    if build := os.environ.get("SANDWICH_BUILD"):
        # The same program with the scanner that crashes and hangs on demand, where it has been built.
        candidates += [os.path.join(build, "test", name + "_with_faults"), os.path.join(build, "proxy", name)]
    for path in candidates:
        if path and os.access(path, os.X_OK):
            return os.path.abspath(path)
    raise Failure(f"no {name}: set {name.upper()} or SANDWICH_BUILD")


def has_test_hooks():
    """Whether the program under test has the scanner that crashes and hangs on demand."""
    with open(program("sandwichd"), "rb") as file:
        return b"X-Sandwich-Test" in file.read()


def need_test_hooks():
    if not has_test_hooks():
        raise Skip("this sandwichd has no scanner that crashes and hangs on demand")


def memory_is_telling():
    """False where scripts/soak runs a build with a sanitizer, whose own memory drowns what a test wants to see."""
    return not os.environ.get("SANDWICH_SANITIZER")


def free_port(address="127.0.0.1"):
    """A port that nobody listens on, below the range from which the system takes the ports of outgoing connections."""
    for _ in range(1000):
        port = random.randrange(12000, 32000)
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                continue
            return port
    raise Failure("no free port")


LOG_ROUND = 0.03  # seconds; the daemon takes 5 ms


class StartFailed(Failure):
    """The daemon did not become ready. `status`: its exit status, None when it hung."""

    def __init__(self, status, log):
        super().__init__(f"sandwichd did not start (status {status}): {log[-2000:]}")
        self.status = status
        self.log = log


class Daemon:
    """`downstream`: port of the delivery server on 127.0.0.1; None: one at which nobody listens. `settings`: "section.key" ->
    value, over the defaults below; None takes a key out. `start=False`: only the directory and the ini; start() later. `through`: the
    command that executes it."""

    def __init__(self, downstream=None, settings=None, run_as=None, start=True, start_seconds=20, environment=None, through=()):
        self.process = None
        self._through = through
        self.environment = environment or {}
        self.run_as = run_as
        self._start_seconds = start_seconds
        self.directory = tempfile.mkdtemp(prefix="sandwich-test-")
        try:
            self._prepare(downstream, settings or {})
            if start:
                self.start()
        except BaseException:
            self.close()
            raise

    def _prepare(self, downstream, settings):
        os.chmod(self.directory, 0o755)
        if self.run_as:
            account = pwd.getpwnam(self.run_as)
            os.chown(self.directory, account.pw_uid, account.pw_gid)
        self.port = free_port()
        self.downstream = downstream if downstream is not None else free_port()
        self.pid_file = self.path("pid")
        self.control_socket = self.path("control")
        self.quarantine = self.path("quarantine")
        self.ini = self.path("sandwich.ini")
        self.log_file = self.path("log")
        os.mkdir(self.path("no-database"))
        os.chmod(self.path("no-database"), 0o755)
        shutil.copytree(os.path.join(ROOT, "etc", "test-signatures"), self.path("test-signatures"))
        for name in ["."] + os.listdir(self.path("test-signatures")):
            os.chmod(os.path.join(self.path("test-signatures"), name), 0o755 if name == "." else 0o644)
        self.settings = {
            "general.user": "daemon",
            "general.scan_user": "nobody",
            "general.group": "daemon",
            "general.pid_file": self.pid_file,
            "general.control_socket": self.control_socket,
            "general.spool_directory": self.path("spool"),
            "socket_1.proxy_addr": "127.0.0.1",
            "socket_1.proxy_port": self.port,
            "smtp.proxy_hostname": HOSTNAME,
            "smtp.downstream_smtp_server_addr": "127.0.0.1",
            "smtp.downstream_smtp_server_port": self.downstream,
            "scanner.clamav.database": self.path("no-database"),
            "scanner.clamav.allow_test_signatures": "yes",
            "scanner.clamav.test_signatures": self.path("test-signatures"),
            "quarantine.path": self.quarantine,
            "smtp.spool_disk_floor": "0",
            "quarantine.disk_floor": "0",
            "journal.path": self.path("journal"),
            "explain.path": self.path("why"),
            "users.path": self.path("users"),
            "log.target": "stderr",
        }
        self.configure(settings)

    def path(self, name):
        return os.path.join(self.directory, name)

    def configure(self, settings):
        """Writes the ini anew with `settings` over those there; SIGHUP is the caller's affair (see reload())."""
        self.settings.update(settings)
        sections = {}
        for name, value in self.settings.items():
            section, key = name.rsplit(".", 1)
            if value is not None:
                sections.setdefault(section, []).append(f"{key}={value}\n")
        temporary = self.ini + ".new"
        with open(temporary, "w", encoding="utf-8") as file:
            for section, lines in sections.items():
                file.write(f"[{section}]\n" + "".join(lines))
        os.chmod(temporary, 0o644)
        os.rename(temporary, self.ini)

    def write_policy(self, text, name="policy.ini"):
        """Writes a policy file, and names it in the ini; for a daemon that runs, reload() is the caller's affair."""
        with open(self.path(name) + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name) + ".new", 0o644)
        os.rename(self.path(name) + ".new", self.path(name))
        if name == "policy.ini" and "policy.policy_file" not in self.settings:
            self.configure({"policy.policy_file": self.path(name)})

    def start(self):
        """Starts it in the foreground and waits until it is ready: its pid stands in the pid file then."""
        binary = program("sandwichd")
        options = {}
        if self.run_as:
            account = pwd.getpwnam(self.run_as)
            options = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            copy = self.path("sandwichd")  # the build may lie where that user cannot look
            if not os.path.exists(copy):
                shutil.copy(binary, copy)
                os.chmod(copy, 0o755)
            binary = copy
        # The file is opened anew for appending, so that a restart adds to it.
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen([*self._through, binary, "-c", self.ini, "-f"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, env=os.environ | self.environment, **options)
        end = time.monotonic() + self._start_seconds
        while not self._ready():
            status = self.process.poll()
            if status is not None:
                self.process = None
                raise StartFailed(status, self.log())
            if time.monotonic() > end:
                log = self.log()
                self.kill()
                raise StartFailed(None, log)
            time.sleep(0.01)
        return self

    def _ready(self):
        try:
            with open(self.pid_file, encoding="ascii") as file:
                return file.read().strip() == str(self.process.pid)
        except OSError:
            return False

    # ---- while it runs

    @property
    def pid(self):
        return self.process.pid

    def processes(self):
        """Descendants of the supervisor: pid -> role ("proxy", "zygote", "worker"), itself as "supervisor"."""
        if self.process.poll() is not None:
            return {}
        parents = {}
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    with open(f"/proc/{name}/stat", encoding="latin-1") as file:
                        parents[int(name)] = int(file.read().rsplit(")", 1)[1].split()[1])
                except (OSError, IndexError):
                    continue
        found = {self.pid: "supervisor"}
        for _ in range(3):  # supervisor, its children, their children
            for pid, parent in parents.items():
                if parent in found and pid not in found:
                    found[pid] = self._role(pid, found[parent])
        return found

    @staticmethod
    def _role(pid, parent_role):
        if parent_role in ("zygote", "worker"):
            return "worker"
        if parent_role in ("runner", "program"):
            return "program"
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                match = re.search(rb"--role=([a-z]+)", file.read())
        except OSError:
            match = None
        return match.group(1).decode() if match else "other"

    def pids(self, role):
        return sorted(pid for pid, its_role in self.processes().items() if its_role == role)

    def log(self):
        """All that was said until now: the daemon writes its log in rounds, some milliseconds after it was said."""
        time.sleep(LOG_ROUND)
        try:
            with open(self.log_file, encoding="utf-8", errors="surrogateescape") as file:
                return file.read()
        except OSError:
            return ""

    def log_lines(self, pattern):
        return [line for line in self.log().splitlines() if re.search(pattern, line)]

    def wait_log(self, pattern, seconds=5.0, count=1):
        """The lines that match, as soon as there are `count`."""
        try:
            return wait_for(f"log lines {pattern!r}",
                            lambda: (lines := self.log_lines(pattern)) and len(lines) >= count and lines, seconds)
        except Failure as failure:
            raise Failure(f"{failure}; the log ends: {self.log()[-800:]}") from None

    def ctl(self, *arguments, timeout=20):
        """Runs sandwichctl; a CompletedProcess with text."""
        return subprocess.run([program("sandwichctl"), "-c", self.ini, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, errors="surrogateescape", timeout=timeout, check=False)

    def reload(self, settings=None, seconds=10):
        """New settings by SIGHUP; waits for the log to say that they are in use, or were refused."""
        before = len(self.log_lines(r"reloaded|reload_refused"))
        self.configure(settings or {})
        os.kill(self.pid, signal.SIGHUP)
        self.wait_log(r"reloaded|reload_refused", seconds, before + 1)

    def wait_downstream(self, seconds=10):
        """Waits until the proxy uses the delivery server again: after a failure it leaves it alone for a second or more."""
        from client import Client

        def offers():
            with Client(self.port) as client:
                return client.ehlo().code == 250

        wait_for("the delivery server to be used again", offers, seconds)

    # ---- the end

    def stop(self, seconds=10):
        """SIGTERM and the exit status; a Failure when it does not end in time (it is killed then)."""
        if self.process is None:
            return None
        self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"sandwichd did not end within {seconds} s of SIGTERM; log: {self.log()[-800:]}") from None
        finally:
            self.kill()

    def kill(self):
        """Ends every process of it that is left, the hard way."""
        if self.process is None:
            return
        for pid in [*self.processes(), *self._same_session()]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        self.process = None

    def _same_session(self):
        """Processes that outlived the supervisor: it was started as the leader of a session of its own."""
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.getsid(int(name)) == self.process.pid:
                    found.append(int(name))
            except OSError:
                continue
        return found

    def close(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None and issubclass(kind, Exception) and os.environ.get("SANDWICH_SHOW_LOG"):
            print(self.log())
        self.close()
