"""Whether a message costs the same however many sessions there are, and however many messages there were. Parts of scale."""

import contextlib

from . import measure, targets
from .figures import Figure
from .loads import Load
from .places import Trouble
from .progress import Progress
from .scaling import MIB, in_words
from .table import cell, number
from .tables import Part

_MOST_GROWTH = "at most 1.05"
_MOST_BY_SESSIONS = "at most 1.10 (flat)"


def _cost(own, target, load, mails, count):
    """CPU seconds for 1,000 messages."""
    before = measure.cpu(target.processes())
    sent = own.send(target.port, load, mails, messages=count, patience=120)
    if sent["messages"] != count:
        raise Trouble(f"{sent['messages']} of {count} messages were taken: {sent['trouble']}")
    return sum(measure.difference(before, measure.cpu(target.processes())).values()) * 1000 / count


# ---- sessions

def sessions(build, directory, own, mails, counts, messages, repeat, database):
    """CPU for a message with so many sessions at work at once. `messages`: of each measurement, with scanning off; a fifth of it, with
    scanning on, but no fewer than sessions."""
    measured = {}
    progress = Progress(2 * repeat * len(counts))
    with contextlib.closing(targets.Sink(directory)) as sink:
        for folder in (None, database):
            with contextlib.closing(targets.Sandwich(build, sink, folder)) as target:
                each = messages // 5 if target.scans else messages
                own.send(target.port, Load("warm", "", 50), mails, messages=500, patience=60)
                for repetition in range(repeat):
                    for count in counts:
                        progress.step(f"{count:,} sessions at work, {repetition + 1} of {repeat}: {target.title}")
                        cost = _cost(own, target, Load("sessions", "", count), mails, max(each, count))
                        measured.setdefault(target.title, {}).setdefault(count, []).append(cost)
    progress.end()
    rows, goals = [], []
    for title, costs in measured.items():
        rows.append([title, *(cell(Figure.of(costs[count])) for count in counts)])
        medians = {count: Figure.of(costs[count]).value for count in counts[1:] or counts}
        worst = max(medians, key=medians.get)
        ratio = Figure.of(cost / first for cost, first in zip(costs[worst], costs[counts[0]]) if first)
        goals.append((f"Growth: CPU of a message with {worst:,} sessions, {counts[0]:,} = 1 ({title})", _MOST_BY_SESSIONS, cell(ratio)))
    return Part("Sessions at work", f"CPU seconds for 1,000 messages of 4 KiB, one message for each connection, with so many sessions at once; "
                f"{repeat} times in turns.", ["", *(f"{count:,}" for count in counts)], rows, goals)


# ---- many messages

_STEPS = 100
# It remembers what was delivered, and takes memory for each until it is full: here from the first hundredth on.
_SMALL_JOURNAL = {"journal.max_size": "1m"}


def many(build, directory, own, mails, count, database):
    """Memory after a hundredth of `count` messages and after each tenth, and what the messages cost in between: also beside HAProxy, which
    gets a tenth as many at the same time, since a machine may be slower by then."""
    head = ["messages", "MiB", "of the first", "CPU s for 1,000", "HAProxy", "HAProxy = 1", "by process"]
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(contextlib.closing(targets.Sink(directory)))
        beside = stack.enter_context(contextlib.closing(targets.Haproxy(directory, sink)))
        target = stack.enter_context(contextlib.closing(targets.Sandwich(build, sink, database, _SMALL_JOURNAL)))
        for each in (beside, target):
            own.send(each.port, Load("warm", "", 10), mails, messages=200, patience=60)
        portion = max(count // _STEPS, 1)
        progress = Progress(_STEPS)
        points = []  # (messages, octets by process, CPU for 1,000 since the one before, the same of HAProxy)
        costs = []
        for step in range(1, _STEPS + 1):
            progress.step(f"{portion * _STEPS:,} messages, {portion * (step - 1):,} sent: {target.title}")
            costs.append([_cost(own, one, Load("many", "", 50), mails, messages)
                          for one, messages in ((target, portion), (beside, max(portion // 10, 200)))])
            if step == 1 or step % (_STEPS // 10) == 0:
                points.append((portion * step, measure.resident(target.processes()), *(sum(column) / len(costs) for column in zip(*costs))))
                costs = [] if step > 1 else costs
        progress.end()
        title = target.title
    first = sum(points[0][1].values())
    rows = [[f"{sent:,}", number(sum(octets.values()) / MIB), f"{sum(octets.values()) / first:.3f}", number(cost), number(others),
             number(cost / others) if others else "-", in_words(octets)]
            for sent, octets, cost, others in points]
    tenths = [cost for _, _, cost, _ in points[1:]]
    ratios = [cost / others for _, _, cost, others in points[1:] if others]
    growth = {name: octets / points[0][1][name] for name, octets in points[-1][1].items() if points[0][1].get(name)}
    worst = max(growth, key=growth.get)
    goals = [(f"Growth: memory of the {worst} after {points[-1][0]:,} messages, after {points[0][0]:,} = 1 ({title})", _MOST_GROWTH,
              f"{growth[worst]:.3f}"),
             (f"Growth: CPU of a message in the last tenth, in the first = 1 ({title})", "flat",
              number(tenths[-1] / tenths[0]) if tenths[0] else "-"),
             (f"Growth: the same in units of HAProxy's CPU at that time ({title})", "flat",
              number(ratios[-1] / ratios[0]) if len(ratios) == len(tenths) and ratios[0] else "-")]
    return Part(f"Many messages: {title}", f"{portion * _STEPS:,} messages of 4 KiB in one run of the daemon, 50 sessions, one message for each "
                "connection: memory (RSS) at that point, CPU since the one before. With max_size=1m in [journal], which is full after 8,000 "
                "messages: with more it grows until it is full. HAProxy: what a tenth as many messages through it cost at the same time.", head, rows, goals)
