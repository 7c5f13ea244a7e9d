"""Line charts with logarithmic axes, as SVG that reads well on white and on black."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

Points = Sequence[tuple[float, float]]

_WIDTH, _HEIGHT = 460, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 34, 46
_LEGEND_LINE = 17
_GRAY = "#808080"
#: By Okabe and Ito, told apart by people who see few colours; as dark as white and black allow.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b8860b", "#b5609a", "#4a9fd0")


@dataclass(frozen=True)
class Line:
    """A line of a chart: its colour is the pair's, and peers are dashed."""

    name: str
    points: Points
    colour: int
    dashed: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart: its title, what its axes count, and its lines."""

    title: str
    across: str
    up: str
    lines: Sequence[Line]
    ticks: Mapping[float, str] | None = None


@dataclass(frozen=True)
class _Axis:
    """A logarithmic axis from `low` to `high`, drawn from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        share = (log10(value) - log10(self.low)) / (log10(self.high) - log10(self.low))
        return self.start + share * (self.end - self.start)


def svg(charts: Sequence[Chart]) -> str:
    """Return charts beside each other as one SVG document."""
    legend = max((len(chart.lines) for chart in charts), default=0) * _LEGEND_LINE + 8
    width, height = _WIDTH * len(charts), _HEIGHT + legend
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="12" '
        f'fill="{_GRAY}">'
    ]
    for place, chart in enumerate(charts):
        parts += [f'<g transform="translate({place * _WIDTH} 0)">', *_chart(chart), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _chart(chart: Chart) -> list[str]:
    points = [point for line in chart.lines for point in line.points]
    if not points:
        return [_text(_WIDTH / 2, _HEIGHT / 2, "nothing measured", "middle")]
    across = _axis([x for x, _ in points], _LEFT, _WIDTH - _RIGHT, tight=True)
    up = _axis([y for _, y in points], _HEIGHT - _BOTTOM, _TOP)
    parts = [_text(_LEFT, 18, chart.title, weight="bold")]
    parts += _grid(across, up, chart.ticks)
    parts.append(_text((_LEFT + _WIDTH) / 2, _HEIGHT - 8, chart.across, "middle"))
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    turn = f' transform="rotate(-90 14 {middle:.1f})"'
    parts.append(_text(14, middle, chart.up, "middle", more=turn))
    for number, line in enumerate(chart.lines):
        parts += _line(line, across, up) + _legend(line, number)
    return parts


def _axis(values: Sequence[float], start: float, end: float, *, tight: bool = False) -> _Axis:
    low, high = min(values), max(values)
    if tight:
        low, high = low / 1.15, high * 1.15
    else:
        low, high = _below(low), _above(high)
    return _Axis(low, high, start, end)


def _steps(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times the powers of ten from low to high."""
    powers = range(floor(log10(low)) - 1, ceil(log10(high)) + 2)
    return [step * 10.0**power for power in powers for step in (1, 2, 5)]


def _below(value: float) -> float:
    return max(step for step in _steps(value, value) if step <= value * (1 + 1e-9))


def _above(value: float) -> float:
    return min(step for step in _steps(value, value) if step >= value * (1 - 1e-9))


def _grid(across: _Axis, up: _Axis, named: Mapping[float, str] | None) -> list[str]:
    parts = []
    ticks = named or {step: f"{step:g}" for step in _steps(across.low, across.high)}
    for value, label in ticks.items():
        if across.low <= value <= across.high:
            x = across.place(value)
            parts += [_rule(x, up.start, x, up.end), _text(x, up.start + 16, label, "middle")]
    for value in _steps(up.low, up.high):
        if up.low * 0.999 <= value <= up.high * 1.001:
            y = up.place(value)
            label = _text(across.start - 6, y + 4, f"{value:g}", "end")
            parts += [_rule(across.start, y, across.end, y), label]
    return parts


def _line(line: Line, across: _Axis, up: _Axis) -> list[str]:
    colour = _COLOURS[line.colour % len(_COLOURS)]
    places = [(across.place(x), up.place(y)) for x, y in line.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{colour}"/>' for x, y in places]
    return [f'<polyline points="{path}" {_stroke(line)}/>', *dots]


def _legend(line: Line, number: int) -> list[str]:
    y = _HEIGHT + 8 + number * _LEGEND_LINE
    stroke = f'<line x1="{_LEFT}" y1="{y}" x2="{_LEFT + 34}" y2="{y}" {_stroke(line)}/>'
    return [stroke, _text(_LEFT + 42, y + 4, line.name)]


def _stroke(line: Line) -> str:
    dashes = ' stroke-dasharray="5 4"' if line.dashed else ""
    colour = _COLOURS[line.colour % len(_COLOURS)]
    return f'fill="none" stroke="{colour}" stroke-width="2"{dashes}'


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{_GRAY}" stroke-opacity="0.3"/>'
    )


def _text(
    x: float, y: float, words: str, anchor: str = "start", *, weight: str = "normal", more: str = ""
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}"{more}>'
        f"{escape(words)}</text>"
    )
