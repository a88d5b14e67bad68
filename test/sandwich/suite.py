"""How a suite is written, run and counted: each test is a function, told apart by its name, that fails by an exception.

    suite = Suite()

    @suite.test
    def helo_works(): ...

    suite.main()

`main` runs them in order, prints `ok NAME`, `FAIL NAME: why` or `skip NAME: why` for each and `N passed, N failed[, N skipped]` at
the end, and exits 1 when one failed. Arguments: parts of names; only tests with one of them in their name run."""

import sys
import time
import traceback


class Skip(Exception):
    """Raised by a test that cannot run here; the text says what is missing."""


class Failure(AssertionError):
    """A check that did not hold."""


def check(condition, *why):
    """Unlike assert, never optimized away."""
    if not condition:
        raise Failure(" ".join(str(part) for part in why) or "check failed")


def equal(got, wanted, what=""):
    if got != wanted:
        raise Failure(f"{what + ': ' if what else ''}got {_short(got)}, wanted {_short(wanted)}")


def _short(value, limit=600):
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def wait_for(what, condition, seconds=10.0):
    """Waits until `condition()` is true, and returns what it returned; a Failure naming `what` when it does not become so."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited {seconds} s in vain for {what}")
        time.sleep(0.01)


class Suite:
    def __init__(self):
        self._tests = []

    def test(self, function):
        self.add(function.__name__, function)
        return function

    def add(self, name, function):
        self._tests.append((name, function))

    def main(self, cleanup=None):
        wanted = sys.argv[1:]
        passed = failed = skipped = 0
        try:
            for name, function in self._tests:
                if wanted and not any(part in name for part in wanted):
                    continue
                try:
                    function()
                except Skip as reason:
                    skipped += 1
                    print(f"skip {name}: {reason}", flush=True)
                except Exception as problem:  # a broken test is a failed test
                    failed += 1
                    print(f"FAIL {name}: {_where(problem)}{_one_line(problem)}", flush=True)
                else:
                    passed += 1
                    print(f"ok {name}", flush=True)
        finally:
            if cleanup:
                cleanup()
        print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
        sys.exit(1 if failed or passed + skipped == 0 else 0)


def _one_line(problem):
    name = "" if isinstance(problem, Failure) else type(problem).__name__ + " "
    return name + " | ".join(str(problem).splitlines())


def _where(problem):
    """The innermost line of a test file, as "smtp_in.py:120: "."""
    frames = [f for f in traceback.extract_tb(problem.__traceback__) if not f.filename.endswith("suite.py")]
    return f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}: " if frames else ""
