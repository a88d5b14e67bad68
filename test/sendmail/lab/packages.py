"""Sendmail's package files, through the shell part that also installs what is missing (scripts/lib/packages.sh)."""

import os
import pathlib
import subprocess

from .sandwich import CHECKOUT

CACHE = pathlib.Path(os.environ.get("SANDWICH_CACHE", "/var/cache/sandwich")) / "packages"


def sendmail():
    """The .deb files, fetched when they are not there yet."""
    parts = CHECKOUT / "scripts/lib"
    script = f'set -euo pipefail; . "{parts}/base.sh"; . "{parts}/packages.sh"; fetch_sendmail "$1" >&2'
    subprocess.run(["bash", "-c", script, "lab", str(CACHE)], check=True)
    return sorted(CACHE.glob("*.deb"))
