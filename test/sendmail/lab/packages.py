"""Package files of Sendmail and of what belongs to it, through the shell part that also installs what is missing (scripts/lib/packages.sh)."""

import os
import pathlib
import subprocess

from .sandwich import CHECKOUT

CACHE = pathlib.Path(os.environ.get("SANDWICH_CACHE", "/var/cache/sandwich"))


def _fetched(kind):
    """The .deb files, fetched when they are not there yet."""
    parts = CHECKOUT / "scripts/lib"
    script = f'set -euo pipefail; . "{parts}/base.sh"; . "{parts}/packages.sh"; fetch_"$1" "$2" >&2'
    folder = CACHE / kind
    subprocess.run(["bash", "-c", script, "lab", kind, str(folder)], check=True)
    return sorted(folder.glob("*.deb"))


def sendmail():
    return _fetched("sendmail")


def sasl():
    """What Sendmail asks for passwords."""
    return _fetched("sasl")
