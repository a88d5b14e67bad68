"""Puts this program into namespaces of its own and sees to it that nothing of it is left when it ends.

Mount, PID, UTS and IPC namespaces where the kernel lets us have them: mounts, the host name and every process vanish with
the program. Where it does not (most containers), the caller is told, and a guardian process ends all descendants instead.
Network namespaces: network.py."""

import ctypes
import os
import signal
import subprocess
import sys
import time

_MARK = "SANDWICH_LAB_ISOLATION"
_UNSHARE = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child=SIGTERM", "--mount-proc", "--propagation", "private"]
_PR_SET_CHILD_SUBREAPER = 36


def enter():
    """Starts the program anew inside its namespaces. Returns there, True when it has mounts and processes of its own."""
    if _MARK not in os.environ:
        own = os.geteuid() == 0 and subprocess.run([*_UNSHARE, "true"], capture_output=True).returncode == 0
        os.environ[_MARK] = "own" if own else "shared"
        if own:
            os.execvp(_UNSHARE[0], [*_UNSHARE, sys.executable, *sys.argv])
    isolated = os.environ.pop(_MARK) == "own"
    _guard()
    return isolated


def can_make_networks():
    return os.geteuid() == 0 and subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode == 0


def _guard():
    """Forks. The child goes on with the program; this process collects orphans, and when the child ends, ends all of them."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # Until the handlers below stand, a signal must not kill the guardian alone.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
        # The default of SIGTERM would skip every finally clause.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the child as well
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: os.kill(child, received))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
    while True:
        pid, status = os.wait()
        if pid == child:
            _end_descendants()
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _children():
    """PIDs of this process's children. Orphans of ours are among them, as we are their reaper."""
    me, found = os.getpid(), []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as stat:
                parent = int(stat.read().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        if parent == me:
            found.append(int(name))
    return found


def _end_descendants():
    """SIGTERM, some patience, SIGKILL. A child's death hands its own children to us, hence the loop."""
    for number, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 2.0)):
        deadline = time.monotonic() + patience
        told = set()
        while time.monotonic() < deadline:
            children = _children()
            if not children:
                return
            for pid in set(children) - told:
                told.add(pid)
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
            try:
                os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                pass
            time.sleep(0.02)
