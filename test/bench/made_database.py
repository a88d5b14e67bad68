#!/usr/bin/python3
"""Makes a signature database for benchmarks: what libclamav costs grows with what it has loaded, and real databases may not be copied here.

Kinds, targets, sizes of expressions and of bodies are in the proportions of ClamAV's own main and daily databases; the signatures mean
nothing and match no mail. The same arguments give the same files on every machine.

    made_database.py [--signatures N] [--seed N] DIRECTORY      files made.hdb .hsb .mdb .ndb .ldb; 200,000 signatures without --signatures
"""

import argparse
import os
import random

# Of 1,000 signatures; the rest are logical ones.
HASHES_MD5, HASHES_SHA256, SECTIONS, BODIES = 420, 90, 150, 110

# What kind of file a signature is for (the numbers are ClamAV's), and how many of 1,000.
BODY_TARGETS = ((0, 760), (1, 90), (2, 30), (3, 50), (4, 20), (6, 10), (7, 30), (12, 10))
LOGICAL_TARGETS = ((1, 882), (2, 62), (0, 26), (3, 8), (7, 8), (9, 7), (6, 3), (10, 2), (11, 2))
SUBSIGNATURES = ((5, 430), (3, 430), (6, 34), (2, 30), (8, 26), (1, 24), (4, 14), (12, 6), (7, 4), (10, 1), (20, 1))

WORDS = """document shell window message function return value table style border http www download update invoice payment account
    password security microsoft system32 program files document.write script javascript string replace length object create
    registry software currentversion explorer temp execute powershell hidden bypass encoded command payload buffer virtual
    alloc protect process thread inject module kernel32 user32 library export resource version copyright company product""".split()


def weighted(chance, table):
    return chance.choices([value for value, _ in table], [weight for _, weight in table])[0]


def random_octets(chance, least, most):
    return chance.randbytes(chance.randint(least, most))


def text(chance):
    """Words as programs and pages have them, and a random one, so that no mail has all of it."""
    words = chance.choices(WORDS, k=chance.randint(1, 3))
    words.append("".join(chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=chance.randint(8, 14))))
    chance.shuffle(words)
    return chance.choice(" /._-=").join(words).encode()


def url(chance):
    host = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(5, 12)))
    path = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=chance.randint(8, 16)))
    return f"http://{host}.{chance.choice(('com', 'net', 'org', 'info', 'ru'))}/{chance.choice(WORDS)}/{path}.exe\n".encode()


def octets_of(chance, target):
    """A run of octets as files of that kind have it."""
    if target in (3, 4, 7):
        return text(chance).lower()  # normalised by libclamav
    return text(chance) if chance.random() < 0.4 else random_octets(chance, 12, 64)


def body(chance, target):
    """Hexadecimal, some with gaps and alternatives between. What is for every kind of file is mostly a link."""
    if target == 0 and chance.random() < 0.7:
        return url(chance).hex()
    parts = [octets_of(chance, target).hex()]
    while chance.random() < 0.15:
        gap = chance.choice(("*", "??", "{-100}", "{2-8}", "(20|09)", "{4}"))
        parts += [gap, octets_of(chance, target).hex()]
    return "".join(parts)


def offset(chance, target):
    if target == 1:
        return weighted(chance, (("*", 850), (f"EP+{chance.randint(0, 256)}", 100), ("S0+0", 20), (str(chance.randint(0, 512)), 30)))
    return weighted(chance, (("*", 960), ("0", 30), (str(chance.randint(1, 200)), 10)))


def body_signature(chance, number):
    target = weighted(chance, BODY_TARGETS)
    return f"Made.Body-{number}:{target}:{offset(chance, target)}:{body(chance, target)}"


def expression(chance, count):
    if count > 3 and chance.random() < 0.08:
        half = count // 2
        return f"({'|'.join(map(str, range(half)))})&({'|'.join(map(str, range(half, count)))})"
    joined = "&".join(str(i) if chance.random() > 0.03 else f"{i}>{chance.randint(1, 5)}" for i in range(count))
    return f"({joined})" if chance.random() < 0.2 else joined


def logical_signature(chance, number):
    target = weighted(chance, LOGICAL_TARGETS)
    count = weighted(chance, SUBSIGNATURES)
    wanted = "Engine:51-255"
    if target == 0 and chance.random() < 0.4:
        wanted += ",Container:CL_TYPE_MAIL"
    if chance.random() < (0.4 if target == 0 else 0.03):
        least = 1 << chance.randint(14, 21)
        wanted += f",FileSize:{least}-{least * 4}"
    subsignatures = []
    for _ in range(count):
        place = offset(chance, target)
        ending = chance.choice(("::i", "::w", "::iw")) if chance.random() < 0.08 else ""
        subsignatures.append(("" if place == "*" else place + ":") + octets_of(chance, target).hex() + ending)
    return f"Made.Logical-{number};{wanted},Target:{target};{expression(chance, count)};{';'.join(subsignatures)}"


def write(directory, name, lines):
    with open(os.path.join(directory, name), "w", encoding="ascii") as file:
        file.writelines(line + "\n" for line in lines)


def make(directory, signatures=200_000, seed=1):
    """Writes the files; the directory is made if it is missing."""
    os.makedirs(directory, exist_ok=True)
    chance = random.Random(seed)
    counts = [signatures * part // 1000 for part in (HASHES_MD5, HASHES_SHA256, SECTIONS, BODIES)]
    md5, sha256, sections, bodies = counts
    size = lambda: int(chance.lognormvariate(11.5, 1.6)) + 1  # noqa: E731
    write(directory, "made.hdb", (f"{chance.randbytes(16).hex()}:{size()}:Made.Hash-{i}" for i in range(md5)))
    write(directory, "made.hsb", (f"{chance.randbytes(32).hex()}:{size()}:Made.Sha256-{i}" for i in range(sha256)))
    write(directory, "made.mdb",
          (f"{512 * chance.randint(1, 2000)}:{chance.randbytes(16).hex()}:Made.Section-{i}" for i in range(sections)))
    write(directory, "made.ndb", (body_signature(chance, i) for i in range(bodies)))
    write(directory, "made.ldb", (logical_signature(chance, i) for i in range(signatures - sum(counts))))


def main():
    parser = argparse.ArgumentParser(description="Makes a signature database for benchmarks.")
    parser.add_argument("--signatures", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("directory")
    arguments = parser.parse_args()
    make(arguments.directory, arguments.signatures, arguments.seed)


if __name__ == "__main__":
    main()
