"""Medians, spreads and ratios from the rows of a campaign. A ratio is taken within a repetition, and then its median: what makes one
repetition slower than another does not count."""

import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Figure:
    """The median, the least and the most of the repetitions."""

    value: float
    least: float
    most: float

    @classmethod
    def of(cls, values):
        values = [value for value in values if value is not None]
        return cls(statistics.median(values), min(values), max(values)) if values else None


class Figures:
    def __init__(self, rows, scans):
        self._rows = {(row["target"], row["load"], row["repetition"]): row for row in rows}
        self._scans = {(scan["load"], scan["repetition"]): scan for scan in scans}
        self.repetitions = sorted({row["repetition"] for row in rows})

    def row(self, target, load, repetition):
        """None for what was not measured, or did not work."""
        row = self._rows.get((target, load, repetition))
        return row if row and row["messages"] and not row["stalled"] else None

    def over(self, target, load, value):
        """A Figure of value(row)."""
        rows = (self.row(target, load, repetition) for repetition in self.repetitions)
        return Figure.of(value(row) for row in rows if row)

    def rate(self, target, load):
        """Messages a second."""
        return self.over(target, load, lambda row: row["rate"])

    def rate_ratio(self, target, other, load):
        return self._ratio(target, other, load, lambda row: row["rate"])

    def cpu(self, target, load):
        """CPU seconds of the target's processes for 1,000 messages."""
        return self.over(target, load, cpu_each)

    def cpu_ratio(self, target, other, load):
        return self._ratio(target, other, load, cpu_each)

    def _ratio(self, target, other, load, value):
        ratios = []
        for repetition in self.repetitions:
            one, two = self.row(target, load, repetition), self.row(other, load, repetition)
            if one and two and value(two):
                ratios.append(value(one) / value(two))
        return Figure.of(ratios)

    def latency(self, target, load, which="median_ms"):
        return self.over(target, load, lambda row: row.get(which))

    def engine_cpu(self, load):
        """CPU seconds of libclamav alone for 1,000 messages."""
        return Figure.of(self._engine_each(load, repetition) for repetition in self.repetitions)

    def engine_ratio(self, target, load):
        """All CPU time of `target` over that of libclamav alone."""
        ratios = []
        for repetition in self.repetitions:
            row, alone = self.row(target, load, repetition), self._engine_each(load, repetition)
            if row and alone:
                ratios.append(cpu_each(row) / alone)
        return Figure.of(ratios)

    def added_latency(self, target, load):
        """Milliseconds: the median of `target` less that of `direct` and less what libclamav alone takes for a message."""
        added = []
        for repetition in self.repetitions:
            row, direct = self.row(target, load, repetition), self.row("direct", load, repetition)
            scan = self._scans.get((load, repetition))
            if row and direct and scan and scan["messages"]:
                added.append(row["median_ms"] - direct["median_ms"] - scan["seconds"] / scan["messages"] * 1000)
        return Figure.of(added)

    def _engine_each(self, load, repetition):
        scan = self._scans.get((load, repetition))
        return scan["cpu"] * 1000 / scan["messages"] if scan and scan["messages"] else None


def cpu_each(row):
    return sum(row["cpu"].values()) * 1000 / row["messages"]
