"""A program that runs in the foreground for the length of a benchmark, with all processes below it."""

import os
import signal
import socket
import subprocess
import time

from .places import Trouble


def answers(port):
    """Whether somebody takes connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(what, ready, seconds, alive=lambda: True):
    end = time.monotonic() + seconds
    while not ready():
        if not alive() or time.monotonic() > end:
            raise Trouble(f"{what} does not become ready")
        time.sleep(0.02)


def parents():
    """pid -> (pid of its parent, name of the program)."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="latin-1") as file:
                head, _, rest = file.read().rpartition(")")
            found[int(name)] = (int(rest.split()[1]), head.partition("(")[2])
        except (OSError, IndexError):
            continue
    return found


def family(pid):
    """pid -> name of the program, of a process and all below it."""
    everybody = parents()
    found = {pid: everybody[pid][1]} if pid in everybody else {}
    grown = True
    while grown:
        grown = False
        for child, (parent, name) in everybody.items():
            if parent in found and child not in found:
                found[child] = name
                grown = True
    return found


class Running:
    """`ready`: tells whether it can be used; what it says goes to a file `output` in `directory`."""

    def __init__(self, name, command, directory, ready, environment=None, seconds=30, **options):
        self.name = name
        self.output = directory / f"{name}.output"
        with self.output.open("ab") as output:
            self._process = subprocess.Popen([str(part) for part in command], env=environment, stdin=subprocess.DEVNULL, stdout=output,
                                             stderr=output, start_new_session=True, **options)
        try:
            wait_until(name, ready, seconds, lambda: self._process.poll() is None)
        except Trouble as trouble:
            self.close()
            raise Trouble(f"{trouble}: {self.said()}") from None

    def said(self):
        return self.output.read_text(encoding="utf-8", errors="replace")[-1500:]

    def processes(self):
        return family(self._process.pid)

    def close(self):
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)  # its own group
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
