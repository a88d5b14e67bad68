"""Signatures to scan with: the project's test signatures, a directory, those of the collected material, or many made-up ones.

Made-up ones have the shapes that ClamAV's own databases have: hashes of whole files, strings, and logical expressions over several
strings. The kinds of file that they are for have the proportions of ClamAV's main.ldb, and that matters most: what is for programs
busies nobody who reads mail. They match nothing."""

import gzip
import pathlib
import random
import shutil

from .places import ROOT, Trouble

MANY = 220_000
_LETTERS = "bcdfghjklmnpqrstvwxz"  # no word of a mail has so many of them in a row
# Kinds of file (0 any, 1 programs of Windows, 2 OLE, 3 HTML, 7 text), and how often a logical signature is for one.
_TARGETS, _SHARES = (1, 2, 0, 3, 7), (880, 65, 25, 20, 10)


def _string(dice, target):
    """A string of a signature, in hexadecimal."""
    length = dice.randrange(14, 60)
    if target in (0, 3, 7):
        return "".join(dice.choice(_LETTERS + "./:=") for _ in range(length)).encode("ascii").hex()
    text = dice.randbytes(length).hex()
    if target == 1 and dice.randrange(4) == 0:  # a gap
        return f"{text}{{{dice.randrange(1, 20)}-{dice.randrange(20, 60)}}}{dice.randbytes(8).hex()}"
    return text


def _logical(dice, number):
    target = dice.choices(_TARGETS, _SHARES)[0]
    count = dice.choice((1, 2, 3, 3, 3, 5, 5, 5, 6))
    if count > 2 and dice.randrange(3) == 0:
        expression = f"0&({'|'.join(map(str, range(1, count)))})"
    else:
        expression = "&".join(map(str, range(count)))
    strings = ";".join(_string(dice, target) for _ in range(count))
    return f"Made.Logical.{number};Engine:51-255,Target:{target};{expression};{strings}"


def make(directory, count):
    """Writes `count` signatures, the same for the same count, to a new directory: 72 % hashes, 10 % strings, 18 % expressions."""
    dice = random.Random(count)
    directory.mkdir()
    hashes, strings = count * 72 // 100, count * 10 // 100
    with open(directory / "made.hdb", "w", encoding="ascii") as file:
        for number in range(hashes):
            file.write(f"{dice.randbytes(16).hex()}:{dice.randrange(300, 3_000_000)}:Made.Hash.{number}\n")
    with open(directory / "made.ndb", "w", encoding="ascii") as file:
        for number in range(strings):
            file.write(f"Made.String.{number}:0:*:{_string(dice, 0)}\n")
    with open(directory / "made.ldb", "w", encoding="ascii") as file:
        for number in range(count - hashes - strings):
            file.write(_logical(dice, number) + "\n")
    return directory


def _copy(source, directory):
    """So that the scanner's user, who may not look into a home directory, can read them; .gz are unpacked."""
    directory.mkdir()
    for path in sorted(source.iterdir()):
        if path.suffix == ".gz":
            with gzip.open(path, "rb") as packed, open(directory / path.stem, "wb") as file:
                shutil.copyfileobj(packed, file)
        elif path.is_file():
            shutil.copy(path, directory / path.name)
    for path in directory.iterdir():
        path.chmod(0o644)
    return directory


def choose(wanted, directory, collection):
    """(a directory with signatures, what to call it). `wanted`: None, "test", "made[:COUNT]", "corpus" or a directory."""
    wanted = wanted or ("corpus" if collection else "made")
    if wanted == "test":
        return _copy(ROOT / "etc/test-signatures", directory / "database"), "those for tests"
    if wanted == "corpus":
        if not collection:
            raise Trouble("--database corpus needs SANDWICH_CORPUS")
        return _copy(collection / "malware-safe/clamav-db", directory / "database"), "real ones, of the corpus"
    kind, _, count = wanted.partition(":")
    if kind == "made" and (count or "1").isdigit() and int(count or MANY) >= 100:
        return make(directory / "database", int(count or MANY)), "made up"
    source = pathlib.Path(wanted)
    if not source.is_dir():
        raise Trouble(f"{wanted}: no directory with signatures, and neither test, made, made:COUNT (from 100) nor corpus")
    return _copy(source, directory / "database"), f"of {source.name}"
