"""How far a benchmark is: a bar with the time left on a terminal, else a line now and then."""

import sys
import time


class Progress:
    def __init__(self, steps, stream=sys.stderr):
        self._steps, self._done = steps, 0
        self._stream = stream
        self._terminal = stream.isatty()
        self._begun = self._told = time.monotonic()

    def step(self, what):
        """Before each step; the last of them is followed by end()."""
        now = time.monotonic()
        share = self._done / self._steps
        left = f", {(now - self._begun) * (1 - share) / share:.0f} s left" if share > 0.02 else ""
        if self._terminal:
            filled = int(share * 30)
            self._stream.write(f"\r[{'#' * filled}{'.' * (30 - filled)}] {share:4.0%}{left}: {what}"[:118].ljust(118))
            self._stream.flush()
        elif self._done == 0 or now - self._told >= 10:
            self._told = now
            print(f"[{self._clock(now)}] {self._done} of {self._steps}{left}: {what}", file=self._stream, flush=True)
        self._done += 1

    def say(self, words):
        """A line that stays."""
        clear = "\r" + " " * 118 + "\r" if self._terminal else ""
        print(f"{clear}[{self._clock(time.monotonic())}] {words}", file=self._stream, flush=True)

    def end(self):
        if self._terminal:
            self._stream.write("\r" + " " * 118 + "\r")
        self.say("measured")

    def _clock(self, now):
        seconds = int(now - self._begun)
        return f"{seconds // 60}:{seconds % 60:02d}"
