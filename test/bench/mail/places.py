"""Where things are: the checkout, a build, what the tests already have for starting daemons, and directories for a run."""

import contextlib
import os
import pathlib
import shutil
import signal
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
CACHE = pathlib.Path(os.environ.get("SANDWICH_CACHE", "/var/cache/sandwich"))

for _folder in ("test/sandwich", "test/peers"):
    if str(ROOT / _folder) not in sys.path:
        sys.path.append(str(ROOT / _folder))


class Trouble(Exception):
    """Something that does not run; the text is for people."""


def program(build, name):
    """A program of a build directory, by its place in it."""
    path = pathlib.Path(build) / name
    if not os.access(path, os.X_OK):
        raise Trouble(f"{path} is missing: build it first (scripts/bench does)")
    return path


@contextlib.contextmanager
def directory(below=None):
    """A directory for everybody's eyes that vanishes with the run. `below`: /dev/shm for what shall cost no disk."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="sandwich-bench-", dir=below))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def end_in_order():
    """SIGTERM ends this program as an exception does, and with it all that it has started."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def memory_directory():
    """A directory in memory, where the machine has a place for one: a scanner's temporary files belong there."""
    return directory("/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
