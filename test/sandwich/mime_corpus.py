#!/usr/bin/python3
"""Collected mail that hides files from readers of MIME, and ordinary mail that hides nothing: what a worker sees in each, and what
GMime sees (test/evasion). Needs the corpus (SANDWICH_CORPUS); the generated set is test/unit/scanners/test_evasion.cpp."""

import glob
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import corpus  # noqa: E402
from suite import Failure, Suite, check, equal  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SIGNATURES = os.path.join(ROOT, "etc", "test-signatures")

suite = Suite()


def _program(name):
    path = os.path.join(os.environ.get("SANDWICH_BUILD", ""), "test", "evasion", name)
    if not os.access(path, os.X_OK):
        raise Failure(f"no {path}: set SANDWICH_BUILD")
    return path


def _files(*parts):
    pattern = os.path.join(corpus.directory(), *parts)
    found = sorted(path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path))
    check(found, f"nothing at {pattern}")
    return [path for path in found if not re.search(r"MANIFEST\.tsv$|\.mbox", path)]


def _run(command, files):
    done = subprocess.run(command + files, stdout=subprocess.PIPE, timeout=120)
    equal(done.returncode, 0, os.path.basename(command[0]))
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    return lines[:-1], lines[-1]


def _look(files, *options, database=SIGNATURES):
    """One line a file, and the sums as numbers by their names."""
    lines, last = _run([_program("evasion_look"), *options, database], files)
    equal(len(lines), len(files), "lines")
    return lines, {name: float(number) for number, name in re.findall(r"([\d.]+) (mails|found|extras|malformed)\b", last)}


def _clean(lines):
    """The numbers at the beginnings of the names of the files in which nothing was found."""
    return sorted(re.search(r"/(\d+)-[^/ ]*\.eml", line).group(1) for line in lines if line.startswith("CLEAN"))


@suite.test
def hidden_files_are_found_as_they_stand_in_the_file():
    lines, sums = _look(_files("mime", "mime-is-broken", "hide-content", "*.eml"), "--raw")
    equal(sums["mails"], 186)
    # 116 and 128: the BinHex in them holds 21 octets, "ARRAY(0x55a642d8d418)", and not the file: their author's program
    # printed a reference. There is nothing to find.
    equal(_clean(lines), ["116", "128"])


@suite.test
def hidden_files_are_found_as_the_proxy_hands_them_on():
    lines, _ = _look(_files("mime", "mime-is-broken", "hide-content", "*.eml"))
    # 140: the zip stands there as it is, without encoding, and holds octets 13 that no 10 follows. The proxy hands each on as a
    # blank (invariant 7), so that whoever gets the mail gets a damaged zip, too.
    equal(_clean(lines), ["116", "128", "140"])


@suite.test
def hidden_names_are_seen():
    files = _files("mime", "mime-is-broken", "hide-filename", "*.eml")
    lines, _ = _look(files, "--names", database="none")
    equal(len(files), 88)
    without = [line for line in lines if not re.search(r"\[[^]]*\.zip\]", line)]
    # 132 is the author's own control: its only name is file.png.
    equal(len(without), 1)
    check("/132-" in without[0] and "[file.png]" in without[0], without)


@suite.test
def what_libclamavs_own_reader_misses_is_found():
    lines, sums = _look(_files("malware-safe", "clamav-testfiles", "*.eml"))
    equal((sums["mails"], sums["found"]), (7, 7))
    equal(len([line for line in lines if line.startswith("found -")]), 4, "by another reading only")


@suite.test
def ordinary_mail_has_no_defects_that_count_and_few_other_readings():
    _, sums = _look(_files("ham", "**"), database="none")
    check(sums["mails"] > 4000, sums)
    equal(sums["malformed"], 0)
    check(sums["extras"] <= 0.05 * sums["mails"], sums)


@suite.test
def gmime_reads_the_same():
    files = _files("ham", "**") + _files("spam", "**") + _files("mime", "**")
    lines, last = _run([_program("second_opinion")], files)
    kinds = [tuple(line.split()[1:3]) for line in lines]
    same = int(last.split()[0])
    equal(same + len(kinds), len(files))
    # By the book, we differ in one thing: RFC 2045 section 6.7 (3) has blanks at the ends of quoted-printable lines removed, GMime
    # keeps them. All other differences are in mails that have a defect which makes readers differ, and other readings for it.
    equal({kind for kind in kinds if kind[1] == "clear"}, {("ends", "clear")})
    check(same > 0.9 * len(files), last)


if __name__ == "__main__":
    suite.main()
