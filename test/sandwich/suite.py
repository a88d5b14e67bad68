"""How a suite is written, run and counted: each test is a function, told apart by its name, that fails by an exception.

    suite = Suite()

    @suite.test
    def helo_works(): ...

    suite.main()

Tests that mostly wait, and share nothing with others, or only what each thread has its own of, may be `@suite.test_apart`: those that
follow each other so run at the same time, in a few threads.

`main` runs them in order, prints `ok NAME`, `FAIL NAME: why` or `skip NAME: why` for each and `N passed, N failed[, N skipped]` at
the end, and exits 1 when one failed. Arguments: parts of names; only tests with one of them in their name run."""

import concurrent.futures
import itertools
import signal
import sys
import threading
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


class PerThread:
    """What each thread of a suite has one of: made with its first use, all closed together."""

    def __init__(self, make):
        self._make = make
        self._own = threading.local()
        self._all = []

    def get(self):
        if not hasattr(self._own, "one"):
            self._own.one = self._make()
            self._all.append(self._own.one)
        return self._own.one

    def close(self):
        for one in self._all:
            one.close()


class Suite:
    THREADS = 4

    def __init__(self):
        self._tests = []

    def test(self, function):
        self.add(function.__name__, function)
        return function

    def test_apart(self, function):
        self.add(function.__name__, function, apart=True)
        return function

    def add(self, name, function, apart=False):
        self._tests.append((name, function, apart))

    def main(self, cleanup=None):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the default would leave daemons and directories behind
        wanted = sys.argv[1:]
        counts = {"ok": 0, "FAIL": 0, "skip": 0}
        try:
            for line in self._run([test for test in self._tests if not wanted or any(part in test[0] for part in wanted)]):
                counts[line.split()[0]] += 1
                print(line, flush=True)
        finally:
            if cleanup:
                cleanup()
        passed, failed, skipped = counts.values()
        print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
        sys.exit(1 if failed or passed + skipped == 0 else 0)

    def _run(self, tests):
        """The line of each, in order."""
        for apart, group in itertools.groupby(tests, lambda test: test[2]):
            if not apart:
                yield from (_outcome(*test) for test in group)
                continue
            with concurrent.futures.ThreadPoolExecutor(self.THREADS) as threads:
                yield from threads.map(lambda test: _outcome(*test), group)


def _outcome(name, function, _):
    try:
        function()
    except Skip as reason:
        return f"skip {name}: {reason}"
    except Exception as problem:  # a broken test is a failed test
        return f"FAIL {name}: {_where(problem)}{_one_line(problem)}"
    return f"ok {name}"


def _one_line(problem):
    name = "" if isinstance(problem, Failure) else type(problem).__name__ + " "
    return name + " | ".join(str(problem).splitlines())


def _where(problem):
    """The innermost line of a test file, as "smtp_in.py:120: "."""
    frames = [f for f in traceback.extract_tb(problem.__traceback__) if not f.filename.endswith("suite.py")]
    return f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}: " if frames else ""
