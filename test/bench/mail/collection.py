"""The collected mail of SANDWICH_CORPUS, unpacked for a run."""

import contextlib
import os
import pathlib
import shutil

from . import places

import corpus  # of test/sandwich  # noqa: E402


@contextlib.contextmanager
def unpacked():
    """Its directory, or None where there is none."""
    ready, archive = os.environ.get("SANDWICH_CORPUS_DIRECTORY"), os.environ.get("SANDWICH_CORPUS")
    if ready or not archive:
        yield pathlib.Path(ready) if ready else None
        return
    if not os.path.exists(archive):
        raise places.Trouble(f"SANDWICH_CORPUS: there is no {archive}")
    top, inner = corpus.unpack(archive)
    os.chmod(top, 0o755)
    try:
        yield pathlib.Path(inner)
    finally:
        shutil.rmtree(top, ignore_errors=True)
