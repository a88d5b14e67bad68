"""Sends a load to a port, and tells what came of it: our own sender, which takes times and sends given mails, and Postfix's
smtp-source, which is not ours."""

import json
import subprocess
import time

from . import places
from .places import Trouble


class Own:
    """test/bench/mail/send.cpp."""

    def __init__(self, build):
        self._program = places.program(build, "test/bench/bench_send")

    def send(self, port, load, directory, seconds=None, messages=None, patience=10, together=False, sender=None,
             recipient=None):
        """`together`: no message ends before all sessions have sent theirs. A dict: messages, refused, lost, stalled, seconds, octets,
        median_ms, p99_ms, max_ms, trouble."""
        command = [self._program, "-s", load.sessions, "-r", load.reuse, "-w", patience]
        command += ["-t", seconds] if seconds else []
        command += ["-n", messages] if messages else []
        command += ["-T"] if together else []
        command += ["-f", sender] if sender else []
        command += ["-o", recipient] if recipient else []
        if load.texts == "corpus" and not messages:
            command.append("-c")
        done = subprocess.run([*map(str, command), f"127.0.0.1:{port}", str(directory)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Trouble(f"bench_send: {done.stderr.strip()}")
        return json.loads(done.stdout)


class Paced:
    """The same sender, beside what else is going on until end() is called. `rate`: messages a second, each at its time; None: as fast as
    they are taken."""

    def __init__(self, build, port, load, directory, times, rate=None, patience=60):
        """`times`: a file for when each message was due, or began, and how long it took."""
        self._times = times
        command = [places.program(build, "test/bench/bench_send"), "-s", load.sessions, "-w", patience, "-t", 3600, "-l", times]
        command += ["-R", f"{rate:.3f}"] if rate else []
        self._process = subprocess.Popen([*map(str, command), f"127.0.0.1:{port}", str(directory)], stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE, text=True)

    def end(self):
        """(what Own.send() tells, [(second of the monotonic clock, milliseconds)])."""
        self._process.terminate()
        output, words = self._process.communicate(timeout=120)
        if self._process.returncode != 0:
            raise Trouble(f"bench_send: {words.strip() or self._process.returncode}")
        with open(self._times, encoding="ascii") as file:
            times = [(float(begun), float(taken)) for begun, taken in map(str.split, file)]
        return json.loads(output), times

    def kill(self):
        """Whatever it is doing; after end() nothing."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


class SmtpSource:
    """It takes no times and ends with the first failure, so that it says less."""

    def __init__(self, sink):
        self._program = sink.programs / "smtp-source"
        self._environment = sink.environment

    def send(self, port, load, messages, size, patience=30):
        begin = time.monotonic()
        command = [self._program, "-s", load.sessions, "-l", size, "-m", messages, "-f", "sender@from.test", "-t", "recipient@to.test",
                   f"127.0.0.1:{port}"]
        result = {"messages": messages, "refused": 0, "lost": 0, "stalled": False, "octets": messages * size, "trouble": ""}
        try:
            done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, timeout=patience,
                                  env=self._environment)
        except subprocess.TimeoutExpired:
            result |= {"messages": 0, "stalled": True, "trouble": "it did not end in time"}
        else:
            if done.returncode != 0:
                result |= {"messages": 0, "lost": messages, "trouble": done.stderr.strip()[-200:]}
        return result | {"seconds": time.monotonic() - begin}
