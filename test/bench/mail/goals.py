"""What shall be reached, and how far it is: the worst of all loads for each goal. Tells; judges nothing."""

from .figures import Figure


class Goals:
    def __init__(self, campaign, figures):
        self._loads, self._figures = campaign.loads, figures
        self._targets = {target.name: target for target in campaign.targets}
        self._own = [load for load in campaign.loads if load.sender == "own"]
        self._has_engine = campaign.engine is not None

    def rows(self):
        """(what, goal, Figure, where) of what could be measured."""
        found = []
        if {"haproxy", "relaying"} <= self._targets.keys():
            found += self._relaying()
        if self._has_engine and "scanning" in self._targets:
            found += self._scanning()
        found += [row for name in self._targets for row in self._peer(name)]
        return [row for row in found if row[2]]

    def _relaying(self):
        rate = {load.title: self._figures.rate_ratio("relaying", "haproxy", load.name) for load in self._loads}
        cpu = {load.title: self._figures.cpu_ratio("relaying", "haproxy", load.name) for load in self._loads}
        yield ("Scanning off: messages a second, HAProxy = 1", "at least 1", *_worst(rate, min))
        yield ("Scanning off: CPU, HAProxy = 1", "at most 1.5", *_worst(cpu, max))
        late = Figure.of(self._late("relaying", repetition) for repetition in self._figures.repetitions)
        yield ("Scanning off: median latency above HAProxy's, ms", "at most 0.2", late, "lat1 4 KiB")
        tail = self._figures.over("relaying", "lat1/4K", lambda row: row["p99_ms"] / row["median_ms"])
        yield ("Scanning off: 99 of 100 over the median", "at most 3", tail, "lat1 4 KiB")

    def _late(self, target, repetition):
        one, other = self._figures.row(target, "lat1/4K", repetition), self._figures.row("haproxy", "lat1/4K", repetition)
        return one["median_ms"] - other["median_ms"] if one and other else None

    def _scanning(self):
        cpu = {load.title: self._figures.engine_ratio("scanning", load.name) for load in self._own}
        added = {load.title: self._figures.added_latency("scanning", load.name) for load in self._own if load.sessions == 1}
        yield ("Scanning on: whole CPU, libclamav alone = 1", "at most 0.80", *_worst(cpu, max))
        yield ("Scanning on: median latency beyond the scan, ms", "at most 1", *_worst(added, max))

    def _peer(self, name):
        target = self._targets[name]
        if name == "scanning" or not target.scans or "scanning" not in self._targets:
            return
        rate = {load.title: self._figures.rate_ratio("scanning", name, load.name) for load in self._loads}
        yield (f"Scanning on: messages a second, {target.title} = 1", "at least 5", *_worst(rate, min))


def _worst(figures, pick):
    """(Figure, its load), by the medians."""
    present = {where: figure for where, figure in figures.items() if figure}
    if not present:
        return None, ""
    where = pick(present, key=lambda one: present[one].value)
    return present[where], where
