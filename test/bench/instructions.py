#!/usr/bin/python3
"""Counts the instructions that a mail takes in the proxy's memory (path.cpp), and compares them with those on record.

    instructions.py PROGRAM COMPILER [--record]

PROGRAM is bench_path of a release build. callgrind counts it with few mails and with more: the difference is what the mails took,
without the start, and the same however busy the machine is. More than a tenth over the record fails. --record writes what was counted
into instructions.txt instead; the commit says why. A compiler without a record is skipped.

Judged are three figures: the digest of the text, which is the library's work and grows with the text; what is kept for
"sandwichctl why", which a thread of its own does; and all the rest. The parts of it tell where a change is."""

import concurrent.futures
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

RECORD = pathlib.Path(__file__).with_name("instructions.txt")
HEAD = """# Instructions for each mail in the proxy's memory, counted by instructions.py; the test "instructions" allows a tenth more.
# Changed by "instructions.py ... --record" only, in a commit that says why.
#
# compiler, octets of the mail, what, instructions
"""
TENTH = 1.1
SKIPPED = 77  # Meson's exit status for it

MAILS = {4096: (5, 25), 65536: (2, 6)}  # octets of a mail: how many of them in the two runs
PARTS = ["envelope_in", "text_in", "digest", "recognise", "judge", "text_out", "answer", "explain"]
JUDGED = ["digest", "explain", "rest"]

# Not this processor's fastest string functions and digests, but those that every one has: the record holds for all of them.
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "TZ": "UTC",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX,-BMI2,-ERMS,-SSE4_2,-SSE4_1,-SSSE3",
    "OPENSSL_ia32cap": "0:0",
}


def count(program, mails, size):
    """Instructions of one run: all of them, and those of each part with what it calls."""
    with tempfile.TemporaryDirectory(prefix="sandwich-count.") as directory:
        out = pathlib.Path(directory) / "callgrind.out"
        options = ["--tool=callgrind", f"--callgrind-out-file={out}", "--compress-strings=no", "--compress-pos=no"]
        command = ["valgrind", *options, program, str(mails), str(size)]
        done = subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}")
        return read(out)


def read(path):
    """A file of callgrind's: after "cfn=NAME" and "calls=..." comes a line that ends with what these calls took."""
    counted = dict.fromkeys(PARTS, 0)
    called, is_call = None, False
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if is_call:
                counted[called] = counted.get(called, 0) + int(line.split()[-1])
                is_call = False
            elif line.startswith("cfn="):
                name = re.search(r"\bPath::(\w+)\(", line)
                called = name.group(1) if name else None
            elif line.startswith("calls="):
                is_call = called in PARTS
            elif line.startswith(("totals:", "summary:")):
                counted["all"] = int(line.split()[1])
    if "all" not in counted or not all(counted.values()):
        sys.exit(f"callgrind's file is not as it should be: {counted}")
    return counted


def measure(program):
    """{size: {part: instructions for each mail}}, and "rest" for what is judged as one."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = {(size, mails): pool.submit(count, program, mails, size) for size, both in MAILS.items() for mails in both}
        counted = {key: run.result() for key, run in runs.items()}
    result = {}
    for size, (few, more) in MAILS.items():
        part = {name: (counted[size, more][name] - counted[size, few][name]) // (more - few) for name in [*PARTS, "all"]}
        part["rest"] = part["all"] - part["digest"] - part["explain"]
        result[size] = part
    return result


def read_record():
    record = {}
    for line in RECORD.read_text(encoding="ascii").splitlines() if RECORD.exists() else ():
        if line and not line.startswith("#"):
            compiler, size, what, instructions = line.split()
            record[compiler, int(size), what] = int(instructions)
    return record


def write_record(compiler, measured):
    record = {key: value for key, value in read_record().items() if key[0] != compiler}
    record |= {(compiler, size, what): part[what] for size, part in measured.items() for what in JUDGED}
    lines = [f"{name} {size} {what} {instructions}\n" for (name, size, what), instructions in sorted(record.items())]
    RECORD.write_text(HEAD + "".join(lines), encoding="ascii")


def compare(measured, compiler, record):
    """Prints every figure beside its record; returns how many are more than a tenth over."""
    over = 0
    for size, part in measured.items():
        for what in JUDGED:
            was, now = record[compiler, size, what], part[what]
            too_many = now > was * TENTH
            over += too_many
            comment = "MORE THAN A TENTH OVER THE RECORD" if too_many else ""
            if now * TENTH < was:
                comment = "less than the record, which can be lowered"
            change = f"{100 * now / was - 100:+.1f} %"
            print(f"{size:>6} octets, {what:<7} {now:>8} instructions for each mail, record {was:>8} ({change}) {comment}")
    return over


def main(arguments):
    recording = "--record" in arguments
    positional = [argument for argument in arguments if argument != "--record"]
    if len(positional) != 2:
        sys.exit(__doc__)
    program, compiler = positional
    if not shutil.which("valgrind", path=ENVIRONMENT["PATH"]):
        print("valgrind is not here")
        return SKIPPED
    measured = measure(program)
    for size, part in measured.items():
        print(f"{size:>6} octets: " + ", ".join(f"{name} {part[name]}" for name in PARTS))
    if recording:
        write_record(compiler, measured)
        return 0
    record = read_record()
    if not any(key[0] == compiler for key in record):
        print(f"{RECORD.name} has nothing of {compiler}: nothing to compare with")
        return SKIPPED
    over = compare(measured, compiler, record)
    if over:
        print(f"If it has to be so: {pathlib.Path(__file__).name} {program} {compiler} --record, and a commit that says why.")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
