"""Haraka, from npm, with its queue plugin that forwards, and with its clamd plugin or without."""

import shutil
import subprocess

from .places import CACHE, Trouble
from .running import Running, answers

from daemon import free_port  # of test/sandwich  # noqa: E402

_WANTED = ("Haraka@3.3.4", "haraka-plugin-clamd@1.0.6")
# Haraka takes no recipient unless a plugin says so.
_ACCEPT = "exports.hook_rcpt = function (next, connection, params) { next(OK) }\n"


def _installed():
    """The directory with its node_modules, installed when it is not there yet."""
    place = CACHE / "haraka"
    if (place / "complete").exists():
        return place
    if not shutil.which("npm") or not shutil.which("node"):
        raise Trouble("Haraka needs node and npm")
    place.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["npm", "install", "--prefix", str(place), "--no-audit", "--no-fund", "--omit=optional", *_WANTED], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode != 0:
        raise Trouble(f"npm cannot install Haraka: {done.stdout[-500:]}")
    (place / "complete").touch()
    return place


class Haraka:
    def __init__(self, directory, sink, clamd):
        self.scans = clamd is not None
        self.name = "haraka-clamd" if clamd else "haraka"
        self.title = "Haraka + clamd" if clamd else "Haraka"
        self.port, self._clamd = free_port(), clamd
        place = directory / self.name
        (place / "plugins").mkdir(parents=True)
        (place / "config").mkdir()
        modules = _installed() / "node_modules"
        (place / "node_modules").symlink_to(modules)
        (place / "plugins/accept.js").write_text(_ACCEPT, encoding="ascii")
        files = {"me": "haraka.to.test\n", "plugins": "accept\n" + ("clamd\n" if clamd else "") + "queue/smtp_forward\n",
                 "smtp.ini": f"listen=127.0.0.1:{self.port}\nnodes=cpus\n", "smtp_forward.ini": f"host=127.0.0.1\nport={sink.port}\n",
                 "log.ini": "level=ERROR\n", "clamd.ini": f"clamd_socket={clamd.socket if clamd else ''}\nmax_size=104857600\n"}
        shutil.copy(modules / "Haraka/config/connection.ini", place / "config")  # without a whole one it dies of the first connection
        for name, text in files.items():
            (place / "config" / name).write_text(text, encoding="ascii")
        self._running = Running(self.name, ["node", modules / "Haraka/bin/haraka", "-c", place], directory, lambda: answers(self.port))

    def processes(self):
        return self._running.processes() | (self._clamd.processes() if self._clamd else {})

    def close(self):
        self._running.close()
