#!/usr/bin/python3
"""The supervisor with stand-ins for proxy and zygote (test/unit/supervisor/fake_roles.cpp), which fail on demand at every point of
their contract with it: start, refusals, deaths, reloads, the end."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import daemon as daemons
from daemon import Daemon, StartFailed
from suite import Failure, Skip, Suite, check, equal, wait_for

suite = Suite()
FAKE = None  # directory of wishes and events


def use_fake_program():
    """It lies in a build of everything: that of the program under test, or the one beside a build of the programs alone."""
    builds = [os.environ.get("SANDWICH_BUILD")]
    if os.environ.get("SANDWICHD"):
        builds.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(os.environ["SANDWICHD"]))))
    for build in filter(None, builds):
        path = os.path.join(os.path.abspath(build), "test/unit/supervisor/sandwichd_fake_roles")
        if os.access(path, os.X_OK):
            os.environ["SANDWICHD"] = path
            return
    raise SystemExit(f"no test/unit/supervisor/sandwichd_fake_roles in {builds}")


@contextlib.contextmanager
def supervised(**options):
    """A Daemon with a fresh directory of wishes."""
    global FAKE
    FAKE = tempfile.mkdtemp(prefix="sandwich-fake-")
    os.chmod(FAKE, 0o777)
    with open(os.path.join(FAKE, "events"), "w", encoding="ascii") as file:
        os.fchmod(file.fileno(), 0o666)
    os.environ["SANDWICH_FAKE"] = FAKE
    wishes = options.pop("wishes", {})
    for name, text in wishes.items():
        wish(name, text)
    try:
        with Daemon(**options) as daemon:
            yield daemon
    finally:
        shutil.rmtree(FAKE, ignore_errors=True)


def wish(name, text=""):
    with open(os.path.join(FAKE, name), "w", encoding="utf-8") as file:
        file.write(text + "\n")


def unwish(name):
    os.unlink(os.path.join(FAKE, name))


def events(role=None):
    """(role, pid, text) of everything that the stand-ins noted."""
    try:
        with open(os.path.join(FAKE, "events"), encoding="utf-8") as file:
            found = [(line.split(" ", 2)[0], int(line.split(" ", 2)[1]), line.rstrip("\n").split(" ", 2)[2]) for line in file]
    except OSError:
        return []
    return [event for event in found if role in (None, event[0])]


def wait_event(role, text, count=1, seconds=20):
    return wait_for(f"{count} times {role} {text!r} among {events()}",
                    lambda: (found := [e for e in events(role) if e[2].startswith(text)]) and len(found) >= count and found, seconds)


def greeting(daemon, timeout=5):
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=timeout) as client:
        return client.recv(200).decode()


def start_daemon_mode(daemon, **environment):
    """Starts it without -f; the finished command."""
    return subprocess.run([daemons.program("sandwichd"), "-c", daemon.ini], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=20, check=False, env={**os.environ, **environment})


def need_root():
    if os.getuid() != 0:
        raise Skip("needs root")


def gone(pid):
    """Dead, or dead and not yet collected."""
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


# ---- start


@suite.test
def starts_and_hands_over_descriptors():
    with supervised() as daemon:
        check(greeting(daemon).startswith(f"220 {daemon.pids('proxy')[0]} "), greeting(daemon))
        proxy, zygote = events("proxy")[0], events("zygote")[0]
        # Standard three, configuration, channel; the proxy also the listener, the control socket and the keys.
        check(proxy[2].endswith("fds= 0 1 2 3 4 5 6 7"), proxy)
        check(zygote[2].endswith("fds= 0 1 2 3 4"), zygote)
        wait_event("zygote", "S")
        check(wait_event("proxy", "Z1 fake signatures 1"), "adopts")
        check(daemon.wait_log("started: .*127.0.0.1:.*fake signatures 1"), "started")
        equal(daemon.stop(), 0, "exit status")
        check(not os.path.exists(daemon.pid_file), "pid file is left")
        check(not os.path.exists(daemon.control_socket), "control socket is left")


@suite.test
def gives_root_up_for_the_proxy():
    need_root()
    with supervised() as daemon:
        account = pwd.getpwnam("daemon")
        check(f"uid={account.pw_uid} gid={account.pw_gid} " in events("proxy")[0][2], events("proxy"))
        pid = daemon.pids("proxy")[0]
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        equal(status["NoNewPrivs"], "1")
        equal(status["CapPrm"].strip("0"), "")
        equal(status["Groups"].split(), [str(account.pw_gid)])
        facts = os.stat(daemon.control_socket)
        equal((facts.st_uid, facts.st_gid, facts.st_mode & 0o777), (account.pw_uid, account.pw_gid, 0o660), "control socket")
        for directory in (daemon.path("quarantine"), daemon.path("spool")):
            facts = os.stat(directory)
            equal((facts.st_uid, facts.st_mode & 0o777), (account.pw_uid, 0o700), directory)


@suite.test
def runs_as_an_ordinary_user():
    need_root()
    with supervised(run_as="nobody") as daemon:
        uid = pwd.getpwnam("nobody").pw_uid
        check(f"uid={uid} " in events("proxy")[0][2], events("proxy"))
        check(greeting(daemon).startswith("220 "), "greeting")
        equal(daemon.stop(), 0)


@suite.test
def daemon_mode_returns_when_ready():
    with supervised(start=False, settings={"log.target": "syslog"}) as daemon:
        started = start_daemon_mode(daemon)
        equal((started.returncode, started.stdout), (0, ""))
        with open(daemon.pid_file, encoding="ascii") as file:
            pid = int(file.read())
        try:
            check(greeting(daemon).startswith("220 "), "greeting")
            equal(os.getsid(pid), pid, "session")
            equal(os.readlink(f"/proc/{pid}/cwd"), "/")
            equal(os.readlink(f"/proc/{pid}/fd/0"), "/dev/null")
            equal(os.readlink(f"/proc/{pid}/fd/1"), "/dev/null")
            with open(f"/proc/{pid}/status", encoding="ascii") as file:
                check("Umask:\t0027" in file.read(), "umask")
        finally:
            os.kill(pid, signal.SIGTERM)
            wait_for("the end", lambda: gone(pid))


@suite.test
def daemon_mode_holds_no_terminal():
    # With the log at syslog nobody keeps the caller's standard error open: "ssh host sandwichd" must return.
    with supervised(start=False, settings={"log.target": "syslog"}) as daemon:
        started = start_daemon_mode(daemon)  # reads to the end
        equal(started.returncode, 0)
        with open(daemon.pid_file, encoding="ascii") as file:
            pid = int(file.read())
        os.kill(pid, signal.SIGTERM)
        wait_for("the end", lambda: gone(pid))


@suite.test
def daemon_mode_tells_why_it_failed():
    with supervised(start=False, wishes={"zygote-refuse": "the database is empty: run freshclam"}) as daemon:
        for target in ("syslog", "stderr"):
            daemon.configure({"log.target": target})
            started = start_daemon_mode(daemon)
            equal(started.returncode, 1)
            check("the database is empty: run freshclam" in started.stderr, started.stderr)
            check(not os.path.exists(daemon.pid_file), "pid file is left")
            check(not os.path.exists(daemon.control_socket), "control socket is left")


def refused_start(daemon, text):
    try:
        daemon.start()
    except StartFailed as failure:
        equal(failure.status, 1)
        check(text in failure.log, failure.log)
        return
    raise Failure(f"it started, in spite of {text!r}")


@suite.test
def zygote_that_refuses_or_dies_keeps_it_from_starting():
    with supervised(start=False, wishes={"zygote-refuse": "no signatures here"}) as daemon:
        refused_start(daemon, "start_failed: no signatures here")
    with supervised(start=False, wishes={"zygote-crash": ""}) as daemon:
        refused_start(daemon, "start_failed: the scanner process ended: signal 6")


@suite.test
def proxy_that_refuses_keeps_it_from_starting():
    with supervised(start=False, wishes={"proxy-refuse": "the quarantine is not ours"}) as daemon:
        refused_start(daemon, "start_failed: the proxy cannot start: the quarantine is not ours")
        equal(len([e for e in events("zygote") if e[2] == "supervisor gone"] or [1]), 1)


@suite.test
def second_instance_is_refused():
    with supervised() as daemon:
        second = subprocess.run([daemons.program("sandwichd"), "-c", daemon.ini, "-f"], capture_output=True, text=True, timeout=20,
                                check=False)
        equal(second.returncode, 1)
        check(f"another sandwichd runs already (pid {daemon.pid}," in second.stderr, second.stderr)
        check(greeting(daemon).startswith("220 "), "the first still serves")
        check(os.path.exists(daemon.control_socket), "control socket of the first is gone")


@suite.test
def occupied_port_and_control_socket_are_refused():
    with supervised(start=False) as daemon, socket.socket() as other:
        other.bind(("127.0.0.1", daemon.port))
        other.listen()
        refused_start(daemon, f"cannot listen on 127.0.0.1:{daemon.port}: Address already in use")
    with supervised(start=False) as daemon, socket.socket(socket.AF_UNIX) as other:
        other.bind(daemon.control_socket)
        other.listen()
        refused_start(daemon, "another sandwichd answers there")
        check(os.path.exists(daemon.control_socket), "removed what is not ours")
        other.close()
        daemon.start()  # nobody answers any more: stale, replaced
        equal(daemon.stop(), 0)
    with supervised(start=False) as daemon:
        with open(daemon.control_socket, "w", encoding="ascii") as file:
            file.write("precious")
        refused_start(daemon, "a file that is no socket is in the way")
        with open(daemon.control_socket, encoding="ascii") as file:
            equal(file.read(), "precious")


@suite.test
def broken_configuration_is_refused_with_every_error():
    with supervised(start=False, settings={"smtp.no_such_key": "1", "smtp.max_connections": "many"}) as daemon:
        refused_start(daemon, "no_such_key")
        check("max_connections" in daemon.log(), daemon.log())
        equal(events(), [], "something was started")
        checked = subprocess.run([daemons.program("sandwichd"), "-c", daemon.ini, "--check-config"], capture_output=True, text=True,
                                 timeout=20, check=False)
        equal(checked.returncode, 1)
        equal(len([line for line in checked.stderr.splitlines() if line.startswith(daemon.ini + ":") and ": error: " in line]), 2)
        daemon.configure({"smtp.no_such_key": None, "smtp.max_connections": None})
        checked = subprocess.run([daemons.program("sandwichd"), "-c", daemon.ini, "--check-config"], capture_output=True, text=True,
                                 timeout=20, check=False)
        equal((checked.returncode, checked.stdout), (0, f"{daemon.ini}: valid\n"))


@suite.test
def unknown_user_is_refused():
    need_root()
    with supervised(start=False, settings={"general.user": "no-such-user-here"}) as daemon:
        refused_start(daemon, 'there is no user "no-such-user-here"')
    with supervised(start=False, settings={"general.user": "root"}) as daemon:
        refused_start(daemon, "user is root")


@suite.test
def service_manager_is_told():
    for abstract in (False, True):
        with supervised(start=False) as daemon, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            name = f"\0sandwich-test-{os.getpid()}" if abstract else daemon.path("notify")
            manager.bind(name)
            manager.settimeout(5)
            os.environ["NOTIFY_SOCKET"] = name.replace("\0", "@")
            try:
                daemon.start()
            finally:
                del os.environ["NOTIFY_SOCKET"]
            equal(manager.recv(200).decode(), f"READY=1\nMAINPID={daemon.pid}")
            for role in ("proxy", "zygote"):
                with open(f"/proc/{daemon.pids(role)[0]}/environ", "rb") as file:
                    check(b"NOTIFY_SOCKET" not in file.read(), role, "inherited NOTIFY_SOCKET")
            daemon.reload()
            check(manager.recv(200).startswith(b"RELOADING=1\nMONOTONIC_USEC="), "reloading")
            equal(manager.recv(200), b"READY=1")
            daemon.stop()
            equal(manager.recv(200), b"STOPPING=1")


# ---- deaths


@suite.test
def dead_proxy_is_replaced_and_nobody_refused():
    with supervised() as daemon:
        for deaths in range(3):
            wait_event("proxy", "Z1 ", deaths + 1)  # it greets whether it has its zygote yet or not
            old = daemon.pids("proxy")[0]
            os.kill(old, signal.SIGKILL)
            text = greeting(daemon)  # connects at once: the supervisor holds the listening socket
            check(text.startswith("220 ") and not text.startswith(f"220 {old} "), text)
        daemon.wait_log("child_died: proxy: signal 9", count=3)
        wait_event("zygote", "S", 4)
        wait_event("proxy", "Z1 ", 4)
        equal(len({pid for _, pid, _ in events("zygote")}), 1, "zygotes")


@suite.test
def proxy_that_dies_again_and_again_is_started_slower_and_slower():
    with supervised() as daemon:
        wish("proxy-refuse", "the disk is gone")
        os.kill(daemon.pids("proxy")[0], signal.SIGKILL)
        started = time.monotonic()
        daemon.wait_log("child_died: proxy: the disk is gone", count=4)
        check(time.monotonic() - started >= 0.6, "100, 200, 400 ms between them")
        unwish("proxy-refuse")
        check(greeting(daemon, 10).startswith("220 "), "serves again")


@suite.test
def dead_zygote_is_replaced_and_given_to_the_proxy():
    with supervised() as daemon:
        wish("signatures", "2")
        os.kill(daemon.pids("zygote")[0], signal.SIGKILL)
        wait_event("proxy", "Z2 fake signatures 2")
        daemon.wait_log("child_died: scanner: signal 9")
        wish("zygote-refuse", "no signatures")
        os.kill(daemon.pids("zygote")[0], signal.SIGKILL)
        daemon.wait_log("scanner_unavailable: no signatures", count=2)
        unwish("zygote-refuse")
        wait_event("proxy", "Z", 3)
        equal(len({pid for _, pid, _ in events("proxy")}), 1, "proxies")


@suite.test
def runner_of_check_programs_comes_goes_and_is_replaced():
    with supervised(settings={"scanner.check a.program": "/bin/true"}) as daemon:
        wait_event("runner", "S")
        wait_event("proxy", "K")
        first = wait_for("a runner", lambda: daemon.pids("runner"))[0]
        os.kill(first, signal.SIGKILL)
        daemon.wait_log("child_died: check programs: signal 9")
        wait_event("proxy", "K", 2)
        second = wait_for("another runner", lambda: daemon.pids("runner"))[0]
        check(first != second, "another process")
        os.kill(daemon.pids("proxy")[0], signal.SIGKILL)
        wait_event("proxy", "K", 3)
        daemon.reload({"smtp.smtp_greeting_msg": "New ESMTP words"})
        equal(daemon.pids("runner"), [second], "a reload that leaves the programs alone")
        daemon.reload({"scanner.check a.program": "/bin/false"})
        wait_event("runner", "L")
        wait_event("proxy", "K", 4)
        wait_for("the old runner's end", lambda: gone(second))
        third = wait_for("a third runner", lambda: daemon.pids("runner"))[0]
        daemon.reload({"scanner.check a.program": None})
        wait_event("runner", "L", 2)
        wait_for("no runner", lambda: gone(third))


@suite.test
def processes_end_when_the_supervisor_is_killed_and_a_new_one_starts_at_once():
    with supervised() as daemon:
        children = daemon.pids("proxy") + daemon.pids("zygote")
        os.kill(daemon.pid, signal.SIGKILL)
        daemon.process.wait()
        daemon.start()
        check(greeting(daemon).startswith("220 "), "greeting")
        wait_for("the orphans' end", lambda: all(gone(pid) for pid in children))


# ---- reload


@suite.test
def reload_brings_configuration_and_signatures():
    with supervised() as daemon:
        old = daemon.pids("zygote")[0]
        wish("signatures", "2")
        daemon.reload({"smtp.smtp_greeting_msg": "New ESMTP words"})
        check(daemon.wait_log("reloaded: .*fake signatures 2"), "logged")
        wait_event("proxy", "C2 2 fake signatures 2")  # in one packet: rules and the scanners that know them
        wait_for("the old zygote's end", lambda: gone(old))
        # A proxy that starts from now on has the new file.
        os.kill(daemon.pids("proxy")[0], signal.SIGKILL)
        check("New ESMTP words" in greeting(daemon), "new greeting")
        wait_event("proxy", "Z2 ")


def need_scheduling_rights():
    """To leave the lowest scheduling class takes a right that a container may lack; the daemon then does not use it."""
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    try:
        os.setpriority(os.PRIO_PROCESS, 0, nice - 1)
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    except PermissionError:
        raise Skip("no right to leave the lowest scheduling class") from None


def loads_beside(daemon):
    """(the zygote that serves, one that loads and does not come to its end)."""
    serving = daemon.pids("zygote")[0]
    equal(os.sched_getscheduler(serving), os.SCHED_OTHER, "class of a scanner that nobody had to wait beside")
    wish("zygote-wait")
    os.kill(daemon.pid, signal.SIGHUP)
    loading = wait_for("a scanner in the lowest class", lambda: [pid for pid in daemon.processes() if class_of(pid) == os.SCHED_IDLE])[0]
    wait_event("zygote", "uid=", 2)
    return serving, loading


def class_of(pid):
    try:
        return os.sched_getscheduler(pid)
    except ProcessLookupError:
        return None


@suite.test
def scanner_loads_in_the_time_that_others_leave_and_serves_like_them():
    need_scheduling_rights()
    with supervised() as daemon:
        _, loading = loads_beside(daemon)
        unwish("zygote-wait")
        daemon.wait_log("reloaded: ")
        equal(os.sched_getscheduler(loading), os.SCHED_OTHER, "its class now")
        equal(wait_event("zygote", "F")[0][1:], (loading, f"F class={os.SCHED_OTHER}"), "its class when it is told to make workers")
        wait_event("zygote", "S", 2)


@suite.test
def scanner_that_gets_no_time_hurries():
    need_scheduling_rights()
    with supervised() as daemon:
        _, loading = loads_beside(daemon)  # it only waits, so that it gets as little as on a machine without any time to spare
        wait_for("the class of all others", lambda: class_of(loading) == os.SCHED_OTHER, 20)
        unwish("zygote-wait")
        daemon.wait_log("reloaded: ")


@suite.test
def scanner_that_mail_waits_for_hurries():
    need_scheduling_rights()
    with supervised() as daemon:
        serving, loading = loads_beside(daemon)
        os.kill(serving, signal.SIGKILL)
        wait_for("the class of all others", lambda: os.sched_getscheduler(loading) == os.SCHED_OTHER, 10)
        unwish("zygote-wait")
        wait_event("proxy", "C2 ")


@suite.test
def broken_file_is_refused_and_changes_nothing():
    with supervised() as daemon:
        zygote = daemon.pids("zygote")
        daemon.reload({"smtp.no_such_key": "1", "smtp.max_connections": "many"})
        check(daemon.wait_log("reload_refused: .*no_such_key"), "first error")
        check(daemon.wait_log("reload_refused: .*max_connections"), "second error")
        equal(daemon.pids("zygote"), zygote)
        equal([e for e in events("proxy") if e[2].startswith("C")], [])
        check(greeting(daemon).startswith("220 "), "greeting")


@suite.test
def change_that_needs_a_restart_is_refused_by_name():
    with supervised() as daemon:
        daemon.reload({"socket_1.proxy_port": daemons.free_port(), "quarantine.path": "/somewhere/else"})
        line = daemon.wait_log("reload_refused: only a restart can change")[0]
        check("proxy_port" in line or "socket_1" in line, line)
        check("path" in line, line)
        equal([e for e in events("proxy") if e[2].startswith("C")], [])


@suite.test
def new_signatures_that_cannot_be_loaded_leave_the_old_ones():
    with supervised() as daemon:
        zygote = daemon.pids("zygote")
        wish("zygote-refuse", "damaged database")
        daemon.reload({"smtp.smtp_greeting_msg": "New ESMTP words"})
        check(daemon.wait_log("reload_refused: the old signatures stay: damaged database"), "told")
        check(daemon.wait_log("reloaded: .*as before, fake signatures 1"), "the configuration is in use")
        wait_event("proxy", "C2")
        equal([e[2] for e in events("proxy") if e[2].startswith("C")], ["C2"], "without scanners")
        equal(daemon.pids("zygote"), zygote)
        equal(len([e for e in events("proxy") if e[2].startswith("Z")]), 1)
        # With settings that need a new scanner, all of it is refused.
        daemon.reload({"scanner.clamav.max_recursion": "7"})
        check(daemon.wait_log("reload_refused: .*the scanner cannot start with it: damaged database"), "refused as a whole")
        equal(len([e for e in events("proxy") if e[2].startswith("C")]), 1)
        unwish("zygote-refuse")
        daemon.reload()
        wait_event("proxy", "C3 4 fake signatures 1")


@suite.test
def proxy_that_rejects_a_configuration_keeps_the_old_one():
    with supervised() as daemon:
        zygote = daemon.pids("zygote")
        wish("proxy-reject", "not with me")
        daemon.reload({"smtp.smtp_greeting_msg": "New ESMTP words"})
        check(daemon.wait_log("reload_refused: .*not with me"), "told")
        wait_for("only the old zygote", lambda: daemon.pids("zygote") == zygote)
        os.kill(daemon.pids("proxy")[0], signal.SIGKILL)
        check("New ESMTP words" not in greeting(daemon), "the old file counts")


@suite.test
def proxy_that_dies_of_a_configuration_comes_back_with_the_old_one():
    with supervised() as daemon:
        wish("proxy-reject", "die")
        daemon.reload({"smtp.smtp_greeting_msg": "New ESMTP words"})
        check(daemon.wait_log("reload_refused: .*ended while it took"), "told")
        check("New ESMTP words" not in greeting(daemon), "the old file counts")


@suite.test
def many_hangups_at_once_end_in_the_newest_file():
    with supervised() as daemon:
        for number in range(20):
            daemon.configure({"smtp.smtp_greeting_msg": f"Number {number} ESMTP words"})
            os.kill(daemon.pid, signal.SIGHUP)
            time.sleep(0.005)
        wait_for("one zygote", lambda: daemon.log_lines("reloaded") and len(daemon.pids("zygote")) == 1)
        time.sleep(0.2)
        os.kill(daemon.pids("proxy")[0], signal.SIGKILL)
        check("Number 19 " in greeting(daemon), greeting(daemon))
        equal(len(daemon.pids("zygote")), 1)


# ---- the end


@suite.test
def proxy_may_finish_before_the_end():
    with supervised(wishes={"proxy-linger": "700"}) as daemon:
        started = time.monotonic()
        os.kill(daemon.pid, signal.SIGTERM)
        wait_event("proxy", "Q")
        equal([e for e in events("zygote") if e[2] == "supervisor gone"], [], "scanners end after the proxy")
        equal(daemon.process.wait(5), 0)
        check(time.monotonic() - started >= 0.7, "waited")
        check([e for e in events("zygote") if e[2] == "supervisor gone"], "the zygote was asked to end, not killed")


@suite.test
def second_signal_ends_it_at_once():
    with supervised(wishes={"proxy-linger": "20000"}) as daemon:
        children = daemon.pids("proxy") + daemon.pids("zygote")
        os.kill(daemon.pid, signal.SIGTERM)
        wait_event("proxy", "Q")
        os.kill(daemon.pid, signal.SIGINT)
        equal(daemon.process.wait(5), 0)
        check(all(gone(pid) for pid in children), "children are left")


@suite.test
def ends_while_it_starts():
    with supervised(start=False) as daemon:
        process = subprocess.Popen([daemons.program("sandwichd"), "-c", daemon.ini, "-f"], stderr=subprocess.PIPE, text=True)
        process.send_signal(signal.SIGTERM)
        errors = process.communicate(timeout=10)[1]
        check(process.returncode in (1, -signal.SIGTERM), process.returncode, errors)
        check(not os.path.exists(daemon.pid_file), "pid file is left")
        check(not os.path.exists(daemon.control_socket), "control socket is left")


if __name__ == "__main__":
    use_fake_program()
    suite.main()
