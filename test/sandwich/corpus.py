"""The collected mail of SANDWICH_CORPUS (a tar.xz), unpacked once a run into a temporary directory that vanishes with the process.

The runner unpacks it for all suites and says where in SANDWICH_CORPUS_DIRECTORY."""

import atexit
import os
import shutil
import tarfile
import tempfile

from suite import Skip

_own = []


def unpack(archive):
    """Unpacks to a new temporary directory, and returns the one that holds ham/, spam/ and so on. The caller removes it."""
    top = tempfile.mkdtemp(prefix="sandwich-corpus-")
    with tarfile.open(archive) as tar:
        tar.extractall(top, filter="data") if hasattr(tarfile, "data_filter") else tar.extractall(top)
    return top, os.path.join(top, "dev")


def directory():
    """Raises Skip when there is none."""
    ready = os.environ.get("SANDWICH_CORPUS_DIRECTORY")
    if ready:
        return ready
    archive = os.environ.get("SANDWICH_CORPUS")
    if not archive or not os.path.exists(archive):
        raise Skip("SANDWICH_CORPUS is not set")
    if not _own:
        top, inner = unpack(archive)
        atexit.register(shutil.rmtree, top, ignore_errors=True)
        _own.append(inner)
    return _own[0]
