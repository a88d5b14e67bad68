"""What is measured beside us, as Debian packages it: fetched, and unpacked into a directory of the run, never installed. The lists of
packages are those of scripts/lib/packages.sh."""

import os
import subprocess

from .places import CACHE, ROOT, Trouble

# List -> folder of the cache, which the tests share.
_FOLDERS = {"postfix": "postfix", "haproxy": "haproxy", "engine": "engines", "clamsmtp": "clamsmtp", "amavis": "amavis",
            "strace": "strace"}


def _fetch(kind):
    parts, folder = ROOT / "scripts/lib", CACHE / _FOLDERS[kind]
    script = (f'set -euo pipefail; . "{parts}/base.sh"; . "{parts}/packages.sh"; '
              'declare -n list="$2_packages"; fetch_packages "$1" "${list[@]}" >&2')
    done = subprocess.run(["bash", "-c", script, "bench", str(folder), kind], check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode != 0:
        raise Trouble(f"the packages of {kind} cannot be had: {done.stdout[-500:]}")
    return sorted(folder.glob("*.deb"))


def unpack(kind, directory, only=None):
    """`only`: the one package that is wanted of the list."""
    for package in _fetch(kind):
        if only in (None, package.name.split("_")[0]):
            subprocess.run(["dpkg", "-x", str(package), str(directory)], check=True)


def environment(directory, *more_libraries):
    """For a program that was unpacked: its libraries are found where they are."""
    libraries = [path for place in ("usr/lib", "lib") for path in sorted((directory / place).glob("*-linux-gnu*"))]
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C", "HOME": os.environ.get("HOME", "/"),
            "LD_LIBRARY_PATH": ":".join(map(str, [*libraries, *more_libraries]))}
