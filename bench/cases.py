"""One piece of work, done by us and by others: what is checked, measured and written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from bench import timing

#: Something that is done, and whose result may be looked at.
Work = Callable[[], Any]


class Wrong(Exception):
    """A result that is not what it must be; nothing is timed then."""


def nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Record:
    """What was measured of a case.

    Parameters
    ----------
    section, group, row
        Where it stands: a section has tables, one a group, and these have rows.
    unit
        `ms`, `s`, `MB` or `bytes`.
    ours
        Our median, in that unit.
    peers
        Theirs, by name.
    runs
        How many of each the medians are of.
    facts
        What else there is to say, by column.
    """

    section: str
    group: str
    row: str
    unit: str
    ours: float
    peers: Mapping[str, float]
    runs: int
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Its name in comparisons with earlier results."""
        return " | ".join((self.section, self.group, self.row))

    def ratio(self, peer: str) -> float:
        """How many times ours a peer's figure is."""
        return self.peers[peer] / self.ours

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Case:
    """What to compare.

    Parameters
    ----------
    group, row
        As in `Record`.
    ours, peers
        The work; what it returns is looked at by `check` only.
    check
        Called before anything is timed; raises `Wrong`.
    before
        Called before checks and measurements: the number of threads, say.
    unit
        `ms` and `s` are timed; for `MB` and `bytes` the work itself returns the figure.
    facts
        Further columns; called afterwards.
    rest
        Seconds to wait before every run, so that threads of the one before have gone to sleep.
    runs
        Runs of each, which `check` has warmed up; None to warm up here, and run as often as fits
        the time.
    twice
        Whether each run follows one that isn't counted, of the same work.
    """

    group: str
    row: str
    ours: Work
    peers: Mapping[str, Work] = field(default_factory=dict)
    check: Callable[[], None] = nothing
    before: Callable[[], None] = nothing
    unit: str = "ms"
    facts: Callable[[], dict[str, Any]] = dict
    rest: float = timing.REST
    runs: int | None = None
    twice: bool = False

    def measure(self, section: str, budget: timing.Budget) -> Record:
        """Run ours and theirs in turns, and return the medians."""
        self.before()
        works = {"": self.ours, **self.peers}
        if self.unit in ("ms", "s"):
            how = {"rest": self.rest, "runs": self.runs, "twice": self.twice}
            taken = timing.alternate(works, budget, **how)
            figures = {name: timing.median(times) for name, times in taken.items()}
            if self.unit == "ms":
                figures = {name: 1000 * seconds for name, seconds in figures.items()}
            runs = len(taken[""])
        else:
            figures, runs = {name: float(work()) for name, work in works.items()}, 1
        ours = figures.pop("")
        where = (section, self.group, self.row, self.unit)
        return Record(*where, ours, figures, runs, self.facts())
