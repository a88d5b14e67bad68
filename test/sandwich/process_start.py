#!/usr/bin/python3
"""The real processes: users, start and refusal to start, deaths under load, reloads with good and bad signatures."""

import os
import pwd
import re
import signal
import socket
import subprocess
import threading
import time

from daemon import ROOT, Daemon, StartFailed, program
from samples import eicar, message
from suite import Failure, Skip, Suite, check, equal, wait_for

from client import Client, send_message
from sink import Sink

suite = Suite()


def need_root():
    if os.getuid() != 0:
        raise Skip("needs root")


def user_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return pwd.getpwuid(int(re.search(r"^Uid:\t(\d+)", file.read(), re.M).group(1))).pw_name


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def refused_start(daemon, text):
    try:
        daemon.start()
    except StartFailed as failure:
        equal(failure.status, 1)
        check(text in failure.log, failure.log)
        return failure.log
    raise Failure(f"it started, in spite of {text!r}")


def directories_of_scanners():
    owner = pwd.getpwnam("nobody").pw_uid
    found = set()
    for place in ("/dev/shm", "/tmp"):
        with os.scandir(place) as entries:
            found |= {entry.path for entry in entries if entry.name.startswith("sandwich-scan.") and entry.stat().st_uid == owner}
    return found


@suite.test
def a_scanner_that_ends_leaves_no_directory_where_it_has_no_namespace():
    need_root()
    before = directories_of_scanners()
    without = ("setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin")
    with Sink() as sink, Daemon(sink.port, through=without) as daemon:
        first = directories_of_scanners() - before
        equal(len(first), 1, "directories of the first scanner")
        equal(send_message(daemon.port, message()).code, 250)
        daemon.reload()
        wait_for("the first scanner's end", lambda: not first & directories_of_scanners())
        equal(len(directories_of_scanners() - before), 1, "directories of the second scanner")
        equal(send_message(daemon.port, message()).code, 250)
    equal(directories_of_scanners() - before, set(), "directories left")


@suite.test
def each_process_has_the_rights_of_its_own_user():
    need_root()
    with Sink() as sink, Daemon(sink.port) as daemon:
        equal(send_message(daemon.port, message()).code, 250)
        wait_for("workers", lambda: daemon.pids("worker"))
        equal(user_of(daemon.pid), "root")
        equal({user_of(pid) for pid in daemon.pids("proxy")}, {"daemon"})
        equal({user_of(pid) for pid in daemon.pids("worker")}, {"nobody"})
        for role in ("proxy", "worker"):
            with open(f"/proc/{daemon.pids(role)[0]}/status", encoding="ascii") as file:
                check("NoNewPrivs:\t1" in file.read(), role)


@suite.test
def ordinary_user_has_mail_scanned_on_a_high_port():
    need_root()
    with Sink() as sink, Daemon(sink.port, run_as="nobody") as daemon:
        equal({user_of(pid) for pid in daemon.processes()}, {"nobody"})
        equal(send_message(daemon.port, message()).code, 250)
        equal(send_message(daemon.port, message(eicar() + b"\r\n")).code, 250)
        equal(len(sink.messages), 1, "delivered")
        held = [name for name in os.listdir(daemon.quarantine) if name.endswith(".eml")]
        equal(len(held), 1, "held")
        equal(daemon.stop(), 0)


@suite.test
def empty_database_is_refused_with_the_way_out():
    with Daemon(start=False, settings={"scanner.clamav.allow_test_signatures": None, "scanner.clamav.test_signatures": None}) as daemon:
        log = refused_start(daemon, "start_failed: ")
        check("freshclam" in log, log)
        check(not os.path.exists(daemon.pid_file) and not os.path.exists(daemon.control_socket), "left behind")


@suite.test
def quarantine_of_another_user_is_refused():
    need_root()
    with Daemon(start=False) as daemon:
        os.mkdir(daemon.quarantine, 0o700)
        log = refused_start(daemon, "start_failed: ")
        check("belongs to user 0" in log, log)
        # In daemon mode the caller is told as well.
        daemon.configure({"log.target": "syslog"})
        called = subprocess.run([program("sandwichd"), "-c", daemon.ini], capture_output=True, text=True, timeout=20, check=False)
        equal(called.returncode, 1)
        check("belongs to user 0" in called.stderr, called.stderr)


@suite.test
def sandwichd_check_config_and_print_config():
    with Daemon(start=False) as daemon:
        def run(*arguments):
            return subprocess.run([program("sandwichd"), *arguments], capture_output=True, text=True, timeout=20, check=False)

        equal(run("-c", daemon.ini, "--check-config").returncode, 0)
        printed = run("-c", daemon.ini, "--print-config")
        equal(printed.returncode, 0)
        check(re.search(rf"^proxy_port *= *{daemon.port}$", printed.stdout, re.M), printed.stdout[:600])
        again = daemon.path("again.ini")
        with open(again, "w", encoding="utf-8") as file:
            file.write(printed.stdout)
        equal(run("-c", again, "--print-config").stdout, printed.stdout, "what it prints, read back")
        defaults = run("--print-config")
        check("proxy_port" in defaults.stdout and defaults.returncode == 0, "defaults")
        check("smtp_allow_client_ip" in run("--print-sample-config").stdout, "sample")
        equal(run("-c", daemon.path("missing.ini"), "--check-config").returncode, 1)
        equal(run("--no-such-option").returncode, 2)
        equal(run("-c", daemon.ini, "extra").returncode, 2)
        equal(run("--role=proxy").returncode, 2)
        check(run("--version").stdout.startswith("sandwichd "), "version")


@suite.test
def manuals_agree_with_the_programs():
    def text_of(name, *arguments):
        return subprocess.run([program(name), *arguments], capture_output=True, text=True, timeout=20, check=True).stdout

    pages = {}
    for name in ("sandwichd", "sandwichctl"):
        with open(os.path.join(ROOT, f"etc/man/{name}.8"), encoding="ascii") as file:
            pages[name] = file.read()
        for option in re.findall(r"--([a-z-]+)", text_of(name, "--help")):
            check(re.search(rf"Fl -{option}\b", pages[name]), f"{name}(8) does not know --{option}")
    table = re.search(r'^\.\\" begin events\n(.*?)^\.\\" end events\n', pages["sandwichd"], re.S | re.M)
    equal(table.group(1), text_of("sandwichd", "--print-events"), "events: print them with sandwichd --print-events")


@suite.test
def killed_proxy_refuses_nobody():
    with Sink() as sink, Daemon(sink.port) as daemon:
        accepted, problems, stop = [], [], threading.Event()

        def send():
            while not stop.is_set():
                try:
                    with Client(daemon.port) as client:  # a refused connection is a ConnectionRefusedError here
                        client.ehlo()
                        reply = client.deliver(message())
                        (accepted if reply.code == 250 else problems).append(str(reply))
                except ConnectionRefusedError as problem:
                    problems.append(repr(problem))
                except (AssertionError, OSError):
                    pass  # the session was cut: the upstream tries again

        senders = [threading.Thread(target=send) for _ in range(4)]
        for sender in senders:
            sender.start()
        for _ in range(3):
            time.sleep(0.4)
            before = len(accepted)
            os.kill(daemon.pids("proxy")[0], signal.SIGKILL)
            wait_for("mail again", lambda: len(accepted) > before + 5, 15)
        stop.set()
        for sender in senders:
            sender.join()
        equal([text for text in problems if "Refused" in text], [], "refused connections")
        check(len(sink.messages) >= len(accepted), len(sink.messages), "delivered of", len(accepted), "accepted")


@suite.test
def killed_zygote_is_replaced():
    with Sink() as sink, Daemon(sink.port) as daemon:
        old = daemon.pids("zygote")[0]
        os.kill(old, signal.SIGKILL)
        daemon.wait_log("child_died: scanner: signal 9")
        wait_for("mail that is scanned again", lambda: send_message(daemon.port, message()).code == 250, 15)
        equal(send_message(daemon.port, message(eicar() + b"\r\n")).code, 250)
        equal(len([name for name in os.listdir(daemon.quarantine) if name.endswith(".eml")]), 1, "held")


@suite.test
def killed_supervisor_leaves_nothing_and_can_be_started_at_once():
    with Sink() as sink, Daemon(sink.port) as daemon:
        children = [pid for pid in daemon.processes() if pid != daemon.pid]
        idle = Client(daemon.port)
        os.kill(daemon.pid, signal.SIGKILL)
        daemon.process.wait()
        daemon.start()
        equal(send_message(daemon.port, message()).code, 250)
        idle.socket.close()
        wait_for("the orphans' end", lambda: all(gone(pid) for pid in children), 15)


@suite.test
def message_in_work_is_finished_before_the_end():
    with Sink() as sink, Daemon(sink.port) as daemon:
        client = Client(daemon.port)
        client.ehlo()
        for line in ("MAIL FROM:<a@from.test>", "RCPT TO:<b@to.test>", "DATA"):
            client.send(line + "\r\n")
            client.reply()
        os.kill(daemon.pid, signal.SIGTERM)
        daemon.wait_log("stopped: SIGTERM")
        try:
            with socket.create_connection(("127.0.0.1", daemon.port), timeout=2) as late:
                check(late.recv(100).startswith(b"421 ") or not late.recv(100), "a late client is served")
        except OSError:
            pass
        client.send(message() + b".\r\n")
        equal(client.reply().code, 250)
        equal(daemon.process.wait(15), 0)
        equal(len(sink.messages), 1)


@suite.test
def reload_with_new_signatures_while_mail_flows():
    with Sink() as sink, Daemon(sink.port) as daemon:
        replies, stop = [], threading.Event()

        def send():
            while not stop.is_set():
                replies.append(send_message(daemon.port, message()).code)

        senders = [threading.Thread(target=send) for _ in range(4)]
        for sender in senders:
            sender.start()
        for _ in range(4):
            old = daemon.pids("zygote")[0]
            daemon.reload()
            check("reloaded" in daemon.log_lines("reloaded|reload_refused")[-1], daemon.log_lines("reload")[-1])
            wait_for("the old zygote's end", lambda old=old: gone(old), 15)
        stop.set()
        for sender in senders:
            sender.join()
        equal(set(replies), {250}, "replies")
        equal(len(daemon.pids("zygote")), 1)
        equal(len(sink.messages), len(replies))


@suite.test
def reload_with_a_broken_database_keeps_the_old_engine():
    with Sink() as sink, Daemon(sink.port) as daemon:
        zygote = daemon.pids("zygote")
        for name in os.listdir(daemon.path("test-signatures")):
            os.rename(os.path.join(daemon.path("test-signatures"), name), daemon.path(name))
        daemon.reload()
        daemon.wait_log("reload_refused: the old signatures stay")
        equal(daemon.pids("zygote"), zygote)
        equal(send_message(daemon.port, message(eicar() + b"\r\n")).code, 250)
        equal((len(sink.messages), len([n for n in os.listdir(daemon.quarantine) if n.endswith(".eml")])), (0, 1), "still found")


@suite.test
def reload_changes_what_is_said():
    with Sink() as sink, Daemon(sink.port) as daemon:
        daemon.reload({"smtp.smtp_greeting_msg": "Other ESMTP words"})
        check("Other ESMTP words" in Client(daemon.port).greeting.text, "greeting")
        daemon.reload({"smtp.nonsense": "1"})
        daemon.wait_log("reload_refused: .*nonsense")
        check("Other ESMTP words" in Client(daemon.port).greeting.text, "greeting")


if __name__ == "__main__":
    suite.main()
