"""The figures of a campaign as Markdown: a row for each load, a column for each target."""

from .figures import Figure
from .goals import Goals
from .texts import TITLES

_MIB = 1 << 20


def number(value):
    """Three digits that tell."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def cell(figure):
    """Median and spread, or `-`."""
    if figure is None:
        return "-"
    if figure.least == figure.most:
        return number(figure.value)
    return f"{number(figure.value)} ({number(figure.least)}-{number(figure.most)})"


def markdown(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


class Tables:
    def __init__(self, campaign, figures):
        self._campaign, self._figures = campaign, figures
        self._loads, self._targets = campaign.loads, campaign.targets
        self._names = {target.name for target in self._targets}

    def text(self):
        parts = [
            ("Messages a second", "Median, and the spread of the repetitions.", self._each(self._targets, self._figures.rate)),
            ("Messages a second, direct = 1", "", self._ratios("direct")),
            ("Messages a second, HAProxy = 1", "", self._ratios("haproxy")),
            ("CPU seconds for 1,000 messages", "Of the processes that stand between sender and sink, none other.",
             self._each(self._others("direct"), self._figures.cpu)),
            ("CPU, HAProxy = 1", "", self._cpu_ratios()),
            ("Latency", "Milliseconds of a message, median / 99 of 100: from its connection (its MAIL, where the connection is used again) "
             "to the reply to its final dot.", self._latency()),
            ("CPU seconds for 1,000 messages, by process", "", self._processes()),
            ("System calls for a message", "Counted by strace, which makes each one slow, so that less is done in one go than otherwise.", self._calls()),
            ("Memory", "MiB (PSS) after the last load.", self._memory()),
            ("Scanning, beside libclamav alone", "The same mails and signatures, libclamav's temporary files in memory, right after each load. CPU: "
             "all of it, for 1,000 messages. Alone, libclamav has a heap that is kept from mail to mail: with the C library's defaults it "
             "may take up to twice as long (`scripts/bench scan`). sandwichd and clamd remember files that were clean, as they are installed; "
             "alone, libclamav does not. That counts where files come again, in the corpus and in what smtp-source sends, not in the made "
             "mails, of which no two are alike. Added: the median latency of one session (`lat1`) less that of direct and less the time of "
             "the scan alone.",
             self._scanning()),
            ("Beside the goals", "The worst of all loads; scanning peers that stalled under a load are left out there.", self._goals()),
        ]
        return "\n".join(f"### {title}\n\n{words + chr(10) * 2 if words else ''}{table}" for title, words, table in parts if table)

    def brief(self):
        """The short form for README.md; nothing where the loads that it tells of were not sent."""
        if not {"s10/4K", "lat1/4K"} <= {load.name for load in self._loads}:
            return ""
        figures, rows = self._figures, []
        last = {row["target"]: row["pss"] for row in self._campaign.rows}
        for target in self._targets:
            rate = figures.rate(target.name, "s10/4K")
            if rate is None:
                continue
            others = target.name != "direct"
            share = figures.rate_ratio(target.name, "direct", "s10/4K") if others else None
            rows.append([target.title, number(rate.value), number(share.value) if share else "1",
                         *(self._median(figures.cpu, target.name, load) if others else "-" for load in ("s10/4K", "s10/corpus")),
                         "/".join(self._median(figures.latency, target.name, "lat1/4K", which) for which in ("median_ms", "p99_ms")),
                         number(sum(last[target.name].values()) / _MIB) if others else "-"])
        if self._campaign.engine:
            cpu = [figures.engine_cpu(load) for load in ("s10/4K", "s10/corpus")]
            rows.append([self._campaign.engine.title, "", "", *(number(one.value) if one else "-" for one in cpu), "",
                         number(sum(self._campaign.engine_pss.values()) / _MIB)])
        return markdown(["10 sessions, 4 KiB", "messages/s", "direct = 1", "CPU s for 1,000", "of the corpus", "latency ms, one session (median/99 %)",
                         "MiB"], rows)

    @staticmethod
    def _median(figure, *what):
        found = figure(*what)
        return number(found.value) if found else "-"

    def _others(self, name):
        return [target for target in self._targets if target.name != name]

    def _each(self, targets, figure):
        if not targets:
            return ""
        return self._table(targets, lambda target, load: cell(figure(target.name, load.name)))

    def _table(self, targets, words, loads=None):
        rows = [[load.title] + [words(target, load) for target in targets] for load in loads or self._loads]
        return markdown([""] + [target.title for target in targets], rows)

    def _ratios(self, base):
        others = self._others(base)
        if base not in self._names or not others:
            return ""
        return self._table(others, lambda target, load: cell(self._figures.rate_ratio(target.name, base, load.name)))

    def _cpu_ratios(self):
        others = [target for target in self._others("haproxy") if target.name != "direct"]
        if "haproxy" not in self._names or not others:
            return ""
        return self._table(others, lambda target, load: cell(self._figures.cpu_ratio(target.name, "haproxy", load.name)))

    def _latency(self):
        def words(target, load):
            median, late = (self._figures.latency(target.name, load.name, which) for which in ("median_ms", "p99_ms"))
            return f"{number(median.value)} / {number(late.value)}" if median and late else "-"

        loads = [load for load in self._loads if load.sender == "own"]
        return self._table(self._targets, words, loads) if loads else ""

    def _processes(self):
        rows = []
        for load in self._loads:
            for target in self._others("direct"):
                names = sorted({name for row in self._rows(target, load) for name in row["cpu"]})
                shares = (f"{name} {number(self._share(target, load, name).value)}" for name in names)
                rows.append([load.title, target.title, ", ".join(shares) or "-"])
        return markdown(["", "", "CPU s"], rows) if rows else ""

    def _rows(self, target, load):
        rows = (self._figures.row(target.name, load.name, repetition) for repetition in self._figures.repetitions)
        return [row for row in rows if row]

    def _share(self, target, load, name):
        return Figure.of(row["cpu"].get(name, 0) * 1000 / row["messages"] for row in self._rows(target, load))

    def _calls(self):
        rows = []
        for (load, target), names in self._campaign.calls.items():
            for name, calls in sorted(names.items()):
                if sum(calls.values()) >= 0.1:
                    most = sorted(calls.items(), key=lambda one: -one[1])
                    words = ", ".join(f"{call} {number(count)}" for call, count in most if count >= 0.1)
                    rows.append([load.title, target.title, name, number(sum(calls.values())), words])
        return markdown(["", "", "process", "calls", "which"], rows) if rows else ""

    def _memory(self):
        rows = []
        for target in self._others("direct"):
            last = [row["pss"] for row in self._campaign.rows if row["target"] == target.name][-1:]
            for names in last:
                parts = ", ".join(f"{name} {number(octets / _MIB)}" for name, octets in sorted(names.items()))
                rows.append([target.title, number(sum(names.values()) / _MIB), parts])
        if self._campaign.engine:
            octets = number(sum(self._campaign.engine_pss.values()) / _MIB)
            rows.append([self._campaign.engine.title, octets, f"engine {octets}"])
        return markdown(["", "MiB", "by process"], rows) if rows else ""

    def _scanning(self):
        if not self._campaign.engine:
            return ""
        figures, rows = self._figures, []
        for load in self._loads:
            for target in self._targets:
                if target.scans and load.sender == "own":
                    added = figures.added_latency(target.name, load.name) if load.sessions == 1 else None
                    rows.append([load.title, target.title, cell(figures.engine_cpu(load.name)), cell(figures.cpu(target.name, load.name)),
                                 cell(figures.engine_ratio(target.name, load.name)), cell(added)])
        return markdown(["", "", "alone, CPU s", "through it, CPU s", "ratio", "added ms"], rows) if rows else ""

    def _goals(self):
        rows = [[what, goal, cell(figure), where] for what, goal, figure, where in Goals(self._campaign, self._figures).rows()]
        return markdown(["", "goal", "figure", "load"], rows) if rows else ""
