"""sandwichctl doctor as a test sees it: run, and its lines taken apart."""

import re
import socket
import subprocess

from daemon import program
from suite import check


def write_ini(path, sections):
    """Section -> keys; returns the path as text."""
    path.write_text("".join(f"[{section}]\n" + "".join(f"{key}={value}\n" for key, value in keys.items()) for section, keys in sections.items()),
                    encoding="ascii")
    return str(path)


class Deaf:
    """A port whose queue is full: what connects gets no answer, as behind a firewall that drops."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.port = self._listener.getsockname()[1]
        self._full = [socket.socket() for _ in range(4)]
        for one in self._full:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", self.port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in (self._listener, *self._full):
            one.close()


def findings(path, tool=None, **options):
    """What sandwichctl doctor says of a configuration, as {what a line is about: [[level, text, cure]]}, its exit status, all it printed."""
    done = subprocess.run([tool or program("sandwichctl"), "doctor", "-c", path, "--patience=2"], capture_output=True, text=True, check=False,
                          timeout=120, **options)
    found = {}
    for line in done.stdout.splitlines():
        if match := re.match(r"(ok|warning|FAILURE) +(.*?): (.*)", line):
            found.setdefault(match[2], []).append([match[1], match[3], ""])
            last = found[match[2]][-1]
        elif line.startswith("         cure: "):
            last[2] = line[len("         cure: "):]
    return found, done.returncode, done.stdout + done.stderr


def compare(found, wanted):
    """`wanted`: of each, what it is about, its level, a part of its text, a part of its cure. There is one line about each."""
    for about, level, text, cure in wanted:
        lines = found.get(about, [])
        check(len(lines) == 1 and lines[0][0] == level and text in lines[0][1] and cure in lines[0][2], about, level, text, cure, lines or sorted(found))
