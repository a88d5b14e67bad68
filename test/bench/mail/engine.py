"""libclamav alone (engine.cpp), kept running so that its signatures are loaded once.

Its heap is kept. As it comes, the C library may take the memory away after each file and give new pages for the next, up to half of the
work; whether it does depends on how the heap lies. What we compare with is libclamav at its best."""

import json
import subprocess

from . import places
from .measure import pss
from .places import Trouble


class Engine:
    name, title = "engine", "libclamav alone"

    def __init__(self, build, database, directory):
        """`directory`: for its temporary files, in memory."""
        self._process = subprocess.Popen([str(places.program(build, "test/bench/bench_engine")), str(database), str(directory)],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.signatures = self._answer()["signatures"]

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            raise Trouble("bench_engine ended; its reason is above")
        return json.loads(line)

    def scan(self, directory, seconds=0, messages=0):
        """A dict: messages, found, seconds, cpu."""
        self._process.stdin.write(f"{messages} {seconds} {directory}\n")
        self._process.stdin.flush()
        return self._answer()

    def pss(self):
        return pss({self._process.pid: self.name})

    def close(self):
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()
