"""System calls for a message, counted by strace. It makes each call slow, so that less is done in one go than otherwise: the figures
are an upper bound, the same for all."""

import contextlib
import pathlib
import signal
import subprocess
import time

from . import packages
from .places import Trouble

_PATIENCE = 20  # seconds for strace to begin and to end
_TIMED = 300  # messages


class Counter:
    """`directory`: where strace is unpacked and writes."""

    def __init__(self, directory):
        self._directory = directory / "strace"
        packages.unpack("strace", self._directory, only="strace")
        self._environment = packages.environment(self._directory)

    def count(self, target, send):
        """{name of the process: {call: number for a message}} while send(messages) runs."""
        by_name = {}
        for pid, name in target.processes().items():
            by_name.setdefault(name, []).append(pid)
        with contextlib.ExitStack() as stack:
            files = {name: self._attach(stack, name, pids) for name, pids in by_name.items()}
            messages = send(_TIMED)["messages"]
        if not messages:
            raise Trouble(f"{target.title}: no message got through while it was traced")
        return {name: {call: number / messages for call, number in _read(file).items()} for name, file in files.items()}

    def _attach(self, stack, name, pids):
        file = self._directory / f"{name}.txt"
        command = [self._directory / "usr/bin/strace", "-c", "-f", "-q", "-U", "calls,name", "-o", file,
                   *(word for pid in pids for word in ("-p", str(pid)))]
        tracer = subprocess.Popen(list(map(str, command)), env=self._environment, stdin=subprocess.DEVNULL)
        stack.callback(_end, tracer)
        limit = time.monotonic() + _PATIENCE
        while not all(_traced(pid) for pid in pids):
            if tracer.poll() is not None or time.monotonic() > limit:
                raise Trouble("strace cannot attach")
            time.sleep(0.01)
        return file


def _traced(pid):
    """Whether all of its threads are."""
    return all("TracerPid:\t0\n" not in (task / "status").read_text(encoding="ascii", errors="replace")
               for task in pathlib.Path(f"/proc/{pid}/task").iterdir())


def _end(tracer):
    tracer.send_signal(signal.SIGINT)
    try:
        tracer.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        tracer.kill()
        tracer.wait()


def _read(file):
    """Call -> number, of strace's summary: lines of a number and a name between two rules of dashes."""
    counts = {}
    for line in file.read_text(encoding="ascii", errors="replace").splitlines():
        words = line.split()
        if len(words) == 2 and words[0].isdigit() and words[1] != "total":
            counts[words[1]] = int(words[0])
    return counts
