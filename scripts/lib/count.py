#!/usr/bin/python3
"""Counts what a suite did: prints `PASSED FAILED SKIPPED` and exits 0 when it could tell.

    count.py suite LOG STATUS      a suite that ends with `N passed, N failed[, N skipped]`
    count.py meson TESTLOG_JSON    what `meson test` left behind in meson-logs/testlog.json

A suite without its closing line, or whose exit status disagrees with it, has failed: a crash must not look like a success."""

import json
import re
import sys

_CLOSING = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$")
_DOCTEST = re.compile(r"^\[doctest\] test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed\s*\|\s*(\d+) skipped", re.M)


def closing_line(text):
    """The counts of the last line of `text` that is not empty, or None."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    match = _CLOSING.match(lines[-1]) if lines else None
    return [int(group or 0) for group in match.groups()] if match else None


def count_suite(path, status):
    with open(path, encoding="utf-8", errors="replace") as log:
        passed, failed, skipped = closing_line(log.read()) or (0, 1, 0)
    if passed + failed + skipped == 0 or (status != 0 and failed == 0):
        failed += 1
    return passed, failed, skipped


def count_test(test):
    """One test of Meson: the cases inside it where it tells them, else itself."""
    result, output = test["result"], re.sub(r"\x1b\[[0-9;]*m", "", test.get("stdout") or "")
    if result == "SKIP":
        return 0, 0, 1
    cases = _DOCTEST.findall(output)
    if cases:
        _, passed, failed, skipped = (sum(int(group[i]) for group in cases) for i in range(4))
    else:
        passed, failed, skipped = closing_line(output) or (1 if result in ("OK", "EXPECTEDFAIL") else 0, 0, 0)
    if (result not in ("OK", "EXPECTEDFAIL") and failed == 0) or passed + failed + skipped == 0:
        failed += 1
    return passed, failed, skipped


def count_meson(path):
    with open(path, encoding="utf-8") as log:
        counts = [count_test(json.loads(line)) for line in log if line.strip()]
    return [sum(column) for column in zip(*counts)] if counts else (0, 1, 0)


def main(arguments):
    if arguments[:1] == ["suite"] and len(arguments) == 3:
        counts = count_suite(arguments[1], int(arguments[2]))
    elif arguments[:1] == ["meson"] and len(arguments) == 2:
        try:
            counts = count_meson(arguments[1])
        except (OSError, ValueError, KeyError):
            counts = 0, 1, 0
    else:
        sys.exit(__doc__)
    print(*counts)


if __name__ == "__main__":
    main(sys.argv[1:])
