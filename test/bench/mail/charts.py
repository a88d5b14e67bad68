"""Which charts are made of a campaign: name of the file -> SVG."""

from .plot import Line, chart
from .texts import SIZES, TITLES

_RATE, _CPU = "messages a second", "CPU seconds for 1,000 messages"


def charts(campaign, figures):
    own = [load for load in campaign.loads if load.sender == "own" and load.reuse == 1]
    sessions = {load.sessions: load for load in own if load.texts == "4K"}
    sizes = {SIZES[load.texts]: load for load in own if load.shape == "s10" and load.texts in SIZES}
    session_ticks = {count: str(count) for count in sorted(sessions)}
    size_ticks = {SIZES[kind]: TITLES[kind] for kind in SIZES if SIZES[kind] in sizes}
    made = {}
    for name, figure, title in (("rate", figures.rate, _RATE), ("cpu", figures.cpu, _CPU)):
        made[f"{name}-by-sessions.svg"] = chart(f"{title[0].upper()}{title[1:]}, 4 KiB", "sessions at once", title,
                                                _lines(campaign, sessions, figure), session_ticks)
        lines = _lines(campaign, sizes, figure)
        if name == "cpu" and campaign.engine:
            points = [(size, figures.engine_cpu(load.name)) for size, load in sizes.items()]
            lines.append(Line(campaign.engine.title, [(size, found.value) for size, found in points if found], len(campaign.targets)))
        made[f"{name}-by-size.svg"] = chart(f"{title[0].upper()}{title[1:]}, 10 sessions", "size of a message", title, lines, size_ticks)
    return {name: picture for name, picture in made.items() if picture}


def _lines(campaign, loads, figure):
    lines = []
    for number, target in enumerate(campaign.targets):
        points = ((x, figure(target.name, load.name)) for x, load in loads.items())
        lines.append(Line(target.title, [(x, found.value) for x, found in points if found], number))
    return lines
