"""The mails that are sent: made ones of three sizes, and collected ones where there are any (SANDWICH_CORPUS)."""

import base64
import hashlib
import os
import random

from .places import Trouble

SIZES = {"4K": 4 << 10, "64K": 64 << 10, "1M": 1 << 20}
TITLES = {"4K": "4 KiB", "64K": "64 KiB", "1M": "1 MiB", "corpus": "corpus"}
_HOW_MANY = {"4K": 64, "64K": 32, "1M": 6}
# Each copy that is sent has digits of its own in its place: see texts.hpp.
PLACEHOLDER = "@SANDWICH-BENCH@"
_LARGEST = 1 << 20  # of the corpus

_WORDS = """the of and to a in is it you that he was for on are with as his they be at one have this from or had by hot but some what
there we can out other were all your when up use word how said an each she which do their time if will way about many then them
would write like so these her long make thing see him two has look more day could go come did my sound no most number who over
know water than call first people may down side been now find invoice meeting report order number please attached regards""".split()


def _sentence_lines(dice, size):
    """Text of people, about that many octets, with lines as long as those of mail."""
    lines, length = [], 0
    while length < size:
        line = ""
        while len(line) < 62:
            line += dice.choice(_WORDS) + " "
        lines.append(line.rstrip().capitalize())
        length += len(line) + 1
    return lines


def _attachment_lines(dice, size):
    """Base64 of octets that nothing compresses, as of a picture; each file has digits of its own."""
    octets = base64.b64encode(dice.randbytes(size * 3 // 4)).decode("ascii")
    lines = [octets[at:at + 76] for at in range(0, len(octets), 76)]
    lines[0] = PLACEHOLDER + lines[0][16:]
    return lines


def _made(number, size):
    """A mail of that size: text only, or from 64 KiB on text and a file."""
    dice = random.Random(f"{size} {number}")
    head = ["From: Alice Example <alice@from.test>", "To: Bob Example <bob@to.test>", f"Subject: {' '.join(dice.choices(_WORDS, k=6))}",
            f"Message-ID: <{PLACEHOLDER}@from.test>", "Date: Sat, 28 Nov 2026 10:00:00 +0000", "MIME-Version: 1.0"]
    text = [f"Reference {PLACEHOLDER}"]
    if size < SIZES["64K"]:
        lines = head + ["Content-Type: text/plain; charset=us-ascii", ""] + text + _sentence_lines(dice, size - 420)
    else:
        text += _sentence_lines(dice, 3000)
        octets = size - 4200
        lines = head + ['Content-Type: multipart/mixed; boundary="=_limit"', "", "--=_limit", "Content-Type: text/plain; charset=us-ascii", ""]
        lines += text + ["--=_limit", 'Content-Type: application/octet-stream; name="data.bin"', "Content-Transfer-Encoding: base64",
                         'Content-Disposition: attachment; filename="data.bin"', ""]
        lines += _attachment_lines(dice, octets * 76 // 78) + ["--=_limit--"]
    return "\n".join(lines) + "\n"


def make(directory, kinds):
    """Writes the made mails; kind -> directory."""
    places = {}
    for kind in kinds:
        places[kind] = directory / kind
        places[kind].mkdir()
        for number in range(_HOW_MANY[kind]):
            (places[kind] / f"{number:04}.eml").write_text(_made(number, SIZES[kind]), encoding="ascii")
    return places


def make_large(path, size):
    """One mail; without anything of its own for each copy, since a sender then has to hold but one."""
    path.write_text(_made(0, size).replace(PLACEHOLDER, "0123456789abcdef"), encoding="ascii")
    return path


def deal(collection, directory, repetitions, count):
    """Of the collected mail below `collection`, other `count` mails for each repetition, so that nothing that remembers mail can have
    seen them; a list of directories with links to the files."""
    files = sorted((path for folder in ("ham", "spam") for path in (collection / folder).rglob("*")
                    if path.is_file() and path.suffix not in (".mbox", ".tsv", ".md") and 200 < path.stat().st_size < _LARGEST),
                   key=lambda path: hashlib.sha256(str(path.relative_to(collection)).encode()).digest())
    if len(files) < repetitions * 10:
        raise Trouble(f"{collection} holds {len(files)} mails: too few")
    count = min(count, len(files) // repetitions)
    hands = []
    for number in range(repetitions):
        hand = directory / f"corpus-{number}"
        hand.mkdir()
        for index, path in enumerate(files[number * count:(number + 1) * count]):
            os.symlink(path, hand / f"{index:05}")
        hands.append(hand)
    return hands
