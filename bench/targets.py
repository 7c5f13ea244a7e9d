"""What is promised, beside what was measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import geometric_mean, median

from bench import batch, memory, modes, startup
from bench.cases import Record

Records = Sequence[Record]


@dataclass(frozen=True)
class Target:
    """One line of the summary.

    Parameters
    ----------
    section
        Whose records it looks at.
    what
        What is measured, in words.
    figures
        The figures by what they are of; their worst is compared with the limit.
    limit
        What is promised.
    least
        Whether the limit is the least there may be, or the most.
    combine
        For a figure of all together instead of the worst.
    """

    section: str
    what: str
    figures: Callable[[Records], dict[str, float]]
    limit: float
    least: bool = True
    combine: Callable[[Sequence[float]], float] | None = None


@dataclass(frozen=True)
class Outcome:
    """A target, and how it came out; `figure` is None if it was not measured."""

    what: str
    limit: str
    figure: float | None
    where: str
    met: bool | None


def outcome(target: Target, records: Records) -> Outcome:
    """Compare a target with what was measured."""
    sign = "≥" if target.least else "≤"
    limit = f"{sign} {target.limit:g}"
    figures = target.figures([r for r in records if r.section == target.section])
    if not figures:
        return Outcome(target.what, limit, None, "", None)
    if target.combine is not None:
        figure, where = target.combine(list(figures.values())), f"over {len(figures)}"
    else:
        where = (min if target.least else max)(figures, key=figures.__getitem__)
        figure = figures[where]
    met = figure >= target.limit if target.least else figure <= target.limit
    return Outcome(target.what, limit, figure, where, met)


def outcomes(records: Records) -> list[Outcome]:
    """Compare every target of the sections that were run."""
    run = {record.section for record in records}
    return [outcome(target, records) for target in TARGETS if target.section in run]


def _ratios(
    *peers: str, groups: tuple[str, ...] = (), rows: tuple[str, ...] = ()
) -> Callable[[Records], dict[str, float]]:
    """Return a function giving ratios to these peers; groups and rows by their beginning."""

    def figures(records: Records) -> dict[str, float]:
        return {
            ", ".join(filter(None, (record.row, record.group, peer if len(peers) > 1 else ""))):
            record.ratio(peer)
            for record in records
            for peer in peers
            if peer in record.peers
            and (not groups or record.group.startswith(groups))
            and (not rows or record.row.startswith(rows))
        }  # fmt: skip

    return figures


def _inverse(figures: Callable[[Records], dict[str, float]]) -> Callable[..., dict[str, float]]:
    """Return ours over theirs."""
    return lambda records: {name: 1 / ratio for name, ratio in figures(records).items()}


def _first_run(records: Records) -> dict[str, float]:
    return {r.row: r.ours for r in records if r.unit == "s"}


def _memory(*, options: bool) -> Callable[[Records], dict[str, float]]:
    """Return a function giving peaks over what is allowed, of plain jobs or those with options."""

    def figures(records: Records) -> dict[str, float]:
        return {
            f"{r.row}, {r.group}": r.ours - r.facts["allowed"]
            for r in records
            if r.group.startswith(memory.OPTIONS) == options
        }

    return figures


def _growth(records: Records) -> dict[str, float]:
    """Return the peak for the most images over that for the second most."""
    peaks: dict[str, list[tuple[int, float]]] = {}
    for each in records:
        if each.unit == "MB":
            peaks.setdefault(each.group, []).append((int(each.row.replace(",", "")), each.ours))
    found = {}
    for group, given in peaks.items():
        if len(given) > 1:
            (fewer, before), (most, peak) = sorted(given)[-2:]
            found[f"{group}, {most:,} over {fewer:,}"] = peak / before
    return found


def _regret(records: Records) -> dict[str, float]:
    return {f"{r.row}, {r.group}": r.facts["regret"] for r in records}


def _dense(depth: str) -> Callable[[Records], dict[str, float]]:
    """Return a function giving ratios of a depth on the most threads."""

    def figures(records: Records) -> dict[str, float]:
        groups = {record.group for record in records if record.group.startswith(depth)}
        most = max(groups, key=lambda group: int(group.split()[-2]), default="")
        return _ratios("OpenCV", groups=(most,))(records) if most else {}

    return figures


def _dense_targets() -> list[Target]:
    means = {"8-bit, whole": 2.0, "8-bit, real": 2.0, "16-bit": None, "float32": 1.3}
    found = []
    for depth, mean in means.items():
        figures = _dense(depth)
        words = depth + (" weights" if "," in depth else "")
        found.append(Target("dense", f"dense {words}, every size against filter2D", figures, 1.0))
        if mean is not None:
            words = f"dense {words}, geometric mean"
            found.append(Target("dense", words, figures, mean, combine=geometric_mean))
    return found


_NAMED = _ratios("OpenCV", groups=("OpenCV's own",))
_GENERAL = _ratios("OpenCV", groups=("OpenCV's filter2D",))
_LIBRARIES = _ratios("SciPy", "PyTorch", "Pillow")
_BANKS = _ratios("PyTorch")
_FLOOR = _ratios(startup.FLOOR, rows=("apply",))
_CLICK = _ratios(startup.CLICK, rows=("shape",))
_PHOTOGRAPHS = _ratios("Pillow", groups=("photographs",))
_FLAT = _ratios("Pillow", groups=("text",))
_MODES = {row: _ratios(modes.PLAIN, rows=(row,)) for row in modes.MODES}
_PLAIN_MEMORY, _MEMORY = _memory(options=False), _memory(options=True)

TARGETS = (
    *_dense_targets(),
    Target("named", "named kernels, every one against OpenCV's own function", _NAMED, 1.0),
    Target("named", "other kernels, every one against filter2D", _GENERAL, 1.0),
    Target("libraries", "3×3 to 7×7 against SciPy, PyTorch, Pillow", _LIBRARIES, 10),
    Target("banks", "banks of filters, every one against conv2d", _BANKS, 0.7),
    Target("banks", "the same, geometric mean", _BANKS, 1.0, combine=geometric_mean),
    Target("find", "a patch of 16×16 to 256×256 against matchTemplate", _ratios("OpenCV"), 1.0),
    Target("commands", "JPEG → JPEG against libvips", _ratios("libvips", rows=("JPEG",)), 1.0),
    Target("commands", "PNG → PNG against libvips", _ratios("libvips", rows=("PNG",)), 2.0),
    *(
        Target("modes", f"{row} over {modes.PLAIN}", _inverse(over), 1.6, least=False)
        for row, over in _MODES.items()
    ),
    Target("modes", "RGBA against libvips", _ratios(modes.VIPS), 1.5),
    Target(
        "startup", "warm apply over importing what it needs", _inverse(_FLOOR), 1.5, least=False
    ),
    Target("startup", "warm shape over importing click", _inverse(_CLICK), 1.3, least=False),
    Target("startup", "first run ever, seconds", _first_run, 3.0, least=False),
    Target("png-sizes", "PNG over Pillow's, photographs", _inverse(_PHOTOGRAPHS), 1.0, least=False),
    Target("png-sizes", "PNG over Pillow's, text and flat", _inverse(_FLAT), 1.3, least=False),
    Target("memory", "peak memory over what is allowed, MB", _PLAIN_MEMORY, 0, least=False),
    Target("memory", "the same with options of every kind, MB", _MEMORY, 0, least=False),
    Target("batch", "peak memory, most images over fewer", _growth, 1.1, least=False),
    Target("batch", "images a second against mogrify", _ratios(batch.MOGRIFY), 2.0),
    Target("batch", "images a second against vips under parallel -j2", _ratios(batch.VIPS), 1.2),
    Target("regret", "planner's regret, median", _regret, 1.1, least=False, combine=median),
    Target("regret", "planner's regret, worst", _regret, 1.5, least=False),
)
