"""Line charts as SVG: throughput and CPU against sessions and against the size of a message, both axes logarithmic."""

import dataclasses
import html
import math

_WIDTH, _HEIGHT = 700, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 240, 40, 50
# Colours that also those tell apart who see some of them alike (Okabe and Ito).
_COLOURS = ("#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#808080", "#8c510a")


@dataclasses.dataclass
class Line:
    title: str
    points: list  # (x, y); what is not above 0 is left out
    number: int  # which colour; the same in all charts of a campaign


def _decades(low, high):
    """Powers of ten around two values; at least one decade."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return first, max(last, first + 1)


def _short(value):
    return f"{value:g}" if value < 10000 else f"{value / 1000:g}k"


class _Frame:
    """Where values lie on the picture."""

    def __init__(self, xs, ys):
        self._x = math.log10(min(xs)), math.log10(max(xs) * 1.0001)
        self._y = _decades(min(ys), max(ys))

    def x(self, value):
        low, high = self._x
        share = (math.log10(value) - low) / (high - low) if high - low > 0.001 else 0.5
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value):
        low, high = self._y
        return _HEIGHT - _BOTTOM - (math.log10(value) - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    def y_ticks(self):
        low, high = self._y
        steps = (1, 2, 5) if high - low < 3 else (1,)
        return [10.0**power * step for power in range(low, high + 1) for step in steps if power < high or step == 1]


def chart(title, x_title, y_title, lines, ticks):
    """`ticks`: x -> words. The SVG, or nothing when no line has two points."""
    lines = [Line(line.title, [(x, y) for x, y in line.points if x > 0 and y > 0], line.number) for line in lines]
    lines = [line for line in lines if len(line.points) > 1]
    if not lines:
        return ""
    frame = _Frame(list(ticks), [y for line in lines for _, y in line.points])
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" '
             'font-family="sans-serif" font-size="12">', f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
             _text(_LEFT, 22, title, "start", 'font-size="14" font-weight="bold"'), _text((_LEFT + right) / 2, _HEIGHT - 12, x_title),
             _text(16, (_TOP + bottom) / 2, y_title, "middle", f'transform="rotate(-90 16 {(_TOP + bottom) / 2:.1f})"')]
    for value in frame.y_ticks():
        y = frame.y(value)
        parts += [f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#dddddd"/>', _text(_LEFT - 6, y + 4, _short(value), "end")]
    for value, words in ticks.items():
        x = frame.x(value)
        parts += [f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{bottom}" stroke="#eeeeee"/>', _text(x, bottom + 16, words)]
    parts.append(f'<rect x="{_LEFT}" y="{_TOP}" width="{right - _LEFT}" height="{bottom - _TOP}" fill="none" stroke="#888888"/>')
    for place, line in enumerate(lines):
        parts += _drawn(line, _COLOURS[line.number % len(_COLOURS)], frame, place)
    return "\n".join(parts) + "\n</svg>\n"


def _drawn(line, colour, frame, place):
    points = [(frame.x(x), frame.y(y)) for x, y in sorted(line.points)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    legend_x, legend_y = _WIDTH - _RIGHT + 12, _TOP + 8 + 18 * place
    return [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
            *(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points),
            f'<line x1="{legend_x}" y1="{legend_y}" x2="{legend_x + 18}" y2="{legend_y}" stroke="{colour}" stroke-width="2"/>',
            _text(legend_x + 24, legend_y + 4, line.title, "start", 'font-size="11"')]


def _text(x, y, words, anchor="middle", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{html.escape(words)}</text>'
